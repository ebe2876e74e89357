"""Applying a stored event once more, whatever became of it, and saying beforehand what that would change.

What is newer than the event stays as it is: a replay mends what was missed and undoes nothing.
"""

import json
from dataclasses import dataclass
from typing import Any

import structlog

from models import AuditEntry, WebhookEvent, WebhookEventStatus
from models.persistence import insert, lock_id, new, update
from services.audit import Caller
from services.billing import Billing
from services.differences import Difference, changed, differences
from services.erasure.late_events import without_person
from services.errors import InvalidInput, NotFound
from services.idempotency import Call, Done, once
from services.inbox import EXPECTED, Handlers, apply, handled, payload_again, told
from services.journal import count
from services.mirror import Known, Outcome, settle
from services.stripe_event import StripeEvent, read_event
from services.text_input import MAX_ID, checked_text

REPLAY = "webhook_event.replay"
"""The audit log's word for it."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay came to: the event's status now, and what it changed."""

    status: WebhookEventStatus
    error: str | None
    differences: list[Difference]


async def replay_webhook_event(billing: Billing, handlers: Handlers, caller: Caller, event_id: str, key: str | None) -> Done[Replayed]:
    """Replay for the caller; whether the caller may is the resolver's question.

    An event that fails is no refusal: its row says so. Raises NotFound and InvalidInput, and then nothing is written, and the gateway's
    Refusals when a pruned payload cannot be read again.
    """
    checked_text(event_id, MAX_ID, "id")

    async def begin() -> str:
        if not await WebhookEvent.exists(id=event_id):
            raise NotFound("There is no such event.", "id")
        return event_id

    async def finish(row_id: str) -> Replayed:
        return await replay(billing, handlers, row_id, caller.viewer.actor, caller.request_id)

    return await once(Call(caller.viewer.external_id, "replayWebhookEvent", key, {"id": event_id}), begin, finish)


async def preview(billing: Billing, handlers: Handlers, event_id: str) -> tuple[Outcome, list[Difference]]:
    """What a replay of this row's event would come to and change; nothing is written.

    Raises NotFound, InvalidInput, and what applying the event raises: UnknownShape, TooManyReadings and the gateway's Refusals.
    """
    event = await _event_of(billing, await _row(event_id))
    return await differences(billing.stripe, lambda known: apply(event, handlers, known), dry=True)


async def replay(billing: Billing, handlers: Handlers, event_id: str, actor: str, request_id: str | None = None) -> Replayed:
    """Apply this row's event once more, and tell the audit log; not inside a transaction.

    Raises NotFound, InvalidInput for a payload that cannot be read, and the gateway's Refusals for a pruned one; then nothing is written.
    """
    event = await _event_of(billing, await _row(event_id))
    entry = new(AuditEntry, actor=actor, action=REPLAY, object_id=event_id, request_id=request_id, changes={})
    failure: Exception
    try:
        return await settle(billing.stripe, lambda known: _apply(event, handlers, known, entry))
    except EXPECTED as error:
        _log.warning("webhook_event_replay_failed", event_id=event.id, event_type=event.type, error=told(error))
        failure = error
    except Exception as error:  # noqa: BLE001 - the row says that the event failed; it is logged whole
        _log.exception("webhook_event_replay_failed", event_id=event.id, event_type=event.type)
        failure = error
    return await settle(billing.stripe, lambda _: _fail(event, entry, failure))


async def _apply(event: StripeEvent, handlers: Handlers, known: Known, entry: AuditEntry) -> Replayed:
    row = await lock_id(WebhookEvent, entry.object_id)
    outcome = await apply(event, handlers, known)
    found = changed()
    settled = handled(outcome)
    if row.status != WebhookEventStatus.FAILED and outcome is not Outcome.PROCESSED:
        settled["status"] = row.status
    await _keep(row, settled, entry, found)
    return Replayed(WebhookEventStatus(row.status), None, found)


async def _fail(event: StripeEvent, entry: AuditEntry, error: Exception) -> Replayed:
    row = await lock_id(WebhookEvent, entry.object_id)
    columns = {"status": WebhookEventStatus.FAILED.value, "error": told(error), "next_attempt_at": None}
    columns |= payload_again(row, event) | await without_person(event)
    await _keep(row, columns, entry, [])
    return Replayed(WebhookEventStatus.FAILED, row.error, [])


async def _keep(row: WebhookEvent, columns: dict[str, Any], entry: AuditEntry, found: list[Difference]) -> None:
    before, was = row.status, {column: getattr(row, column) for column in columns}
    row.update_from_dict(columns | {"attempts": row.attempts + 1})
    await update(row, [*columns, "attempts"])
    count(row, was)
    rows = sorted({f"{one.table} {one.row_id}" for one in found})
    entry.changes = {"status": [before, row.status], "attempts": row.attempts, "changed": rows}
    await insert([entry])


async def _row(event_id: str) -> WebhookEvent:
    row = await WebhookEvent.get_or_none(id=event_id)
    if row is None:
        raise NotFound("There is no such event.", "id")
    return row


async def _event_of(billing: Billing, row: WebhookEvent) -> StripeEvent:
    """The event as received; one whose payload was pruned is read from Stripe, which keeps events for 30 days."""
    if row.payload_pruned_at is None:
        return _read(row.payload)
    found = await billing.stripe.retrieve("event", row.stripe_event_id)
    if found is None:
        raise NotFound("The payload of this event was pruned, and Stripe does not have it any more: reconcile instead.", "id")
    return _read(json.dumps(found.object))


def _read(payload: str) -> StripeEvent:
    try:
        return read_event(payload)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("The payload of this event cannot be read: reconcile instead.", "id") from error
