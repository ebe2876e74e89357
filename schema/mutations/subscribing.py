"""Running subscriptions."""

from typing import Annotated, Any

import strawberry

from resolvers.mutations import subscribing
from schema.inputs.subscribing import (
    CancelSubscriptionInput,
    ChangeSubscriptionInput,
    PauseSubscriptionInput,
    ResumeSubscriptionInput,
    UnpauseSubscriptionInput,
)
from schema.mutations.given import GIVEN


async def cancel_subscription(info: strawberry.Info, given: Annotated[CancelSubscriptionInput, GIVEN]) -> Any:
    """The owner, and staff."""
    terms: Any = {"at_period_end": given.at_period_end is not False, "reason": given.reason}
    return await subscribing.cancel_subscription(info, given.id, given.idempotency_key, **terms)


async def resume_subscription(info: strawberry.Info, given: Annotated[ResumeSubscriptionInput, GIVEN]) -> Any:
    """The owner, and staff."""
    return await subscribing.resume_subscription(info, given.id, given.idempotency_key)


async def change_subscription(info: strawberry.Info, given: Annotated[ChangeSubscriptionInput, GIVEN]) -> Any:
    """The owner, and staff."""
    return await subscribing.change_subscription(info, given.id, given.change(), given.idempotency_key)


async def pause_subscription(info: strawberry.Info, given: Annotated[PauseSubscriptionInput, GIVEN]) -> Any:
    """The owner, and staff."""
    return await subscribing.pause_subscription(info, given.id, given.idempotency_key)


async def unpause_subscription(info: strawberry.Info, given: Annotated[UnpauseSubscriptionInput, GIVEN]) -> Any:
    """The owner, and staff."""
    return await subscribing.unpause_subscription(info, given.id, given.idempotency_key)
