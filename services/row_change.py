"""A row that was written: what the journal keeps, and what events and audit entries are made of."""

from dataclasses import dataclass
from typing import Any

from models.record import Record


@dataclass(frozen=True, slots=True)
class Change:
    """A row that was written: its columns' values before and after; `before` is None for a row that is new."""

    row: Record
    before: dict[str, Any] | None
    after: dict[str, Any]

    @property
    def table(self) -> str:
        """The row's table."""
        return type(self.row)._meta.db_table  # noqa: SLF001 - Tortoise names the table nowhere else
