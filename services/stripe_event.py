"""An event as Stripe posts it: a snapshot event carries its object, a thin one only names it (docs.stripe.com/event-destinations)."""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from services import stripe_fields as fields
from services.snapshot import Snapshot
from services.stripe_fields import Json, UnknownShape

THIN_PREFIX = "v1."
"""A thin event about an object of API v1 has the snapshot event's type behind this."""

DELETION = ".deleted"
"""How the type of an event ends whose object is gone."""

_WORD = re.compile(r"[\x21-\x7e]{1,128}")


@dataclass(frozen=True, slots=True)
class StripeEvent:
    """`created` is Stripe's clock; `kind` and `object_id` name the object that the event is about, None where it has no id.

    `type` is a snapshot event's, also for a thin one; `snapshot` is None for a thin one, whose object has to be read. `payload` is the JSON
    as received, at `received_at` by our clock.
    """

    id: str
    type: str
    api_version: str | None
    created: datetime
    kind: str | None
    object_id: str | None
    snapshot: Snapshot | None
    payload: str
    received_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def version(self) -> int:
        """Stripe's clock in seconds."""
        return int(self.created.timestamp())

    def remains(self) -> Snapshot | None:
        """What is left of a thin event's object that Stripe has no more: its end, if that is what the event tells."""
        if not self.type.endswith(DELETION):
            return None
        return Snapshot({"id": self.object_id, "object": self.kind, "deleted": True}, self.version)


def read_event(payload: str) -> StripeEvent:
    """The event in a body; ValueError (UnknownShape among them) or RecursionError when there is none."""
    event = json.loads(payload, parse_constant=_refuse_constant)
    if isinstance(event, dict) and event.get("object") == "event":
        return _snapshot_event(event, payload)
    if isinstance(event, dict) and event.get("object") == "v2.core.event":
        return _thin_event(event, payload)
    raise ValueError("The body is no event of Stripe's.")


def _snapshot_event(event: Json, payload: str) -> StripeEvent:
    thing = fields.part(event, "data", "object")
    if not thing:
        raise UnknownShape(event, "data.object", "an object")
    return StripeEvent(
        id=_word(event, "id"),
        type=_word(event, "type"),
        api_version=fields.optional_word(event, "api_version", 64),
        created=fields.moment(event, "created"),
        kind=_id(thing.get("object")),
        object_id=_id(thing.get("id")),
        snapshot=Snapshot(thing, fields.integer(event, "created")),
        payload=payload,
    )


def _thin_event(event: Json, payload: str) -> StripeEvent:
    related = fields.part(event, "related_object")
    return StripeEvent(
        id=_word(event, "id"),
        type=_word(event, "type").removeprefix(THIN_PREFIX),
        api_version=None,
        created=_moment(event),
        kind=_id(related.get("type")),
        object_id=_id(related.get("id")),
        snapshot=None,
        payload=payload,
    )


def _moment(event: Json) -> datetime:
    """RFC 3339, as the API v2 writes times."""
    try:
        moment = datetime.fromisoformat(fields.text(event, "created"))
    except ValueError:
        raise UnknownShape(event, "created", "a time") from None
    if moment.tzinfo is None:
        raise UnknownShape(event, "created", "a time with its zone")
    return moment


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON (RFC 8259 section 6).")


def _word(event: Json, field: str) -> str:
    word = fields.text(event, field)
    if not _WORD.fullmatch(word):
        raise UnknownShape(event, field, "a word of at most 128 characters")
    return word


def _id(value: Any) -> str | None:
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None
