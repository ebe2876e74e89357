"""A payer's bank asks for money back (docs.stripe.com/disputes)."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from tortoise import fields

from models.customer import Customer
from models.ids import Prefix
from models.payment import Payment
from models.record import Record
from models.seller import Seller


class DisputeStatus(StrEnum):
    """Stripe's Dispute.status, upper case; UNKNOWN for a word newer than this version. The WARNING ones are inquiries: no money moved."""

    WARNING_NEEDS_RESPONSE = "WARNING_NEEDS_RESPONSE"
    WARNING_UNDER_REVIEW = "WARNING_UNDER_REVIEW"
    WARNING_CLOSED = "WARNING_CLOSED"
    NEEDS_RESPONSE = "NEEDS_RESPONSE"
    UNDER_REVIEW = "UNDER_REVIEW"
    WON = "WON"
    LOST = "LOST"
    PREVENTED = "PREVENTED"
    APPEAL_NEEDS_RESPONSE = "APPEAL_NEEDS_RESPONSE"
    APPEAL_UNDER_REVIEW = "APPEAL_UNDER_REVIEW"
    UNKNOWN = "UNKNOWN"


CONTESTED = frozenset(
    {
        DisputeStatus.NEEDS_RESPONSE,
        DisputeStatus.UNDER_REVIEW,
        DisputeStatus.LOST,
        DisputeStatus.APPEAL_NEEDS_RESPONSE,
        DisputeStatus.APPEAL_UNDER_REVIEW,
        DisputeStatus.UNKNOWN,
    }
)
"""Disputes whose money is with the bank: the payment counts as disputed."""

SETTLED = frozenset({DisputeStatus.WON, DisputeStatus.LOST, DisputeStatus.WARNING_CLOSED, DisputeStatus.PREVENTED})
"""Disputes about which nothing is left to be done."""


class Dispute(Record):
    """Amount in minor units of `currency`, which may be another one than the payment's."""

    prefix: ClassVar[Prefix] = Prefix.DISPUTE

    payment: fields.ForeignKeyRelation[Payment] = fields.ForeignKeyField(
        "models.Payment", related_name="disputes", on_delete=fields.RESTRICT
    )
    payment_id: str
    customer: fields.ForeignKeyNullableRelation[Customer] = fields.ForeignKeyField(
        "models.Customer", related_name="disputes", on_delete=fields.RESTRICT, null=True
    )
    customer_id: str | None
    seller: fields.ForeignKeyNullableRelation[Seller] = fields.ForeignKeyField(
        "models.Seller", related_name="disputes", on_delete=fields.RESTRICT, null=True
    )
    seller_id: str | None
    status = fields.CharField(max_length=32)
    stripe_status = fields.CharField(max_length=64)
    reason = fields.CharField(max_length=128)
    amount = fields.BigIntField()
    currency = fields.CharField(max_length=3)
    evidence_due_by: datetime | None = fields.DatetimeField(null=True)
    stripe_dispute_id = fields.CharField(max_length=64, unique=True)
    stripe_version = fields.BigIntField(default=0)

    class Meta:
        """Table and indexes."""

        table = "dispute"
        indexes = (("payment_id", "id"), ("customer_id", "id"), ("seller_id", "id"), ("status", "id"))
