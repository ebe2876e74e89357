"""The outbox: what is to be done at Stripe after a transaction is staged in it, and done by the worker."""

from datetime import UTC, datetime

from tortoise.expressions import F

from models import OutboxEntry, OutboxKind


async def stage(kind: OutboxKind, subject_id: str) -> None:
    """Let the task be done after the transaction that runs; asked for while it is being done, it is done once more."""
    entry = OutboxEntry(kind=kind.value, subject_id=subject_id, staged=0, next_attempt_at=datetime.now(UTC))
    await OutboxEntry.bulk_create([entry], ignore_conflicts=True)
    same = OutboxEntry.filter(kind=kind.value, subject_id=subject_id)
    await same.update(staged=F("staged") + 1, attempts=0, next_attempt_at=datetime.now(UTC))
