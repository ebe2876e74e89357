"""Credits: a ledger that only grows, and the lots of it that are still to be used."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar

from tortoise import fields

from models.customer import Customer
from models.ids import Prefix
from models.invoice import Invoice
from models.payment import Payment
from models.record import Record

ENDLESS = datetime(9999, 1, 1, tzinfo=UTC)
"""Stands for no end, so that times can be compared without asking whether there is one."""


class CreditEntryKind(StrEnum):
    """PURCHASE and RENEWAL are granted by payments, GRANT by the host; REFUND takes back what a payment had granted, or gives it again."""

    PURCHASE = "PURCHASE"
    RENEWAL = "RENEWAL"
    GRANT = "GRANT"
    USE = "USE"
    REFUND = "REFUND"
    EXPIRY = "EXPIRY"


class CreditEntry(Record):
    """A line of the ledger, never changed: the customer's balance is their sum, and `balance_after` that up to here.

    `cause` is unique: what would book the same once more is refused.
    """

    prefix: ClassVar[Prefix] = Prefix.CREDIT_ENTRY

    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "models.Customer", related_name="credit_entries", on_delete=fields.RESTRICT
    )
    customer_id: str
    payment: fields.ForeignKeyNullableRelation[Payment] = fields.ForeignKeyField(
        "models.Payment", related_name="credit_entries", on_delete=fields.RESTRICT, null=True
    )
    payment_id: str | None
    amount = fields.BigIntField()
    balance_after = fields.BigIntField()
    kind = fields.CharField(max_length=16)
    description = fields.TextField(null=True)
    cause = fields.CharField(max_length=96, null=True, unique=True)

    class Meta:
        """Table and indexes."""

        table = "credit_entry"
        indexes = (("customer_id", "id"), ("payment_id",))


class CreditLot(Record):
    """Credits that were granted at once: of `granted`, `remaining` can be used until `expires_at`.

    `withdrawn` were taken back, `expired` lost. Those of a paid period are of its invoice.

    The lots' `remaining` add up to the customer's balance, or to nothing where that is negative.
    """

    prefix: ClassVar[Prefix] = Prefix.CREDIT_LOT

    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "models.Customer", related_name="credit_lots", on_delete=fields.RESTRICT
    )
    customer_id: str
    payment: fields.OneToOneNullableRelation[Payment] = fields.OneToOneField(
        "models.Payment", related_name="credit_lot", on_delete=fields.RESTRICT, null=True
    )
    payment_id: str | None
    invoice: fields.OneToOneNullableRelation[Invoice] = fields.OneToOneField(
        "models.Invoice", related_name="credit_lot", on_delete=fields.RESTRICT, null=True
    )
    invoice_id: str | None
    granted = fields.BigIntField()
    remaining = fields.BigIntField()
    withdrawn = fields.BigIntField(default=0)
    expired = fields.BigIntField(default=0)
    expires_at: datetime = fields.DatetimeField(default=ENDLESS)

    class Meta:
        """Table and indexes."""

        table = "credit_lot"
        indexes = (("customer_id", "expires_at"), ("expires_at", "id"))
