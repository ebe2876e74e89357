"""Money back: all or part of one payment."""

from enum import StrEnum
from typing import ClassVar

from tortoise import fields

from models.customer import Customer
from models.ids import Prefix
from models.payment import Payment
from models.record import Record
from models.seller import Seller


class RefundStatus(StrEnum):
    """Stripe's Refund.status, upper case; UNKNOWN for a word newer than this version."""

    PENDING = "PENDING"
    REQUIRES_ACTION = "REQUIRES_ACTION"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    UNKNOWN = "UNKNOWN"


RETURNING = frozenset({RefundStatus.PENDING, RefundStatus.REQUIRES_ACTION, RefundStatus.SUCCEEDED, RefundStatus.UNKNOWN})
"""Refunds whose amount is spoken for: what is left of a payment is its amount less these."""

COME_BACK = frozenset({RefundStatus.FAILED, RefundStatus.CANCELED})
"""Refunds whose money did not arrive."""


class RefundReason(StrEnum):
    """Stripe's Refund.reason, upper case; OTHER is sent to Stripe as none."""

    REQUESTED_BY_CUSTOMER = "REQUESTED_BY_CUSTOMER"
    DUPLICATE = "DUPLICATE"
    FRAUDULENT = "FRAUDULENT"
    OTHER = "OTHER"


class Refund(Record):
    """Amount in minor units of the payment's currency; `automatic` when nobody asked for it: what was paid twice or too much goes back."""

    prefix: ClassVar[Prefix] = Prefix.REFUND

    payment: fields.ForeignKeyRelation[Payment] = fields.ForeignKeyField(
        "models.Payment", related_name="refunds", on_delete=fields.RESTRICT
    )
    payment_id: str
    customer: fields.ForeignKeyNullableRelation[Customer] = fields.ForeignKeyField(
        "models.Customer", related_name="refunds", on_delete=fields.RESTRICT, null=True
    )
    customer_id: str | None
    seller: fields.ForeignKeyNullableRelation[Seller] = fields.ForeignKeyField(
        "models.Seller", related_name="refunds", on_delete=fields.RESTRICT, null=True
    )
    seller_id: str | None
    automatic = fields.BooleanField(default=False)
    status = fields.CharField(max_length=24, default=RefundStatus.PENDING.value)
    stripe_status = fields.CharField(max_length=64, null=True)
    amount = fields.BigIntField()
    currency = fields.CharField(max_length=3)
    reason = fields.CharField(max_length=32, default=RefundReason.OTHER.value)
    description = fields.TextField(null=True)
    failure_reason = fields.CharField(max_length=128, null=True)
    stripe_refund_id = fields.CharField(max_length=64, null=True, unique=True)
    stripe_version = fields.BigIntField(default=0)

    class Meta:
        """Table and indexes."""

        table = "refund"
        indexes = (("payment_id", "id"), ("customer_id", "id"), ("seller_id", "id"), ("status", "id"))
