"""Appending, in a transaction, by how much its changes change the sums: new rows each time, so that no transaction waits for another."""

from collections.abc import Iterable
from typing import Any, Protocol

from models import StatisticsDelta
from models.persistence import insert, new
from models.record import Record
from services.statistics.counting import COUNTINGS, Sums, count


class Changed(Protocol):
    """A change as services.journal keeps it: columns before and after; `before` is None for a row that is new."""

    @property
    def row(self) -> Record: ...  # noqa: D102 - the row as it is now
    @property
    def before(self) -> dict[str, Any] | None: ...  # noqa: D102 - only what changed
    @property
    def after(self) -> dict[str, Any]: ...  # noqa: D102 - only what changed


class _Seen:
    """A row with some of its columns as they were."""

    def __init__(self, row: Record, columns: dict[str, Any]) -> None:
        self._row, self._columns = row, columns

    def __getattr__(self, name: str) -> Any:
        return self._columns[name] if name in self._columns else getattr(self._row, name)


async def record(changes: Iterable[Changed]) -> None:
    """Write the deltas of the changes, made in this order, with one statement; none where nothing counts otherwise than before."""
    await append(moved(changes))


async def append(sums: Sums) -> None:
    """Write sums as deltas."""
    rows = [
        new(
            StatisticsDelta,
            minute=key.minute,
            seller_key=key.seller,
            measure=key.measure,
            currency=key.currency,
            detail=key.detail,
            number=number,
            amount=amount,
        )
        for key, (number, amount) in sums.items()
    ]
    await insert(rows)


def moved(changes: Iterable[Changed]) -> Sums:
    """What all rows count for after the changes, less what they counted for before them."""
    sums = Sums()
    first: dict[str, dict[str, Any] | None] = {}
    last: dict[str, tuple[Record, dict[str, Any]]] = {}
    for one in changes:
        if type(one.row) not in COUNTINGS:
            continue
        before = first.setdefault(one.row.id, None if one.before is None else {})
        if before is not None:
            before.update({column: value for column, value in (one.before or {}).items() if column not in before})
        last[one.row.id] = (one.row, (last[one.row.id][1] if one.row.id in last else {}) | one.after)
    for row_id, (row, after) in last.items():
        former = first[row_id]
        sums.add(count(type(row), _Seen(row, after)))
        if former is not None:
            sums.add(count(type(row), _Seen(row, after | former)), -1)
    return sums
