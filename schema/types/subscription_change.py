"""Changes of running subscriptions: those under way, and what one would cost."""

from datetime import datetime

import strawberry

from models import Price as PriceRow
from models import SubscriptionChangeKind
from resolvers.declarations import Related
from schema.fields import declare
from schema.types.money import Money
from schema.types.plan import Price

strawberry.enum(SubscriptionChangeKind, description="What was asked.")


@strawberry.type(description="A change that Stripe has not answered for yet; it is brought there by itself.")
class SubscriptionChange:
    """Reads off models.SubscriptionChange."""

    kind: SubscriptionChangeKind
    price: Price | None = declare(Related(PriceRow, "price_id", scoped=False), description="What a CHANGE leads to.")
    quantity: int | None
    created_at: datetime


@strawberry.type(description="A line of the invoice that a change goes on.")
class PreviewLine:
    """Reads off services.plan_changes.PreviewLine."""

    description: str
    amount: Money = strawberry.field(description="Less than nothing for what is given back; discounts are taken off.")
    proration: bool


@strawberry.type(description="What a change of a subscription would cost, as Stripe says.")
class SubscriptionChangePreview:
    """Reads off services.plan_changes.Preview."""

    due_now: Money = strawberry.field(description="What is charged (positive) or credited (negative) at once.")
    next_invoice_total: Money
    next_invoice_at: datetime | None
    proration_date: datetime = strawberry.field(description="Given to changeSubscription, it makes the change cost just this.")
    lines: list[PreviewLine]
