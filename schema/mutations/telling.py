"""Outgoing events."""

from typing import Annotated, Any

import strawberry

from resolvers.mutations import telling
from schema.inputs.telling import (
    CreateEventDestinationInput,
    DeleteEventDestinationInput,
    RedeliverInput,
    UpdateEventDestinationInput,
)
from schema.mutations.given import GIVEN


async def create_event_destination(info: strawberry.Info, given: Annotated[CreateEventDestinationInput, GIVEN]) -> Any:
    """Administrators."""
    return await telling.create_event_destination(info, given.request(), given.idempotency_key)


async def update_event_destination(info: strawberry.Info, given: Annotated[UpdateEventDestinationInput, GIVEN]) -> Any:
    """Administrators."""
    return await telling.update_event_destination(info, given.request(), given.idempotency_key)


async def delete_event_destination(info: strawberry.Info, given: Annotated[DeleteEventDestinationInput, GIVEN]) -> Any:
    """Administrators."""
    return await telling.delete_event_destination(info, given.id, given.idempotency_key)


async def redeliver(info: strawberry.Info, given: Annotated[RedeliverInput, GIVEN]) -> Any:
    """Administrators."""
    return await telling.redeliver(info, given.id, given.idempotency_key)
