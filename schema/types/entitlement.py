"""What may be used."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from models import Payment as PaymentRow
from models import Plan as PlanRow
from models import Subscription as SubscriptionRow
from resolvers.declarations import Derived, Related
from resolvers.entitlement import STANDING, ends_at, is_open
from schema.fields import declare
from schema.types.node import Node
from schema.types.plan import Plan

if TYPE_CHECKING:
    from schema.types.payment import Payment
    from schema.types.subscription import Subscription


@strawberry.type(description="A right to use a feature, opened and closed by what was paid.")
class Entitlement(Node):
    """Reads off models.Entitlement."""

    id: strawberry.ID
    feature: str
    active: bool = declare(Derived(STANDING, is_open), description="Whether the feature may be used now.")
    plan: Plan | None = declare(Related(PlanRow, "plan_id", scoped=False))
    payment: Annotated["Payment", strawberry.lazy("schema.types.payment")] | None = declare(Related(PaymentRow, "payment_id"))
    subscription: Annotated["Subscription", strawberry.lazy("schema.types.subscription")] | None = declare(
        Related(SubscriptionRow, "subscription_id")
    )
    starts_at: datetime
    ends_at: datetime | None = declare(
        Derived(("active_until", "past_due_since"), ends_at),
        description="When it ends or ended, as far as that is known; with the days of grace where something is due.",
    )
    revoked_reason: str | None = strawberry.field(
        description="Why it was closed: refunded, dispute_lost, plan_changed, or the status of its subscription, e.g. canceled."
    )
