"""A page of Stripe's on which one customer pays for one thing."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from tortoise import fields

from models.customer import Customer
from models.ids import Prefix
from models.invoice import Invoice
from models.payment import Payment
from models.plan import Price
from models.promotion_code import PromotionCode
from models.record import Record
from models.subscription import Subscription


class CheckoutStatus(StrEnum):
    """Stripe's Session.status, upper case."""

    OPEN = "OPEN"
    COMPLETE = "COMPLETE"
    EXPIRED = "EXPIRED"


class CheckoutMode(StrEnum):
    """Stripe's Session.mode, upper case."""

    PAYMENT = "PAYMENT"
    SUBSCRIPTION = "SUBSCRIPTION"


class CheckoutSession(Record):
    """It sells a price or an invoice. Without a `stripe_session_id` it is not yet (or, with a `failure`, never to be) at Stripe.

    `parameters` is what Stripe is asked, kept so that asking again after a crash is the same request under the same idempotency key.
    """

    prefix: ClassVar[Prefix] = Prefix.CHECKOUT_SESSION

    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "models.Customer", related_name="checkout_sessions", on_delete=fields.RESTRICT
    )
    customer_id: str
    price: fields.ForeignKeyNullableRelation[Price] = fields.ForeignKeyField(
        "models.Price", related_name="checkout_sessions", on_delete=fields.RESTRICT, null=True
    )
    price_id: str | None
    invoice: fields.ForeignKeyNullableRelation[Invoice] = fields.ForeignKeyField(
        "models.Invoice", related_name="checkout_sessions", on_delete=fields.RESTRICT, null=True
    )
    invoice_id: str | None
    promotion_code: fields.ForeignKeyNullableRelation[PromotionCode] = fields.ForeignKeyField(
        "models.PromotionCode", related_name="checkout_sessions", on_delete=fields.RESTRICT, null=True
    )
    promotion_code_id: str | None
    payment: fields.OneToOneNullableRelation[Payment] = fields.OneToOneField(
        "models.Payment", related_name="checkout_session", on_delete=fields.RESTRICT, null=True
    )
    payment_id: str | None
    subscription: fields.ForeignKeyNullableRelation[Subscription] = fields.ForeignKeyField(
        "models.Subscription", related_name="checkout_sessions", on_delete=fields.RESTRICT, null=True
    )
    subscription_id: str | None
    mode = fields.CharField(max_length=16)
    status = fields.CharField(max_length=16, default=CheckoutStatus.OPEN.value)
    quantity = fields.IntField(default=1)
    url = fields.TextField(null=True)
    parameters = fields.JSONField[dict[str, Any]](default=dict)
    failure = fields.TextField(null=True)
    expires_at: datetime = fields.DatetimeField()
    stripe_session_id = fields.CharField(max_length=128, null=True, unique=True)
    stripe_version = fields.BigIntField(default=0)

    class Meta:
        """Table and indexes."""

        table = "checkout_session"
        indexes = (("customer_id", "id"), ("price_id",), ("invoice_id",), ("promotion_code_id",), ("subscription_id",), ("status", "id"))
