"""A customer asks for money back, and support decides."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from tortoise import fields

from models.customer import Customer
from models.ids import Prefix
from models.payment import Payment
from models.record import Record
from models.refund import Refund
from models.seller import Seller


class RefundRequestStatus(StrEnum):
    """PENDING until support decides, or the customer withdraws."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"


class RefundRequest(Record):
    """`amount` in minor units of the payment's currency, None for all that is left.

    `pending_payment_id` is the payment while the request is open, and unique: a payment has one open request at most.
    """

    prefix: ClassVar[Prefix] = Prefix.REFUND_REQUEST

    payment: fields.ForeignKeyRelation[Payment] = fields.ForeignKeyField(
        "models.Payment", related_name="refund_requests", on_delete=fields.RESTRICT
    )
    payment_id: str
    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "models.Customer", related_name="refund_requests", on_delete=fields.RESTRICT
    )
    customer_id: str
    seller: fields.ForeignKeyNullableRelation[Seller] = fields.ForeignKeyField(
        "models.Seller", related_name="refund_requests", on_delete=fields.RESTRICT, null=True
    )
    seller_id: str | None
    refund: fields.OneToOneNullableRelation[Refund] = fields.OneToOneField(
        "models.Refund", related_name="request", on_delete=fields.RESTRICT, null=True
    )
    refund_id: str | None
    status = fields.CharField(max_length=16, default=RefundRequestStatus.PENDING.value)
    pending_payment_id = fields.CharField(max_length=32, null=True, unique=True)
    amount = fields.BigIntField(null=True)
    currency = fields.CharField(max_length=3)
    reason = fields.TextField()
    decision_note: str | None = fields.TextField(null=True)
    decided_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        """Table and indexes."""

        table = "refund_request"
        indexes = (("payment_id", "id"), ("customer_id", "id"), ("seller_id", "id"), ("status", "id"))
