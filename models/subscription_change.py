"""What somebody asked of a running subscription, and whether Stripe has it."""

from enum import StrEnum
from typing import Any, ClassVar

from tortoise import fields

from models.customer import Customer
from models.ids import Prefix
from models.plan import Price
from models.record import Record
from models.subscription import Subscription


class SubscriptionChangeKind(StrEnum):
    """CANCEL and RESUME plan its end and take that back; CHANGE gives it another price or quantity; PAUSE and UNPAUSE let it rest."""

    CANCEL = "CANCEL"
    RESUME = "RESUME"
    CHANGE = "CHANGE"
    PAUSE = "PAUSE"
    UNPAUSE = "UNPAUSE"


class SubscriptionChangeStatus(StrEnum):
    """PENDING until Stripe has done or refused it."""

    PENDING = "PENDING"
    DONE = "DONE"
    FAILED = "FAILED"


class SubscriptionChange(Record):
    """`price` and `quantity` are what a CHANGE leads to; `parameters` are the rest of what Stripe is asked.

    `pending_subscription_id` is the subscription while the change is pending, and unique: a subscription has one pending change at most.
    """

    prefix: ClassVar[Prefix] = Prefix.SUBSCRIPTION_CHANGE

    subscription: fields.ForeignKeyRelation[Subscription] = fields.ForeignKeyField(
        "models.Subscription", related_name="changes", on_delete=fields.RESTRICT
    )
    subscription_id: str
    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "models.Customer", related_name="subscription_changes", on_delete=fields.RESTRICT
    )
    customer_id: str
    price: fields.ForeignKeyNullableRelation[Price] = fields.ForeignKeyField(
        "models.Price", related_name="subscription_changes", on_delete=fields.RESTRICT, null=True
    )
    price_id: str | None
    kind = fields.CharField(max_length=16)
    status = fields.CharField(max_length=16, default=SubscriptionChangeStatus.PENDING.value)
    quantity: int | None = fields.IntField(null=True)
    pending_subscription_id = fields.CharField(max_length=32, null=True, unique=True)
    parameters = fields.JSONField[dict[str, Any]](default=dict)
    failure: str | None = fields.TextField(null=True)

    class Meta:
        """Table and indexes."""

        table = "subscription_change"
        indexes = (("subscription_id", "id"), ("customer_id", "status"), ("price_id",), ("status", "id"))
