"""What is asked of a running subscription."""

from datetime import datetime

import strawberry

from schema.inputs.given import Given
from services.plan_changes import PlanChange, ProrationBehavior

strawberry.enum(
    ProrationBehavior,
    description="What becomes of the running period: what is not used of it and what remains goes on the next invoice, is charged now, or "
    "stays as it was paid for.",
)


@strawberry.input(description="Which subscription, and when it ends.")
class CancelSubscriptionInput(Given):
    """For resolvers.mutations."""

    id: strawberry.ID
    at_period_end: bool | None = strawberry.field(default=True, description="With its period; else now. Nothing is given back.")
    reason: str | None = strawberry.UNSET
    idempotency_key: str | None = strawberry.UNSET


@strawberry.input(description="Which subscription's planned end is taken back.")
class ResumeSubscriptionInput(Given):
    """For resolvers.mutations."""

    id: strawberry.ID
    idempotency_key: str | None = strawberry.UNSET


@strawberry.input(description="Another price of the same currency, another quantity, or both.")
class ChangeSubscriptionInput(Given):
    """For resolvers.mutations."""

    id: strawberry.ID
    price_id: strawberry.ID
    quantity: int | None = strawberry.field(default=strawberry.UNSET, description="As before when left out.")
    proration: ProrationBehavior | None = ProrationBehavior.CREATE_PRORATIONS
    proration_date: datetime | None = strawberry.field(
        default=strawberry.UNSET,
        description="That of a preview of the last hour, so that the change costs what it said; now when left out.",
    )
    idempotency_key: str | None = strawberry.UNSET

    def change(self) -> PlanChange:
        """As the service takes it."""
        proration = self.proration or ProrationBehavior.CREATE_PRORATIONS
        return PlanChange(self.price_id, self.quantity, proration, self.proration_date)


@strawberry.input(description="Which subscription rests.")
class PauseSubscriptionInput(Given):
    """For resolvers.mutations."""

    id: strawberry.ID
    idempotency_key: str | None = strawberry.UNSET


@strawberry.input(description="Which paused subscription goes on.")
class UnpauseSubscriptionInput(Given):
    """For resolvers.mutations."""

    id: strawberry.ID
    idempotency_key: str | None = strawberry.UNSET
