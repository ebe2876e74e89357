"""The one way in which a mirrored row is changed: newest wins by Stripe's clock, ties are read again, changes of status are audited.

The row must be locked by the transaction that runs (models.persistence.lock), so that what is compared is what is written over.
"""

from collections.abc import Awaitable, Callable

from models.record import Record
from services.erasure.personal import impersonal
from services.journal import Facts, change
from services.mirror.known import Known
from services.mirror.outcome import Outcome
from services.snapshot import Snapshot
from services.stripe_fields import Json

FactsOf = Callable[[Json], Awaitable[Facts | None]]
"""Reads the facts off an object; None for what the row must never be told, such as a terminal status going back."""

SLOWEST_READING = 25
"""Seconds that a reading may have taken: its content may be so much older than the date of the answer."""


async def renew(row: Record, snapshot: Snapshot, known: Known, facts: FactsOf, clock: str = "stripe_version") -> Outcome:
    """Write what `facts` reads from the snapshot into the row, if it is newer than the row's `clock` column (Stripe's seconds).

    Of two snapshots of one second that differ neither is believed: the object is read
    (ObjectNeeded), and that reading is written if the row did not change while it was made. What says that the object was deleted is
    believed when there is nothing to read.
    """
    held: int = getattr(row, clock)
    wanted = await _wanted(row, snapshot, facts) if snapshot.version >= held else None
    if wanted is None:
        return Outcome.STALE
    if _ambiguous(snapshot, held):
        if not _changes(row, wanted):
            return Outcome.STALE
        reading = known.settle(snapshot, row.id, {column: getattr(row, column) for column in (clock, *wanted)})
        reading = snapshot if reading is None and snapshot.gone else reading
        wanted = await _wanted(row, reading, facts) if reading else None
        if reading is None or wanted is None:
            return Outcome.STALE
        snapshot = reading
    await change(row, wanted | {clock: snapshot.version})
    return Outcome.PROCESSED


async def _wanted(row: Record, snapshot: Snapshot, facts: FactsOf) -> Facts | None:
    """The facts, without what is personal where the row is of somebody who was erased."""
    told = await facts(snapshot.object)
    return None if told is None else await impersonal(row, told)


def _ambiguous(snapshot: Snapshot, held: int) -> bool:
    return 0 <= snapshot.version - held <= (SLOWEST_READING if snapshot.read else 0)


def _changes(row: Record, wanted: Facts) -> Facts:
    return {column: getattr(row, column) for column, value in wanted.items() if getattr(row, column) != value}
