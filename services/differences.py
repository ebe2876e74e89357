"""What a piece of mirroring changes, or would change: the same work, done in a transaction that is kept or rolled back."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from models.record import Record
from services.journal import changes
from services.mirror import Known, settle
from services.stripe_gateway import StripeGateway

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Difference:
    """One column of one row as it was and as it is told now; of a row that is new each column that has a value, `before` None."""

    table: str
    row_id: str
    column: str
    before: Any
    after: Any

    @property
    def new_row(self) -> bool:
        """Whether it stands for the row itself, which did not exist."""
        return self.column == "id" and self.before is None


class _Undone(Exception, Generic[Result]):
    def __init__(self, result: Result, found: list[Difference]) -> None:
        super().__init__()
        self.result, self.found = result, found


async def differences(stripe: StripeGateway, work: Callable[[Known], Awaitable[Result]], *, dry: bool) -> tuple[Result, list[Difference]]:
    """Do `work` as `services.mirror.settle` does, and say what it changed; with `dry` nothing of it stays.

    Raises what `settle` raises, and then nothing was changed.
    """

    async def told(known: Known) -> tuple[Result, list[Difference]]:
        result = await work(known)
        found = changed()
        if dry:
            raise _Undone(result, found)
        return result, found

    try:
        return await settle(stripe, told)
    except _Undone as undone:
        return undone.result, undone.found


def changed() -> list[Difference]:
    """What the work that runs has changed so far, versions aside; a column written twice counts once. Inside `settle` alone."""
    rows: dict[str, tuple[Record, dict[str, Any], dict[str, Any]]] = {}
    for change in changes():
        _, before, after = rows.setdefault(change.row.id, (change.row, {}, {}))
        former = change.before if change.before is not None else dict.fromkeys(change.after)
        for column, value in change.after.items():
            before.setdefault(column, former[column])
            after[column] = value
    return [difference for row, before, after in rows.values() for difference in _columns(row, before, after)]


def _columns(row: Record, before: dict[str, Any], after: dict[str, Any]) -> list[Difference]:
    table = type(row)._meta.db_table  # noqa: SLF001 - Tortoise names the table nowhere else
    kept = (column for column in after if not column.endswith("version") and before[column] != after[column])
    return [Difference(table, row.id, column, before[column], after[column]) for column in kept]
