"""Which payment pays how much of which line of an invoice."""

from typing import ClassVar

from tortoise import fields

from models.ids import Prefix
from models.invoice import InvoiceLine
from models.payment import Payment
from models.record import Record


class Allocation(Record):
    """`amount` in minor units of the invoice's currency; what was given back is allocated no more."""

    prefix: ClassVar[Prefix] = Prefix.ALLOCATION

    line: fields.ForeignKeyRelation[InvoiceLine] = fields.ForeignKeyField(
        "models.InvoiceLine", related_name="allocations", on_delete=fields.RESTRICT
    )
    line_id: str
    payment: fields.ForeignKeyRelation[Payment] = fields.ForeignKeyField(
        "models.Payment", related_name="allocations", on_delete=fields.RESTRICT
    )
    payment_id: str
    amount = fields.BigIntField()

    class Meta:
        """Table and indexes."""

        table = "allocation"
        unique_together = (("line_id", "payment_id"),)
        indexes = (("payment_id",),)
