"""The inbox: each event of Stripe's once, applied in the transaction that records it.

An event that fails leaves a FAILED row and nothing else. It is tried again when Stripe sends it again, and by the worker with growing
pauses.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from models import AuditEntry, WebhookEvent, WebhookEventStatus
from models.persistence import insert, lock, new, update
from services.billing import Billing
from services.emails.staging import stage_given_up
from services.erasure.late_events import without_person
from services.errors import Refusal
from services.journal import ACTOR, count
from services.mirror import Known, Mirror, Outcome, TooManyReadings, settle
from services.snapshot import Snapshot
from services.stripe_event import StripeEvent, read_event
from services.stripe_fields import UnknownShape
from services.stripe_gateway import PATHS

Handlers = Mapping[str, Mirror]
"""Event type -> what writes the object that it is about."""

MAX_ATTEMPTS = 10
"""After so many failures the worker lets an event be; sent again by Stripe it is still tried."""

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=12)
PAUSE_GROWTH = 3
"""Each pause is so many times the one before."""

LONGEST_ERROR = 2000
"""Characters kept of an error."""

EXPECTED = (UnknownShape, Refusal, TooManyReadings)
"""What may go wrong with an event without anything being wrong here."""

RETRY = "webhook_event.retry"
"""The audit log's word for another attempt at an event that had failed."""

WORKER = "worker"
"""Who tries again by itself, as audit entries name it."""

_log = structlog.get_logger(__name__)


async def receive(billing: Billing, event: StripeEvent, handlers: Handlers, actor: str = ACTOR) -> WebhookEventStatus:
    """Record and apply an event, or say what became of it before; when this returns it is committed.

    One that failed before is tried again, and the audit log is told that `actor` did so.

    Objects that are missing are read from Stripe between transactions. Whatever goes wrong leaves a FAILED row; raises only when that
    could not be written either.
    """
    failure: Exception
    try:
        return await settle(billing.stripe, lambda known: _take(event, handlers, known, actor))
    except EXPECTED as error:
        _log.warning("webhook_event_failed", event_id=event.id, event_type=event.type, error=told(error))
        failure = error
    except Exception as error:  # noqa: BLE001 - whatever it is, the event must stay and be tried again; it is logged whole
        _log.exception("webhook_event_failed", event_id=event.id, event_type=event.type)
        failure = error
    return await settle(billing.stripe, lambda _: _mark_failed(billing, event, failure, actor))


async def apply(event: StripeEvent, handlers: Handlers, known: Known) -> Outcome:
    """Do what an event means, inside a transaction that `settle` opened; a thin event's object is asked of Stripe first (ObjectNeeded)."""
    handler = handlers.get(event.type)
    if handler is None:
        return Outcome.IGNORED
    snapshot = event.snapshot or _object_of(event, known)
    return await handler(snapshot, known) if snapshot else Outcome.IGNORED


def _object_of(event: StripeEvent, known: Known) -> Snapshot | None:
    if event.kind is None or event.object_id is None:
        return None
    if event.kind not in PATHS:
        raise UnknownShape({"object": "v2.core.event", "id": event.id}, "related_object.type", "a kind that is read")
    return known.require(event.kind, event.object_id) or event.remains()


def new_row(event: StripeEvent, **columns: Any) -> WebhookEvent:
    """The row of an event that came just now, FAILED and without attempts unless `columns` say otherwise; nothing is written."""
    return new(
        WebhookEvent,
        created_at=event.received_at,
        stripe_event_id=event.id,
        type=event.type,
        api_version=event.api_version,
        object_id=event.object_id,
        payload=event.payload,
        occurred_at=event.created,
        received_at=event.received_at,
        **{"status": WebhookEventStatus.FAILED.value} | columns,
    )


def handled(outcome: Outcome) -> dict[str, Any]:
    """The columns, attempts apart, of an event that was handled just now."""
    return {"status": outcome.value, "error": None, "next_attempt_at": None, "processed_at": datetime.now(UTC)}


async def _take(event: StripeEvent, handlers: Handlers, known: Known, actor: str) -> WebhookEventStatus:
    row = await lock(WebhookEvent, stripe_event_id=event.id)
    if row is not None and row.status != WebhookEventStatus.FAILED:
        return WebhookEventStatus(row.status)
    outcome = await apply(event, handlers, known)
    row = row or new_row(event)
    await _keep(row, handled(outcome) | {"attempts": row.attempts + 1} | await without_person(event), actor)
    return WebhookEventStatus(outcome.value)


async def _mark_failed(billing: Billing, event: StripeEvent, error: Exception, actor: str) -> WebhookEventStatus:
    """A copy of the event that got through meanwhile is left as it is."""
    row = await lock(WebhookEvent, stripe_event_id=event.id) or new_row(event)
    if row.status != WebhookEventStatus.FAILED:
        return WebhookEventStatus(row.status)
    attempts = row.attempts + 1
    again = datetime.now(UTC) + pause_after(attempts) if attempts < MAX_ATTEMPTS else None
    kept = payload_again(row, event) if again else payload_again(row, event) | await without_person(event)
    await _keep(row, {"attempts": attempts, "error": told(error), "next_attempt_at": again} | kept, actor)
    if again is None:
        await stage_given_up(billing.settings, row)
    return WebhookEventStatus.FAILED


def payload_again(row: WebhookEvent, event: StripeEvent) -> dict[str, Any]:
    """The columns of a payload that was pruned, for an event that something is to be done about after all."""
    return {"payload": event.payload, "payload_pruned_at": None} if row.payload_pruned_at else {}


def pause_after(attempts: int) -> timedelta:
    """How long an event that failed so many times is let be."""
    grown: timedelta = FIRST_PAUSE * PAUSE_GROWTH ** (attempts - 1)
    return min(grown, LONGEST_PAUSE)


async def _keep(row: WebhookEvent, columns: dict[str, Any], actor: str) -> None:
    before, was = row.status, {column: getattr(row, column) for column in columns}
    row.update_from_dict(columns)
    if not row._saved_in_db:  # noqa: SLF001 - Tortoise says it nowhere else
        await insert([row])
        count(row, None)
        return
    await update(row, columns)
    count(row, was)
    changes = {"status": [before, row.status], "attempts": row.attempts}
    await insert([new(AuditEntry, actor=actor, action=RETRY, object_id=row.id, changes=changes)])


def told(error: Exception) -> str:
    """What is kept and logged of an error."""
    text = f"{type(error).__name__}: {error}".replace("\x00", "")
    return text.encode("utf-8", "replace").decode()[:LONGEST_ERROR]


async def retry_due(billing: Billing, handlers: Handlers, limit: int) -> int:
    """Try failed events again whose pause is over, at most `limit` of them, the longest due first; how many were tried.

    One that cannot be read any more, such as after an upgrade, is let be.
    """
    now = datetime.now(UTC)
    due = await WebhookEvent.filter(status=WebhookEventStatus.FAILED, next_attempt_at__lte=now).order_by("next_attempt_at").limit(limit)
    for row in due:
        try:
            event = read_event(row.payload)
        except (ValueError, RecursionError) as error:
            _log.error("webhook_event_unreadable", event_id=row.stripe_event_id, event_type=row.type, error=told(error))
            unread = WebhookEvent.filter(id=row.id, status=WebhookEventStatus.FAILED)
            await unread.update(next_attempt_at=None, error=told(error))
        else:
            await receive(billing, event, handlers, WORKER)
    return len(due)
