"""What the transaction that runs has changed of the mirrored rows, and its audit entries, written with one statement at its end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from models import AuditEntry
from models.persistence import insert, new
from models.record import Record

ACTOR = "stripe"
"""Who changed a mirrored row, as audit entries name it."""


@dataclass(frozen=True, slots=True)
class Change:
    """A row that was written: its columns' values before and after; `before` is None for a row that is new."""

    row: Record
    before: dict[str, Any] | None
    after: dict[str, Any]


@dataclass(slots=True)
class Journal:
    """Changes in the order in which they were made."""

    changes: list[Change] = field(default_factory=list)

    def entries(self) -> list[AuditEntry]:
        """What the audit log is told: each row that is new, each change of a status."""
        return [_entry(change) for change in self.changes if change.before is None or "status" in change.before]


_open: ContextVar[Journal] = ContextVar("journal")


@asynccontextmanager
async def journal() -> AsyncIterator[Journal]:
    """To be opened inside the transaction; at the end of the block the audit entries are written, unless an exception leaves it."""
    kept = Journal()
    token = _open.set(kept)
    try:
        yield kept
    finally:
        _open.reset(token)
    await insert(kept.entries())


def note(row: Record, before: dict[str, Any] | None) -> None:
    """Keep in the open journal that a row was written. LookupError where none is open."""
    columns = type(row)._meta.db_fields if before is None else before  # noqa: SLF001 - Tortoise lists columns nowhere else
    _open.get().changes.append(Change(row, before, {column: getattr(row, column) for column in columns}))


def changes() -> list[Change]:
    """What the open journal keeps so far. LookupError where none is open."""
    return _open.get().changes


def _entry(change: Change) -> AuditEntry:
    action = f"{type(change.row)._meta.db_table}.status"  # noqa: SLF001 - Tortoise names the table nowhere else
    former = change.before["status"] if change.before else None
    return new(AuditEntry, actor=ACTOR, action=action, object_id=change.row.id, changes={"status": [former, change.after.get("status")]})
