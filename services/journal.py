"""What the transaction that runs has changed; what follows (audit entries, statistics, outgoing events) is written at its end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from models import AuditEntry
from models.persistence import insert, new, update
from models.record import Record
from services.audit import Caller
from services.deliveries.events import Event, events_of
from services.deliveries.staging import stage
from services.row_change import Change
from services.statistics.recording import record

ACTOR = "stripe"
"""Who changes rows when Stripe speaks, as audit entries name it."""

TOLD = {
    "credit_entry": ("customer_id", "kind", "amount", "balance_after"),
    "entitlement": ("feature", "active_until", "past_due_since", "disputed", "revoked_reason"),
    "invoice": ("status", "amount_paid"),
    "promotion_code": ("code", "active", "failure", "seller_id"),
}
"""Tables of rows of which the audit log is told something else than the status."""

Facts = dict[str, Any]
"""Column -> value."""


@dataclass(slots=True)
class Journal:
    """Changes in the order in which they were made, by whom, and in which request; `counted` are those that only statistics are told of."""

    actor: str
    request_id: str | None = None
    changes: list[Change] = field(default_factory=list)
    counted: list[Change] = field(default_factory=list)
    told: list[Event] = field(default_factory=list)

    def entries(self) -> list[AuditEntry]:
        """What the audit log is told: each row that is new, each change of a status or of what stands for it."""
        return [self._entry(change, shown) for change in self.changes if (shown := _shown(change))]

    def _entry(self, change: Change, shown: Facts) -> AuditEntry:
        action = f"{change.table}.{'status' if 'status' in shown else 'create' if change.before is None else 'update'}"
        return new(AuditEntry, actor=self.actor, action=action, object_id=change.row.id, changes=shown, request_id=self.request_id)


_open: ContextVar[Journal] = ContextVar("journal")


@asynccontextmanager
async def journal(actor: Caller | str = ACTOR) -> AsyncIterator[Journal]:
    """To be opened inside the transaction; at the end of the block what follows is written, unless an exception leaves it."""
    kept = Journal(actor) if isinstance(actor, str) else Journal(actor.actor, actor.request_id)
    token = _open.set(kept)
    try:
        yield kept
    finally:
        _open.reset(token)
    await insert(kept.entries())
    await record([*kept.changes, *kept.counted])
    await stage([*events_of(kept.changes), *kept.told])


async def change(row: Record, wanted: Facts) -> bool:
    """Write the columns that differ, and note it in the journal; whether any did. LookupError where no journal is open."""
    before = {column: getattr(row, column) for column, value in wanted.items() if getattr(row, column) != value}
    if not before:
        return False
    for column in before:
        setattr(row, column, wanted[column])
    await update(row, before)
    _note(row, before)
    return True


async def create(row: Record) -> None:
    """Insert a row, and note it in the journal. IntegrityError when another transaction made it just now: begin the work again."""
    await insert([row])
    _note(row, None)


def count(row: Record, before: Facts | None) -> None:
    """Let statistics know of a row that was written some other way, with its former columns; None for a new one."""
    _open.get().counted.append(_change(row, before))


def changes() -> list[Change]:
    """What the open journal keeps so far. LookupError where none is open."""
    return _open.get().changes


def told() -> list[Event]:
    """What the open journal was told so far. LookupError where none is open."""
    return _open.get().told


def tell(event: Event) -> None:
    """Let destinations be told of something that no row's change says. LookupError where no journal is open."""
    _open.get().told.append(event)


def plain(value: Any) -> Any:
    """A column's value as JSON has it; times in ISO 8601."""
    return value.isoformat() if isinstance(value, datetime) else value


def _note(row: Record, before: Facts | None) -> None:
    _open.get().changes.append(_change(row, before))


def _change(row: Record, before: Facts | None) -> Change:
    columns = type(row)._meta.db_fields if before is None else before  # noqa: SLF001 - Tortoise lists columns nowhere else
    return Change(row, before, {column: getattr(row, column) for column in columns})


def _shown(change: Change) -> Facts:
    """What the audit log is told of a change, [before, after] by column; nothing when it is not worth it."""
    columns = TOLD.get(change.table) or (("status",) if hasattr(change.row, "status") else ())
    former = change.before if change.before is not None else dict.fromkeys(change.after)
    kept = (column for column in columns if column in former)
    return {column: [plain(former[column]), plain(change.after[column])] for column in kept}
