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
    """Do what is due by now, at most `limit` entries, the longest due first; how many were taken up. Several workers share them."""
    began, done = datetime.now(UTC), 0
    while done < limit and (entry := await _claimed(began)):
        await _do(billing, tasks, entry)
        done += 1
    return done


async def _claimed(began: datetime) -> OutboxEntry | None:
    """The entry that is longest due, as it was, for this worker alone until LEASE is over; passes over what others are just claiming."""
    due = OutboxEntry.filter(next_attempt_at__lte=began).order_by("next_attempt_at", "id")
    if not await due.exists():
        return None
    async with transaction():
        entry = await due.select_for_update(skip_locked=True, no_key=True).first()
        if entry is not None:
            again = datetime.now(UTC) + LEASE
            await OutboxEntry.filter(id=entry.id).update(attempts=entry.attempts + 1, next_attempt_at=again)
    return entry


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
