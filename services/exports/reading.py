"""Reading an export, page by page in the order in which its rows were made, and keeping who asked for it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from models import AuditEntry
from models.ids import earliest_id
from models.rows import Row, fetch
from models.selects import Comparison, Condition, Parents, Select
from services.exports.columns import EXPORTED, Exported, ExportKind, Reference
from services.exports.formats import ExportFormat

PAGE = 1000
"""Rows that are held at once."""


@dataclass(frozen=True, slots=True)
class Range:
    """Rows made from `since` on and before `until`; aware times, None for no bound."""

    since: datetime | None = None
    until: datetime | None = None


@dataclass(slots=True)
class Export:
    """One export; `rows` counts what was written so far."""

    kind: ExportKind
    format: ExportFormat
    range: Range = field(default_factory=Range)
    rows: int = 0

    async def text(self) -> AsyncIterator[str]:
        """The file, piece by piece. Rows that are made while it is read may or may not be in it, at its end."""
        exported = EXPORTED[self.kind]
        headings = exported.headings
        yield self.format.head(headings)
        after = ""
        while page := await self._page(exported, after):
            after = page[-1].id
            named = [await _named(reference, page) for reference in exported.references]
            values = [_values(exported, row, named) for row in page]
            self.rows += len(page)
            yield self.format.lines(headings, values)

    async def _page(self, exported: Exported, after: str) -> list[Row]:
        prefix = exported.model.prefix
        first = earliest_id(prefix, self.range.since) if self.range.since else ""
        where = [Condition("id", Comparison.AFTER, after)] if after else [Condition("id", Comparison.FROM, first)] if first else []
        if self.range.until:
            where.append(Condition("id", Comparison.BEFORE, earliest_id(prefix, self.range.until)))
        return await fetch(Select(exported.model, exported.reads, tuple(where), newest_first=False, limit=PAGE))


async def _named(reference: Reference, page: list[Row]) -> dict[str, Row]:
    """The rows that a page's rows refer to, by what names them."""
    ids = sorted({key for row in page if (key := getattr(row, reference.key)) is not None})
    if not ids:
        return {}
    columns = tuple(sorted({"id", reference.by, *reference.shown}))
    found = await fetch(Select(reference.model, columns, (), parents=Parents(reference.by, ids)))
    return {getattr(row, reference.by): row for row in found}


def _values(exported: Exported, row: Row, named: list[dict[str, Row]]) -> list[Any]:
    values = [column.of(row) for column in exported.columns]
    for reference, rows in zip(exported.references, named, strict=True):
        found = rows.get(getattr(row, reference.key) or "")
        values += [getattr(found, shown) if found else None for shown in reference.shown]
    return values


async def record_export(actor: str, export: Export, request_id: str | None = None) -> None:
    """Let the audit log know who exports what; before the first row is read."""
    bounds = {"since": export.range.since, "until": export.range.until}
    told = {"format": export.format.value} | {name: moment.isoformat() for name, moment in bounds.items() if moment}
    entry = AuditEntry(actor=actor, action="export.create", object_id=export.kind.value, changes=told, request_id=request_id)
    await entry.save(force_create=True)
