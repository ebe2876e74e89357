"""The inbox: each event of Stripe's once, applied in the transaction that records it.

An event that fails leaves a FAILED row and nothing else. It is tried again when Stripe sends it again, and by the worker with growing
pauses.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from models import WebhookEvent, WebhookEventStatus
from services import stripe_fields as fields
from services.billing import Billing
from services.errors import Refusal
from services.mirror import Known, Mirror, Outcome, TooManyReadings, settle
from services.snapshot import Snapshot
from services.stripe_fields import Json, UnknownShape

Handlers = Mapping[str, Mirror]
"""Event type -> what writes the object that it carries."""

MAX_ATTEMPTS = 10
"""After so many failures the worker lets an event be; sent again by Stripe it is still tried."""

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=12)
PAUSE_GROWTH = 3
"""Each pause is so many times the one before."""

LONGEST_ERROR = 2000
"""Characters kept of an error."""

_WORD = re.compile(r"[\x21-\x7e]{1,128}")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StripeEvent:
    """A snapshot event: `created` in Stripe's seconds, `payload` the JSON as received."""

    id: str
    type: str
    api_version: str | None
    created: datetime
    snapshot: Snapshot
    payload: str

    @property
    def object_id(self) -> str | None:
        """The id of the object that the event is about; None where it has none, as an upcoming invoice."""
        object_id = self.snapshot.object.get("id")
        return object_id if isinstance(object_id, str) and _WORD.fullmatch(object_id) else None


def read_event(payload: str) -> StripeEvent:
    """The event in a body; ValueError (UnknownShape among them) or RecursionError when there is none."""
    event = json.loads(payload, parse_constant=_refuse_constant)
    if not isinstance(event, dict) or event.get("object") != "event":
        raise ValueError("The body is not a snapshot event of Stripe's.")
    thing = fields.part(event, "data", "object")
    if not thing:
        raise UnknownShape(event, "data.object", "an object")
    return StripeEvent(
        id=_word(event, "id"),
        type=_word(event, "type"),
        api_version=fields.optional_word(event, "api_version", 64),
        created=fields.moment(event, "created"),
        snapshot=Snapshot(thing, fields.integer(event, "created")),
        payload=payload,
    )


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON (RFC 8259 section 6).")


def _word(event: Json, field: str) -> str:
    word = fields.text(event, field)
    if not _WORD.fullmatch(word):
        raise UnknownShape(event, field, "a word of at most 128 characters")
    return word


async def receive(billing: Billing, event: StripeEvent, handlers: Handlers) -> WebhookEventStatus:
    """Record and apply an event, or say what became of it before; when this returns it is committed.

    Objects that are missing are read from Stripe between transactions. Whatever goes wrong leaves a FAILED row; raises only when that
    could not be written either.
    """
    try:
        return await settle(billing.stripe, lambda known: take(event, handlers, known))
    except (UnknownShape, Refusal, TooManyReadings) as error:
        _log.warning("webhook_event_failed", event_id=event.id, event_type=event.type, error=_told(error))
        return await _fail(billing, event, error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the event must stay and be tried again; it is logged whole
        _log.exception("webhook_event_failed", event_id=event.id, event_type=event.type)
        return await _fail(billing, event, error)


async def take(event: StripeEvent, handlers: Handlers, known: Known) -> WebhookEventStatus:
    """Apply and record one event inside a transaction that `settle` opened, alone or among others; done before: nothing."""
    row = await _locked(event)
    if row is not None and row.status != WebhookEventStatus.FAILED:
        return WebhookEventStatus(row.status)
    handler = handlers.get(event.type)
    outcome = await handler(event.snapshot, known) if handler else Outcome.IGNORED
    row = row or _row(event)
    done = {
        "status": outcome.value,
        "attempts": row.attempts + 1,
        "error": None,
        "next_attempt_at": None,
        "processed_at": datetime.now(UTC),
    }
    await _keep(row, done)
    return WebhookEventStatus(outcome.value)


async def _fail(billing: Billing, event: StripeEvent, error: Exception) -> WebhookEventStatus:
    return await settle(billing.stripe, lambda _: _mark_failed(event, error))


async def _mark_failed(event: StripeEvent, error: Exception) -> WebhookEventStatus:
    """A copy of the event that got through meanwhile is left as it is."""
    row = await _locked(event) or _row(event)
    if row.status != WebhookEventStatus.FAILED:
        return WebhookEventStatus(row.status)
    attempts = row.attempts + 1
    again = datetime.now(UTC) + pause_after(attempts) if attempts < MAX_ATTEMPTS else None
    await _keep(row, {"attempts": attempts, "error": _told(error), "next_attempt_at": again})
    return WebhookEventStatus.FAILED


def pause_after(attempts: int) -> timedelta:
    """How long an event that failed so many times is let be."""
    grown: timedelta = FIRST_PAUSE * PAUSE_GROWTH ** (attempts - 1)
    return min(grown, LONGEST_PAUSE)


async def _locked(event: StripeEvent) -> WebhookEvent | None:
    return await WebhookEvent.filter(stripe_event_id=event.id).select_for_update(no_key=True).first()


def _row(event: StripeEvent) -> WebhookEvent:
    return WebhookEvent(
        stripe_event_id=event.id,
        type=event.type,
        api_version=event.api_version,
        object_id=event.object_id,
        status=WebhookEventStatus.FAILED,
        payload=event.payload,
        occurred_at=event.created,
        received_at=datetime.now(UTC),
    )


async def _keep(row: WebhookEvent, columns: dict[str, Any]) -> None:
    for column, value in columns.items():
        setattr(row, column, value)
    await row.save(update_fields=list(columns) if row._saved_in_db else None)  # noqa: SLF001 - Tortoise says it nowhere else


def _told(error: Exception) -> str:
    text = f"{type(error).__name__}: {error}".replace("\x00", "")
    return text.encode("utf-8", "replace").decode()[:LONGEST_ERROR]


async def retry_due(billing: Billing, handlers: Handlers, limit: int) -> int:
    """Try failed events again whose pause is over, at most `limit` of them, the longest due first; how many were tried."""
    now = datetime.now(UTC)
    due = await WebhookEvent.filter(status=WebhookEventStatus.FAILED, next_attempt_at__lte=now).order_by("next_attempt_at").limit(limit)
    for row in due:
        await receive(billing, read_event(row.payload), handlers)
    return len(due)
