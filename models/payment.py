"""Money in: one attempt of one customer to pay one amount, mirrored from Stripe's PaymentIntent and its charge."""

from enum import StrEnum
from typing import Any, ClassVar

from tortoise import fields

from models.customer import Customer
from models.ids import Prefix
from models.invoice import Invoice
from models.plan import Plan, Price
from models.promotion_code import PromotionCode
from models.record import Record
from models.seller import Seller
from models.subscription import Subscription


class PaymentStatus(StrEnum):
    """UNKNOWN: Stripe said something newer than this version; `stripe_status` has its word."""

    PENDING = "PENDING"
    REQUIRES_ACTION = "REQUIRES_ACTION"
    PROCESSING = "PROCESSING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    PARTIALLY_REFUNDED = "PARTIALLY_REFUNDED"
    REFUNDED = "REFUNDED"
    DISPUTED = "DISPUTED"
    UNKNOWN = "UNKNOWN"


PAID = frozenset({PaymentStatus.SUCCEEDED, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED, PaymentStatus.DISPUTED})
"""Money has come in; a payment never leaves this set again."""


class Payment(Record):
    """Amounts in minor units of `currency`; `disputed` while a dispute of it has taken the money, or for good.

    `intent_version`, `charge_version` and `invoice_version` are Stripe's clock, in seconds, of what was last written from each object.
    """

    prefix: ClassVar[Prefix] = Prefix.PAYMENT

    customer: fields.ForeignKeyNullableRelation[Customer] = fields.ForeignKeyField(
        "models.Customer", related_name="payments", on_delete=fields.RESTRICT, null=True
    )
    customer_id: str | None
    plan: fields.ForeignKeyNullableRelation[Plan] = fields.ForeignKeyField(
        "models.Plan", related_name="payments", on_delete=fields.RESTRICT, null=True
    )
    plan_id: str | None
    price: fields.ForeignKeyNullableRelation[Price] = fields.ForeignKeyField(
        "models.Price", related_name="payments", on_delete=fields.RESTRICT, null=True
    )
    price_id: str | None
    subscription: fields.ForeignKeyNullableRelation[Subscription] = fields.ForeignKeyField(
        "models.Subscription", related_name="payments", on_delete=fields.RESTRICT, null=True
    )
    subscription_id: str | None
    invoice: fields.ForeignKeyNullableRelation[Invoice] = fields.ForeignKeyField(
        "models.Invoice", related_name="payments", on_delete=fields.RESTRICT, null=True
    )
    invoice_id: str | None
    seller: fields.ForeignKeyNullableRelation[Seller] = fields.ForeignKeyField(
        "models.Seller", related_name="payments", on_delete=fields.RESTRICT, null=True
    )
    seller_id: str | None
    promotion_code: fields.ForeignKeyNullableRelation[PromotionCode] = fields.ForeignKeyField(
        "models.PromotionCode", related_name="payments", on_delete=fields.RESTRICT, null=True
    )
    promotion_code_id: str | None
    status = fields.CharField(max_length=24, default=PaymentStatus.PENDING.value)
    stripe_status = fields.CharField(max_length=64, null=True)
    amount = fields.BigIntField()
    amount_refunded = fields.BigIntField(default=0)
    disputed = fields.BooleanField(default=False)
    currency = fields.CharField(max_length=3)
    quantity = fields.IntField(default=1)
    description = fields.TextField(null=True)
    failure_code = fields.CharField(max_length=128, null=True)
    failure_decline_code = fields.CharField(max_length=128, null=True)
    failure_message = fields.TextField(null=True)
    method_type = fields.CharField(max_length=64, null=True)
    method_brand = fields.CharField(max_length=64, null=True)
    method_last4 = fields.CharField(max_length=8, null=True)
    method_exp_month = fields.IntField(null=True)
    method_exp_year = fields.IntField(null=True)
    method_wallet = fields.CharField(max_length=64, null=True)
    stripe_payment_intent_id = fields.CharField(max_length=64, null=True, unique=True)
    stripe_charge_id = fields.CharField(max_length=64, null=True, unique=True)
    stripe_invoice_id = fields.CharField(max_length=64, null=True, unique=True)
    metadata = fields.JSONField[dict[str, Any]](default=dict)
    intent_version = fields.BigIntField(default=0)
    charge_version = fields.BigIntField(default=0)
    invoice_version = fields.BigIntField(default=0)
    succeeded_at = fields.DatetimeField(null=True)

    class Meta:
        """Table and indexes."""

        table = "payment"
        indexes = (
            ("customer_id", "id"),
            ("plan_id", "id"),
            ("price_id",),
            ("subscription_id", "id"),
            ("invoice_id", "id"),
            ("seller_id", "id"),
            ("promotion_code_id",),
            ("status", "id"),
            ("currency", "id"),
        )
