"""Deliveries are rows, written in the transaction that they tell of: without it there are none, with it none is missing."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from models import Customer, Delivery, EventDestination
from models.database import client
from models.ids import Prefix, new_id
from models.persistence import insert, new
from models.rows import Row, fetch
from models.selects import Comparison, Condition, Select
from services.deliveries.events import Event
from services.deliveries.payloads import customer_of, object_of, payload_of

LAST = {
    "sqlite": """SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), (SELECT max("position") FROM "delivery"
        WHERE "object_id" = json_extract(value, '$[0]') AND "destination_id" = json_extract(value, '$[1]')) FROM json_each(?)""",
    "postgres": """SELECT pair->>0, pair->>1, (SELECT max("position") FROM "delivery"
        WHERE "object_id" = pair->>0 AND "destination_id" = pair->>1) FROM jsonb_array_elements($1::text::jsonb) AS "of"(pair)""",
}
"""By engine: the last position of each pair of an object and a destination."""

Wanted = list[tuple[Event, Row]]
"""Events, each with a destination that is to be told of it."""


async def stage(events: Sequence[Event]) -> None:
    """Add a delivery of each event to each active destination that wants it; inside the transaction, the events' rows locked.

    IntegrityError when another transaction told of one of these rows just now: begin the work again.
    """
    destinations = await _destinations() if events else []
    wanted = [(event, one) for event in events for one in destinations if not one.event_types or event.type in one.event_types]
    wanted = await _not_told(wanted)
    if wanted:
        await insert(await _deliveries(wanted))


async def _destinations() -> list[Row]:
    active = (Condition("deleted_at", Comparison.ABSENT), Condition("active", Comparison.EQUAL, value=True, residual=True))
    return await fetch(Select(EventDestination, ("id", "event_types"), active, newest_first=False))


async def _not_told(wanted: Wanted) -> Wanted:
    """Without what a destination was told before."""
    causes = sorted({str(_cause(event, one)) for event, one in wanted if event.cause})
    told = {str(cause) for cause in await Delivery.filter(cause__in=causes).values_list("cause", flat=True)} if causes else set()
    return [(event, one) for event, one in wanted if _cause(event, one) not in told]


def _cause(event: Event, destination: Row) -> str | None:
    return f"{destination.id} {event.cause}" if event.cause else None


async def _deliveries(wanted: Wanted) -> list[Delivery]:
    now = datetime.now(UTC)
    names, last = await _external_ids(wanted), await _last_positions(wanted)
    ids: dict[int, str] = {}
    rows = []
    for event, destination in wanted:
        event_id = ids.setdefault(id(event), new_id(Prefix.EVENT))
        pair = (object_of(event.row), destination.id)
        last[pair] += 1
        owner = customer_of(event.row)
        told: dict[str, Any] = {"event_id": event_id, "event_type": event.type, "cause": _cause(event, destination), "object_id": pair[0]}
        told["payload"] = payload_of(event, event_id, now, names.get(owner) if owner else None)
        at = {"position": last[pair], "next_attempt_at": now}
        rows.append(new(Delivery, destination_id=destination.id, customer_id=owner, **told, **at))
    return rows


async def _external_ids(wanted: Wanted) -> dict[str, str]:
    owners = sorted({owner for event, _ in wanted if (owner := customer_of(event.row))})
    known = (Condition("id", Comparison.ONE_OF, owners), Condition("erased_at", Comparison.ABSENT))
    found = await fetch(Select(Customer, ("id", "external_id"), known)) if owners else []
    return {row.id: row.external_id for row in found}


async def _last_positions(wanted: Wanted) -> dict[tuple[str, str], int]:
    pairs = sorted({(object_of(event.row), destination.id) for event, destination in wanted})
    connection = client()
    rows = await connection.read(LAST[connection.capabilities.dialect], [json.dumps(pairs)])
    return {(str(object_id), str(destination_id)): last or 0 for object_id, destination_id, last in rows}
