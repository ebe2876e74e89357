"""Support and administrators look after what Stripe told us."""

from typing import Any

from models import WebhookEvent
from resolvers.mutations.payload import Payload, caller_of, made
from resolvers.permissions import OPERATORS, require_roles
from services.inbox import Handlers
from services.replay import replay_webhook_event as replay


async def replay_webhook_event(info: Any, handlers: Handlers, event_id: str, key: str | None) -> Payload:
    """SUPPORT and ADMIN."""
    context = info.context
    caller = caller_of(context, require_roles(context, *OPERATORS))
    payload, _ = await made(info, "webhook_event", WebhookEvent, replay(context.billing, handlers, caller, event_id, key))
    return payload
