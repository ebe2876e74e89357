"""The outbox: what is to be done at Stripe after a transaction is staged in it, and done by the worker, at least once."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta

import structlog
from tortoise.expressions import F

from models import OutboxEntry, OutboxKind
from services.billing import Billing
from services.text_input import is_storable

MAX_ATTEMPTS = 12
"""After so many failures an entry is given up and waits for an operator."""

FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(hours=6)
"""The pause after a failure doubles from the first to the longest."""

LEASE = timedelta(minutes=5)
"""How long a worker has an entry to itself."""

LONGEST_ERROR = 2000
"""Characters kept of an error."""

Tasks = Mapping[OutboxKind, Callable[[Billing, str], Awaitable[None]]]
"""Kind -> what does it, for the id of the subject; outside any transaction, and safe to run again."""

_log = structlog.get_logger(__name__)


async def stage(kind: OutboxKind, subject_id: str) -> None:
    """Let the task be done after the transaction that runs; asked for while it is being done, it is done once more."""
    entry = OutboxEntry(kind=kind.value, subject_id=subject_id, staged=0, next_attempt_at=datetime.now(UTC))
    await OutboxEntry.bulk_create([entry], ignore_conflicts=True)
    same = OutboxEntry.filter(kind=kind.value, subject_id=subject_id)
    await same.update(staged=F("staged") + 1, attempts=0, next_attempt_at=datetime.now(UTC))


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
    except Exception as error:  # noqa: BLE001 - whatever it is, the entry must stay and be tried again; it is logged whole
        _log.exception("outbox_entry_failed", kind=entry.kind, subject=entry.subject_id, attempts=entry.attempts + 1)
        await _put_off(entry, error)
    else:
        if not await OutboxEntry.filter(id=entry.id, staged=entry.staged).delete():
            await OutboxEntry.filter(id=entry.id).update(next_attempt_at=datetime.now(UTC), attempts=0)


async def _put_off(entry: OutboxEntry, error: Exception) -> None:
    attempts = entry.attempts + 1
    again = datetime.now(UTC) + min(FIRST_PAUSE * 2 ** (attempts - 1), LONGEST_PAUSE) if attempts < MAX_ATTEMPTS else None
    text = f"{type(error).__name__}: {error}"[:LONGEST_ERROR]
    kept = text if is_storable(text) else type(error).__name__
    await OutboxEntry.filter(id=entry.id, staged=entry.staged).update(next_attempt_at=again, error=kept)
