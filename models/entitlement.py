"""A right to use a feature, opened and closed by what was paid."""

from datetime import datetime
from typing import ClassVar

from tortoise import fields

from models.credit import ENDLESS
from models.customer import Customer
from models.ids import Prefix
from models.payment import Payment
from models.plan import Plan
from models.record import Record
from models.subscription import Subscription


class Entitlement(Record):
    """One feature from one source: the payment of a package, or a subscription. Open until `active_until`.

    `past_due_since` begins the days of grace, ENDLESS while nothing is due; `disputed` while a bank has taken the money back.
    """

    prefix: ClassVar[Prefix] = Prefix.ENTITLEMENT

    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "models.Customer", related_name="entitlements", on_delete=fields.RESTRICT
    )
    customer_id: str
    plan: fields.ForeignKeyNullableRelation[Plan] = fields.ForeignKeyField(
        "models.Plan", related_name="entitlements", on_delete=fields.RESTRICT, null=True
    )
    plan_id: str | None
    payment: fields.ForeignKeyNullableRelation[Payment] = fields.ForeignKeyField(
        "models.Payment", related_name="entitlements", on_delete=fields.RESTRICT, null=True
    )
    payment_id: str | None
    subscription: fields.ForeignKeyNullableRelation[Subscription] = fields.ForeignKeyField(
        "models.Subscription", related_name="entitlements", on_delete=fields.RESTRICT, null=True
    )
    subscription_id: str | None
    feature = fields.CharField(max_length=128)
    starts_at: datetime = fields.DatetimeField()
    active_until: datetime = fields.DatetimeField(default=ENDLESS)
    past_due_since: datetime = fields.DatetimeField(default=ENDLESS)
    disputed = fields.BooleanField(default=False)
    revoked_reason = fields.CharField(max_length=64, null=True)

    class Meta:
        """Table and indexes."""

        table = "entitlement"
        unique_together = (("payment_id", "feature"), ("subscription_id", "feature"))
        indexes = (("customer_id", "feature", "active_until"), ("customer_id", "id"), ("plan_id", "id"))
