"""What is to be read of a table, said without SQL."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from models.record import Record


class Comparison(StrEnum):
    """How a column is compared with a value.

    ONE_OF takes a list of strings or a Lookup of any number, PRESENT and ABSENT nothing, WITH a Lookup that finds any active row. NULL is
    OTHER_THAN any value, and any other than a Lookup that finds nothing.
    """

    EQUAL = "="
    BEFORE = "<"
    AFTER = ">"
    FROM = ">="
    UP_TO = "<="
    ONE_OF = "IN"
    OTHER_THAN = "<>"
    PRESENT = "IS NOT NULL"
    ABSENT = "IS NULL"
    WITH = "EXISTS"


@dataclass(frozen=True, slots=True)
class Lookup:
    """A value found in another table: `pick` of the row whose `column` equals `value`; of several, the one at `place`, last made first."""

    model: type[Record]
    pick: str
    column: str
    value: Any
    place: int = 0

    @property
    def shape(self) -> tuple[object, ...]:
        """Everything but the value."""
        return (self.model, self.pick, self.column, self.place)


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison with a value or a Lookup.

    `residual`: it only sifts what another condition finds, so that the index of its own column is not to be used.
    """

    column: str
    comparison: Comparison
    value: Any = None
    residual: bool = False

    @property
    def shape(self) -> tuple[object, ...]:
        """Everything but the value."""
        lookup = self.value.shape if isinstance(self.value, Lookup) else None
        return (self.column, self.comparison, self.residual, lookup)


@dataclass(frozen=True, slots=True)
class Either:
    """Any of the options; `residual` as of a Condition: no index of their columns is to be used."""

    options: tuple[Condition, ...]
    residual: bool = False

    @property
    def shape(self) -> tuple[object, ...]:
        """Everything but the values."""
        return (Either, tuple(option.shape for option in self.options))

    def sifting(self) -> "Either":
        """The same, residual."""
        return Either(tuple(replace(option, residual=True) for option in self.options), residual=True)

    def arms(self) -> tuple[tuple[Condition, ...], ...]:
        """The same as alternatives of which no row meets two: each option without those before it, which must be EQUAL ones."""
        earlier = [Condition(option.column, Comparison.OTHER_THAN, option.value, residual=True) for option in self.options]
        return tuple((option, *earlier[:place]) for place, option in enumerate(self.options))


@dataclass(frozen=True, slots=True)
class Parents:
    """The rows whose `column` is one of `values`: what many parents are read with at once."""

    column: str
    values: list[str]


@dataclass(frozen=True, slots=True)
class Select:
    """Rows of one model that meet all of `where`, by id.

    With `alternatives` (no row may meet two of them), rows that meet all of one of these as well. With `parents`, rows of each of them in
    no order, where `limit` counts for each parent unless it is `shared` by all. `columns` always hold the id, and the column of `parents`.
    """

    model: type[Record]
    columns: tuple[str, ...] = ("id",)
    where: tuple[Condition | Either, ...] = ()
    alternatives: tuple[tuple[Condition, ...], ...] = ()
    parents: Parents | None = None
    newest_first: bool = True
    limit: int | None = None
    shared: bool = False


def equal(column: str, value: Any) -> Condition:
    """The column equals the value."""
    return Condition(column, Comparison.EQUAL, value)
