"""The outbox: what is to be done at Stripe after a transaction is staged in it, and done by the worker."""

from datetime import UTC, datetime

from tortoise.expressions import F

from models import OutboxEntry, OutboxKind
from models.database import transaction
from services import audit

MOST_COUNTED = 1000
"""Entries that were given up are counted up to one more than this."""


async def stage(kind: OutboxKind, subject_id: str) -> None:
    """Let the task be done after the transaction that runs; asked for while it is being done, it is done once more."""
    entry = OutboxEntry(kind=kind.value, subject_id=subject_id, staged=0, next_attempt_at=datetime.now(UTC))
    await OutboxEntry.bulk_create([entry], ignore_conflicts=True)
    same = OutboxEntry.filter(kind=kind.value, subject_id=subject_id)
    await same.update(staged=F("staged") + 1, attempts=0, next_attempt_at=datetime.now(UTC))


async def given_up() -> int:
    """How many entries wait for an operator, MOST_COUNTED + 1 standing for more."""
    return len(await OutboxEntry.filter(next_attempt_at=None).limit(MOST_COUNTED + 1).values_list("id", flat=True))


async def try_again(entry_id: str) -> bool:
    """Let an entry be due now, with all its attempts before it, for an operator; audited. False when there is none (any more).

    Not inside a transaction.
    """
    async with transaction():
        entry = await OutboxEntry.filter(id=entry_id).select_for_update(no_key=True).first()
        if entry is None:
            return False
        await OutboxEntry.filter(id=entry_id).update(staged=F("staged") + 1, attempts=0, next_attempt_at=datetime.now(UTC))
        told = {"kind": entry.kind, "subject": entry.subject_id, "attempts": [entry.attempts, 0]}
        await audit.record(audit.OPERATOR, "outbox_entry.retry", entry_id, **told)
    return True


async def discard(entry_id: str) -> bool:
    """Drop an entry that was settled in another way; audited, and False, as `try_again`. One that was not given up stays."""
    async with transaction():
        entry = await OutboxEntry.filter(id=entry_id, next_attempt_at=None).select_for_update(no_key=True).first()
        if entry is None:
            return False
        await OutboxEntry.filter(id=entry_id).delete()
        told = {"kind": entry.kind, "subject": entry.subject_id, "error": entry.error}
        await audit.record(audit.OPERATOR, "outbox_entry.discard", entry_id, **told)
    return True
