"""A retention run: everything that is older than it is kept, in short transactions, to be stopped or killed anywhere and gone on with."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from models import AuditEntry, RetentionRun, RetentionStatus
from models.database import transaction
from services.audit import OPERATOR
from services.retention.books import delete_books
from services.retention.ledger import carry_forward
from services.retention.limits import Limits, limits_of
from services.retention.records import delete_records
from services.retention.tally import Tally
from services.statistics.recounting import adopt
from settings import Settings

RETENTION_LOCK = 0x72657461
"""Key of the lock under which one run at a time deletes."""

ACTION = "retention.run"
"""The audit log's word for it."""

Told = Callable[[Tally], None]


async def run(settings: Settings, *, dry: bool, stop: asyncio.Event, told: Told, begun: Told = lambda _: None) -> Tally:
    """Delete what is old, or with `dry` only count it; the counts of all that went. One that was cut off goes on: `begun` is told of it.

    To be run under RETENTION_LOCK.
    """
    limits = limits_of(settings, datetime.now(UTC))
    row = None if dry else await _opened(settings, limits)
    tally = Tally(row, stop, told)
    begun(tally)
    if limits.books is not None:
        await carry_forward(limits.books, tally)
        await delete_books(limits.books, tally)
    await delete_records(limits, tally)
    if row is not None and not tally.is_stopped():
        await _close(row, limits, tally)
    return tally


async def _opened(settings: Settings, limits: Limits) -> RetentionRun:
    """The run that was cut off, with the limits as they are now, or a new one; what was never counted is counted first."""
    await adopt(settings.statistics_time_zone)
    row = await RetentionRun.filter(status=RetentionStatus.RUNNING.value).order_by("id").first()
    if row is None:
        return await RetentionRun.create(books_before=limits.books, audit_before=limits.audit)
    await RetentionRun.filter(id=row.id).update(books_before=limits.books, audit_before=limits.audit)
    return row


async def _close(row: RetentionRun, limits: Limits, tally: Tally) -> None:
    """The ledgers only grow again; what was done is in the audit log."""
    before = {"books": limits.books, "audit": limits.audit}
    told = {"before": {name: moment and moment.isoformat() for name, moment in before.items()}, "deleted": dict(tally.counts)}
    async with transaction():
        await RetentionRun.filter(id=row.id).update(status=RetentionStatus.DONE.value, done_at=datetime.now(UTC))
        await AuditEntry(actor=OPERATOR, action=ACTION, object_id=row.id, changes=told).save(force_create=True)
