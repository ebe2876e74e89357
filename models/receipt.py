"""What a payer is given in writing: a receipt of a payment, a credit note of a refund, each with a number that leaves no gap."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar

from tortoise import fields

from models.customer import Customer
from models.database import client
from models.ids import Prefix, new_id
from models.payment import Payment
from models.record import Record
from models.refund import Refund
from models.seller import Seller
from models.statements import Dialect, binder

HOUSE = "house"
"""The series of what is nobody's sale but the house's own; a seller's series is the seller's id."""


class ReceiptKind(StrEnum):
    """Each kind is numbered apart."""

    RECEIPT = "RECEIPT"
    CREDIT_NOTE = "CREDIT_NOTE"


class Receipt(Record):
    """Issued at `created_at`; `cause_id` is the id of the payment or, of a credit note, of the refund, which has one at most.

    `number` is as it was printed first, `sequence` what is counted within the series, kind and year. `seller` is whose series it is.
    """

    prefix: ClassVar[Prefix] = Prefix.RECEIPT

    kind = fields.CharField(max_length=16)
    number = fields.CharField(max_length=64)
    series = fields.CharField(max_length=32)
    year = fields.IntField()
    sequence = fields.IntField()
    cause_id = fields.CharField(max_length=32, unique=True)
    payment: fields.ForeignKeyRelation[Payment] = fields.ForeignKeyField(
        "models.Payment", related_name="receipts", on_delete=fields.RESTRICT
    )
    payment_id: str
    refund: fields.ForeignKeyNullableRelation[Refund] = fields.ForeignKeyField(
        "models.Refund", related_name="receipts", on_delete=fields.RESTRICT, null=True
    )
    refund_id: str | None
    customer: fields.ForeignKeyNullableRelation[Customer] = fields.ForeignKeyField(
        "models.Customer", related_name="receipts", on_delete=fields.RESTRICT, null=True
    )
    customer_id: str | None
    seller: fields.ForeignKeyNullableRelation[Seller] = fields.ForeignKeyField(
        "models.Seller", related_name="receipts", on_delete=fields.RESTRICT, null=True
    )
    seller_id: str | None

    class Meta:
        """Table and indexes."""

        table = "receipt"
        unique_together = (("series", "kind", "year", "sequence"),)
        indexes = (("payment_id", "id"), ("refund_id",), ("customer_id", "id"), ("seller_id", "id"), ("number",))


class ReceiptCounter(Record):
    """`highest` is the last number of the series, kind and year; the row is locked from `take` to the end of the transaction."""

    prefix: ClassVar[Prefix] = Prefix.RECEIPT_COUNTER

    series = fields.CharField(max_length=32)
    kind = fields.CharField(max_length=16)
    year = fields.IntField()
    highest = fields.IntField()

    class Meta:
        """Table and indexes."""

        table = "receipt_counter"
        unique_together = (("series", "kind", "year"),)


async def take(series: str, kind: ReceiptKind, year: int, count: int) -> range:
    """The next `count` numbers, inside the transaction that uses them all: undone with it, so that none is left out.

    Others who count in the same series wait for its end.
    """
    now = datetime.now(UTC)
    row = [new_id(ReceiptCounter.prefix, now), now, series, kind.value, year, count]
    connection = client()
    mark = binder(Dialect(connection.capabilities.dialect))
    taken = await connection.execute_query_dict(_TAKE.format(marks=", ".join(mark() for _ in row)), row)
    last = int(taken[0]["highest"])
    return range(last - count + 1, last + 1)


_TAKE = """INSERT INTO "receipt_counter" ("id", "created_at", "series", "kind", "year", "highest") VALUES ({marks})
ON CONFLICT ("series", "kind", "year") DO UPDATE SET "highest" = "receipt_counter"."highest" + excluded."highest" RETURNING "highest" """
