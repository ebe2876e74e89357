"""What Stripe still sends about people who were erased: it is applied, for the books, and what it says of them is not kept."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from models import Erasure, Payment
from models.ids import Prefix, prefix_of
from models.rows import fetch
from models.selects import Comparison, Condition, Either, Select
from services.erasure.traces import digest_of
from services.event_retention import NOTHING
from services.stripe_event import StripeEvent
from services.stripe_fields import Json

OURS = ("billgraph_id", "billgraph_customer")
"""Keys of metadata that may name a customer of ours."""


async def without_person(event: StripeEvent) -> dict[str, Any]:
    """The columns of an event's row that keep nothing of somebody who was erased; none for any other event. Inside a transaction."""
    return left_of(event) if event.id in await of_erased([event]) else {}


def left_of(event: StripeEvent) -> dict[str, Any]:
    """The columns of an event about somebody who was erased."""
    gone: dict[str, Any] = {"payload": NOTHING, "payload_pruned_at": datetime.now(UTC)}
    return gone | ({"object_id": None} if event.kind == "customer" else {})


async def of_erased(events: Iterable[StripeEvent]) -> set[str]:
    """The ids of those of the events that are about people who were erased, or are being erased; two statements at most."""
    named = {event.id: _named(event) for event in events}
    paid = await _payers({name for names in named.values() for name in names})
    people = {event_id: {paid.get(name, name) for name in names} for event_id, names in named.items()}
    erased = await _erased({name for names in people.values() for name in names})
    return {event_id for event_id, names in people.items() if names & erased}


def _named(event: StripeEvent) -> set[str]:
    """Whom the event's object names: a digest of Stripe's customer, or our customer, or without these what was paid."""
    thing = event.snapshot.object if event.snapshot else {}
    metadata = thing.get("metadata")
    ours = {str(metadata[key]) for key in OURS if key in metadata} if isinstance(metadata, dict) else set()
    names = {name for name in ours if prefix_of(name) is Prefix.CUSTOMER}
    stripe_id = event.object_id if event.kind == "customer" else _id(thing, "customer") or _former_customer(event, thing)
    names |= {digest_of(stripe_id)} if stripe_id else set()
    return names or {name for key in ("payment_intent", "charge") if (name := _id(thing, key))}


def _former_customer(event: StripeEvent, thing: Json) -> str | None:
    """Stripe's customer whom a card was just taken off: the card names nobody any more, and still has their name and address."""
    if thing.get("customer", ...) is not None:
        return None
    data = json.loads(event.payload).get("data")
    former = data.get("previous_attributes") if isinstance(data, dict) else None
    return _id(former, "customer") if isinstance(former, dict) else None


def _id(thing: Json, key: str) -> str | None:
    value = thing.get(key)
    value = value.get("id") if isinstance(value, dict) else value
    return value if isinstance(value, str) else None


async def _payers(names: set[str]) -> dict[str, str]:
    """Payment intent or charge -> our customer who paid it."""
    ids = sorted(name for name in names if name.startswith(("pi_", "ch_", "py_")))
    if not ids:
        return {}
    known = Either(tuple(Condition(column, Comparison.ONE_OF, ids) for column in ("stripe_payment_intent_id", "stripe_charge_id")))
    rows = await fetch(Select(Payment, ("id", "customer_id", "stripe_payment_intent_id", "stripe_charge_id"), (known,)))
    return {
        stripe_id: row.customer_id
        for row in rows
        for stripe_id in (row.stripe_payment_intent_id, row.stripe_charge_id)
        if stripe_id and row.customer_id
    }


async def _erased(names: set[str]) -> set[str]:
    if not names:
        return set()
    known = Either(tuple(Condition(column, Comparison.ONE_OF, sorted(names)) for column in ("customer_id", "stripe_digest")))
    rows = await fetch(Select(Erasure, ("id", "customer_id", "stripe_digest"), (known,)))
    return {name for row in rows for name in (row.customer_id, row.stripe_digest) if name}
