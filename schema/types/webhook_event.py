"""What Stripe told us, for those who look after it."""

import json
from datetime import datetime
from typing import Any

import strawberry

from models import WebhookEventStatus
from resolvers.declarations import Derived
from schema.fields import declare
from schema.scalars import JSON
from schema.types.filters import DateTimeRange
from schema.types.node import Node

strawberry.enum(
    WebhookEventStatus,
    description="PROCESSED changed something; IGNORED is none of ours; STALE came after something newer; FAILED is tried again.",
)


def _payload(row: Any, _context: Any) -> Any:
    return json.loads(row.payload)


@strawberry.type(description="An event of Stripe's, as it was received, and what became of it.")
class WebhookEvent(Node):
    """Reads off models.WebhookEvent."""

    id: strawberry.ID
    stripe_event_id: str
    type: str
    api_version: str | None
    status: WebhookEventStatus
    attempts: int
    error: str | None
    payload: JSON = declare(Derived(("payload",), _payload), description="As received; {} once it was pruned.")
    occurred_at: datetime
    received_at: datetime
    processed_at: datetime | None


@strawberry.input(description="Which events; all conditions hold.")
class WebhookEventFilter:
    """For resolvers.filters.webhook_events."""

    type: str | None = strawberry.UNSET
    status: list[WebhookEventStatus] | None = strawberry.field(default=strawberry.UNSET, description="One of these.")
    received: DateTimeRange | None = strawberry.UNSET
