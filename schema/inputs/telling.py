"""Inputs of outgoing events."""

import strawberry

from schema.inputs.given import Given
from services.deliveries.destinations import DestinationChange, DestinationTerms


@strawberry.input(description="Where to, and which events.")
class CreateEventDestinationInput(Given):
    """For resolvers.mutations."""

    url: str = strawberry.field(description="An https:// URL at a public address.")
    event_types: list[str] | None = strawberry.field(default_factory=list, description="e.g. payment.succeeded; an empty list means all.")
    idempotency_key: str | None = strawberry.UNSET

    def request(self) -> DestinationTerms:
        """As the service takes it."""
        return DestinationTerms(self.url, tuple(self.event_types or ()))


@strawberry.input(description="What is left out stays as it is.")
class UpdateEventDestinationInput(Given):
    """For resolvers.mutations."""

    id: strawberry.ID
    event_types: list[str] | None = strawberry.UNSET
    active: bool | None = strawberry.UNSET
    rotate_secret: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Make a new secret; events are signed with the one before as well for a day."
    )
    idempotency_key: str | None = strawberry.UNSET

    def request(self) -> DestinationChange:
        """As the service takes it."""
        types = None if self.event_types is None else tuple(self.event_types)
        return DestinationChange(self.id, types, self.active, bool(self.rotate_secret))


@strawberry.input(description="Which destination.")
class DeleteEventDestinationInput(Given):
    """For resolvers.mutations."""

    id: strawberry.ID
    idempotency_key: str | None = strawberry.UNSET


@strawberry.input(description="Which delivery.")
class RedeliverInput(Given):
    """For resolvers.mutations."""

    id: strawberry.ID
    idempotency_key: str | None = strawberry.UNSET
