"""Doing what is staged in the outbox: at least once, with growing pauses, until it is given up and waits for an operator."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta

import structlog

from models import OutboxEntry, OutboxKind
from models.database import transaction
from services.billing import Billing
from services.emails.staging import stage_given_up
from services.errors import Refusal
from services.mirror import TooManyReadings
from services.stripe_fields import UnknownShape
from services.text_input import is_storable

MAX_ATTEMPTS = 12
"""After so many failures an entry is given up and waits for an operator."""

FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(hours=6)
"""The pause after a failure doubles from the first to the longest."""

LEASE = timedelta(minutes=5)
"""How long a worker has an entry to itself."""

EXPECTED = (UnknownShape, Refusal, TooManyReadings)
"""What may go wrong without anything being wrong here."""

LONGEST_ERROR = 2000
"""Characters kept of an error."""

Tasks = Mapping[OutboxKind, Callable[[Billing, str], Awaitable[None]]]
"""Kind -> what does it, for the id of the subject; outside any transaction, and safe to run again."""

_log = structlog.get_logger(__name__)


async def drain(billing: Billing, tasks: Tasks, limit: int) -> int:
    """Do what is due, at most `limit` entries, the longest due first; how many were taken up. Several workers do no harm."""
    due = await OutboxEntry.filter(next_attempt_at__lte=datetime.now(UTC)).order_by("next_attempt_at").limit(limit)
    for entry in due:
        if await _claimed(entry):
            await _do(billing, tasks, entry)
    return len(due)


async def _claimed(entry: OutboxEntry) -> bool:
    same = OutboxEntry.filter(id=entry.id, next_attempt_at=entry.next_attempt_at, attempts=entry.attempts, staged=entry.staged)
    return bool(await same.update(attempts=entry.attempts + 1, next_attempt_at=datetime.now(UTC) + LEASE))


async def _do(billing: Billing, tasks: Tasks, entry: OutboxEntry) -> None:
    try:
        await tasks[OutboxKind(entry.kind)](billing, entry.subject_id)
    except EXPECTED as error:
        _log.warning("outbox_entry_failed", kind=entry.kind, subject=entry.subject_id, attempts=entry.attempts + 1, error=str(error))
        await _put_off(billing, entry, error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the entry must stay and be tried again; it is logged whole
        _log.exception("outbox_entry_failed", kind=entry.kind, subject=entry.subject_id, attempts=entry.attempts + 1)
        await _put_off(billing, entry, error)
    else:
        if not await OutboxEntry.filter(id=entry.id, staged=entry.staged).delete():
            await OutboxEntry.filter(id=entry.id).update(next_attempt_at=datetime.now(UTC), attempts=0)


async def _put_off(billing: Billing, entry: OutboxEntry, error: Exception) -> None:
    attempts = entry.attempts + 1
    again = datetime.now(UTC) + min(FIRST_PAUSE * 2 ** (attempts - 1), LONGEST_PAUSE) if attempts < MAX_ATTEMPTS else None
    text = f"{type(error).__name__}: {error}"[:LONGEST_ERROR]
    kept = text if is_storable(text) else type(error).__name__
    async with transaction():
        same = await OutboxEntry.filter(id=entry.id, staged=entry.staged).update(next_attempt_at=again, error=kept)
        if same and again is None:
            await stage_given_up(billing.settings, entry)
