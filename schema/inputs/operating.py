"""Inputs of those who look after what Stripe told us."""

import strawberry

from schema.inputs.given import Given


@strawberry.input(description="Which event.")
class ReplayWebhookEventInput(Given):
    """For resolvers.mutations."""

    id: strawberry.ID
    idempotency_key: str | None = strawberry.UNSET
