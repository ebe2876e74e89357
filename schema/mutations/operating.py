"""Support and administrators look after what Stripe told us."""

from typing import Annotated, Any

import strawberry

from resolvers.mutations import operating
from schema.inputs.operating import ReplayWebhookEventInput
from schema.mutations.given import GIVEN
from webhooks.handlers import HANDLERS


async def replay_webhook_event(info: strawberry.Info, given: Annotated[ReplayWebhookEventInput, GIVEN]) -> Any:
    """SUPPORT and ADMIN."""
    return await operating.replay_webhook_event(info, HANDLERS, given.id, given.idempotency_key)
