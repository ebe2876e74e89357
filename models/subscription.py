"""A recurring purchase, mirrored from Stripe's Subscription."""

from enum import StrEnum
from typing import Any, ClassVar

from tortoise import fields

from models.customer import Customer
from models.ids import Prefix
from models.plan import Plan, Price
from models.record import Record
from models.seller import Seller


class SubscriptionStatus(StrEnum):
    """Stripe's Subscription.status, upper case; UNKNOWN for a word newer than this version."""

    INCOMPLETE = "INCOMPLETE"
    INCOMPLETE_EXPIRED = "INCOMPLETE_EXPIRED"
    TRIALING = "TRIALING"
    ACTIVE = "ACTIVE"
    PAST_DUE = "PAST_DUE"
    UNPAID = "UNPAID"
    PAUSED = "PAUSED"
    CANCELED = "CANCELED"
    UNKNOWN = "UNKNOWN"


ENDED = frozenset({SubscriptionStatus.CANCELED, SubscriptionStatus.INCOMPLETE_EXPIRED})
"""A subscription that has ended never starts again (Stripe: subscriptions/overview, "canceled is a terminal state")."""

LIVE = frozenset(SubscriptionStatus) - ENDED
"""A subscription that may still be charged."""


class Subscription(Record):
    """Mirrored whole from Stripe; all times UTC. `past_due_since` begins the days of grace.

    `monthly_amount` is what it brings a month, in minor units of `currency`. With `collection_paused` nothing is charged until
    `resumes_at`, or until somebody says so. Without a payment method of its own its customer's is charged.
    """

    prefix: ClassVar[Prefix] = Prefix.SUBSCRIPTION

    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "models.Customer", related_name="subscriptions", on_delete=fields.RESTRICT
    )
    customer_id: str
    plan: fields.ForeignKeyNullableRelation[Plan] = fields.ForeignKeyField(
        "models.Plan", related_name="subscriptions", on_delete=fields.RESTRICT, null=True
    )
    plan_id: str | None
    price: fields.ForeignKeyNullableRelation[Price] = fields.ForeignKeyField(
        "models.Price", related_name="subscriptions", on_delete=fields.RESTRICT, null=True
    )
    price_id: str | None
    seller: fields.ForeignKeyNullableRelation[Seller] = fields.ForeignKeyField(
        "models.Seller", related_name="subscriptions", on_delete=fields.RESTRICT, null=True
    )
    seller_id: str | None
    status = fields.CharField(max_length=24)
    stripe_status = fields.CharField(max_length=64, null=True)
    quantity = fields.IntField(default=1)
    currency = fields.CharField(max_length=3, null=True)
    monthly_amount = fields.BigIntField(default=0)
    collection_paused = fields.BooleanField(default=False)
    resumes_at = fields.DatetimeField(null=True)
    current_period_start = fields.DatetimeField(null=True)
    current_period_end = fields.DatetimeField(null=True)
    trial_ends_at = fields.DatetimeField(null=True)
    cancel_at_period_end = fields.BooleanField(default=False)
    cancel_at = fields.DatetimeField(null=True)
    canceled_at = fields.DatetimeField(null=True)
    ended_at = fields.DatetimeField(null=True)
    past_due_since = fields.DatetimeField(null=True)
    stripe_payment_method_id = fields.CharField(max_length=64, null=True)
    stripe_subscription_id = fields.CharField(max_length=64, unique=True)
    stripe_version = fields.BigIntField(default=0)
    metadata = fields.JSONField[dict[str, Any]](default=dict)

    class Meta:
        """Table and indexes."""

        table = "subscription"
        indexes = (("customer_id", "id"), ("plan_id", "id"), ("price_id",), ("seller_id", "id"), ("status", "id"))
