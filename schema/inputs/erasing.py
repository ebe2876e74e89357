"""Inputs of those who erase people."""

import strawberry

from schema.inputs.given import Given


@strawberry.input(description="Whom.")
class EraseCustomerInput(Given):
    """For resolvers.mutations."""

    id: strawberry.ID
    idempotency_key: str | None = strawberry.UNSET
