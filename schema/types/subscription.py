"""Recurring purchases."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from models import Customer as CustomerRow
from models import Invoice as InvoiceRow
from models import Plan as PlanRow
from models import Price as PriceRow
from models import SubscriptionChange as SubscriptionChangeRow
from models import SubscriptionStatus
from models.money import Money as Amount
from models.rows import Row
from resolvers.declarations import Connected, Derived, Related
from resolvers.entitlement import entitled
from schema.connections import Connection
from schema.fields import PAGE, declare
from schema.types.filters import DateTimeRange
from schema.types.invoice import Invoice
from schema.types.money import Money
from schema.types.node import Node
from schema.types.plan import Plan, Price
from schema.types.subscription_change import SubscriptionChange

if TYPE_CHECKING:
    from schema.types.customer import Customer

strawberry.enum(SubscriptionStatus, description="UNKNOWN: Stripe said something newer than this version; `stripeStatus` has its word.")


def _monthly(row: Row, _context: Any) -> Amount | None:
    return None if row.currency is None else Amount(row.monthly_amount, row.currency)


@strawberry.type(description="A plan that one customer pays for again and again.")
class Subscription(Node):
    """Reads off models.Subscription."""

    id: strawberry.ID
    status: SubscriptionStatus
    stripe_status: str | None
    entitled: bool = declare(
        Derived(("status", "past_due_since"), entitled),
        description="Whether the holder may use the plan now (trialing, active, or past due within grace).",
    )
    customer: Annotated["Customer", strawberry.lazy("schema.types.customer")] = declare(Related(CustomerRow, "customer_id", scoped=False))
    plan: Plan | None = declare(Related(PlanRow, "plan_id", scoped=False))
    price: Price | None = declare(Related(PriceRow, "price_id", scoped=False))
    quantity: int
    monthly_amount: Money | None = declare(
        Derived(("monthly_amount", "currency"), _monthly),
        description="What it brings a month at its prices, nothing while it does not charge; discounts are not taken off.",
    )
    collection_paused: bool = strawberry.field(description="Whether invoices are made and not charged.")
    resumes_at: datetime | None = strawberry.field(description="When charging goes on, if that is planned.")
    current_period_start: datetime | None
    current_period_end: datetime | None
    trial_ends_at: datetime | None
    cancel_at_period_end: bool
    cancel_at: datetime | None = strawberry.field(description="When it ends, if that is planned: cancelled, or the last instalment paid.")
    canceled_at: datetime | None
    ended_at: datetime | None
    has_payment_method: bool = declare(
        Derived(("stripe_payment_method_id",), lambda row, _context: row.stripe_payment_method_id is not None),
        description="Whether it has one of its own; without, its customer's is charged.",
    )
    pending_change: SubscriptionChange | None = declare(
        Related(SubscriptionChangeRow, "id", "pending_subscription_id", scoped=False), description="What was asked and is not done yet."
    )
    invoices: Connection[Invoice] = declare(Connected(InvoiceRow, "subscription_id"), **PAGE)
    stripe_subscription_id: str
    created_at: datetime


@strawberry.input(description="Which subscriptions; all conditions hold.")
class SubscriptionFilter:
    """For resolvers.filters.subscriptions."""

    customer_id: strawberry.ID | None = strawberry.UNSET
    plan_id: strawberry.ID | None = strawberry.UNSET
    status: list[SubscriptionStatus] | None = strawberry.field(default=strawberry.UNSET, description="One of these.")
    created: DateTimeRange | None = strawberry.UNSET
