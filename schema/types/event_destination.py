"""Other back ends that are told what happened here."""

import json
from datetime import datetime
from typing import Any

import strawberry

from models import Delivery as DeliveryRow
from models import DeliveryStatus
from models import EventDestination as EventDestinationRow
from resolvers import event_filters
from resolvers.declarations import Connected, Derived, Related
from schema.connections import Connection
from schema.fields import PAGE, declare
from schema.scalars import JSON
from schema.types.node import Node

strawberry.enum(
    DeliveryStatus,
    description="PENDING until first tried, FAILED while tried again, DEAD when given up after three days: see redeliver.",
)


def _payload(row: Any, _context: Any) -> Any:
    return json.loads(row.payload)


@strawberry.type(
    description="Another back end that is told what happened here: signed HTTP posts (Standard Webhooks), retried until taken."
)
class EventDestination(Node):
    """Reads off models.EventDestination; for administrators."""

    id: strawberry.ID
    url: str
    event_types: list[str] = strawberry.field(description="e.g. payment.succeeded; an empty list means all.")
    active: bool
    deliveries: Connection["Delivery"] = declare(
        Connected(DeliveryRow, "destination_id", event_filters.deliveries), **PAGE, status=list[DeliveryStatus] | None
    )
    former_secret_until: datetime | None = strawberry.field(description="Until when events are signed with the replaced secret as well.")
    deleted_at: datetime | None
    created_at: datetime


@strawberry.type(description="An event on its way to one destination.")
class Delivery(Node):
    """Reads off models.Delivery; for administrators."""

    id: strawberry.ID
    event_id: strawberry.ID = strawberry.field(description="The header webhook-id: the same at every attempt.")
    event_type: str
    object_id: strawberry.ID = strawberry.field(description="What keeps its order: deliveries about one object follow each other.")
    payload: JSON = declare(Derived(("payload",), _payload))
    status: DeliveryStatus
    attempts: int
    response_code: int | None
    error: str | None
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    event_destination: EventDestination = declare(Related(EventDestinationRow, "destination_id"))
    created_at: datetime
