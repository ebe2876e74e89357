"""What is sold: a recurring plan, or a package that is bought once (a course, a bundle of credits)."""

from enum import StrEnum
from typing import ClassVar

from tortoise import fields

from models.ids import Prefix
from models.record import Record
from models.seller import Seller


class PlanKind(StrEnum):
    """SUBSCRIPTION renews; PACKAGE is paid once."""

    SUBSCRIPTION = "SUBSCRIPTION"
    PACKAGE = "PACKAGE"


class BillingInterval(StrEnum):
    """Stripe's `recurring.interval`, upper case."""

    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    YEAR = "YEAR"


class Plan(Record):
    """A product with a stable code chosen by the seller; `published` when Stripe has it as it is here.

    `credit_days` after they were granted its credits expire; None for never. Plans of one `plan_group` exclude each other for a customer;
    without one a plan is a group of its own.
    """

    prefix: ClassVar[Prefix] = Prefix.PLAN

    seller: fields.ForeignKeyNullableRelation[Seller] = fields.ForeignKeyField(
        "models.Seller", related_name="plans", on_delete=fields.RESTRICT, null=True
    )
    seller_id: str | None
    code = fields.CharField(max_length=64, unique=True)
    kind = fields.CharField(max_length=16)
    name = fields.CharField(max_length=250)
    description = fields.TextField(null=True)
    active = fields.BooleanField(default=True)
    credits = fields.BigIntField(default=0)
    credit_days: int | None = fields.IntField(null=True)
    features = fields.JSONField[list[str]](default=list)
    repeatable = fields.BooleanField(default=False)
    plan_group = fields.CharField(max_length=64, null=True)
    stripe_product_id = fields.CharField(max_length=64, null=True, unique=True)
    stripe_version = fields.BigIntField(default=0)
    published = fields.BooleanField(default=False)

    class Meta:
        """Table and indexes."""

        table = "plan"
        indexes = (("kind", "id"), ("seller_id", "id"), ("plan_group",))


class Price(Record):
    """What a plan costs in one currency and rhythm; `unit_amount` in minor units. Never changed, only replaced and deactivated.

    With `instalments` a subscription ends by itself after so many paid periods. `published` when Stripe has it as it is here.
    """

    prefix: ClassVar[Prefix] = Prefix.PRICE

    plan: fields.ForeignKeyRelation[Plan] = fields.ForeignKeyField("models.Plan", related_name="prices", on_delete=fields.RESTRICT)
    plan_id: str
    currency = fields.CharField(max_length=3)
    unit_amount = fields.BigIntField()
    interval = fields.CharField(max_length=8, null=True)
    interval_count = fields.IntField(null=True)
    trial_days = fields.IntField(null=True)
    instalments: int | None = fields.IntField(null=True)
    active = fields.BooleanField(default=True)
    stripe_price_id = fields.CharField(max_length=64, null=True, unique=True)
    stripe_version = fields.BigIntField(default=0)
    published = fields.BooleanField(default=False)

    class Meta:
        """Table and indexes."""

        table = "price"
        indexes = (("plan_id", "id"),)
