# ruff: noqa: S608, SLF001 - only names from the models own metadata are written into the text; values are bound
"""SQL text of a Select, built once for each shape from the models' metadata and kept.

Values are always bound, never written into the text, and a list travels as one value: the database, too, keeps one prepared statement.
"""

import json
from collections.abc import Callable, Iterator
from enum import StrEnum
from functools import lru_cache
from itertools import count
from typing import Any, NamedTuple

from models.record import Record
from models.selects import Comparison, Condition, Either, Lookup, Select

SHAPES_KEPT = 4096
"""Texts kept at most; each field of the schema has a handful of shapes."""

Shape = tuple[Any, ...]


class Dialect(StrEnum):
    """The engines, by Tortoise's names."""

    SQLITE = "sqlite"
    POSTGRES = "postgres"


class Statement(NamedTuple):
    """SQL text with the values bound to it."""

    sql: str
    values: list[Any]


def rows_statement(dialect: Dialect, select: Select) -> Statement:
    """What reads the rows."""
    limited = select.limit is not None
    key = (select.model, select.columns, *_shapes(select), select.newest_first, limited, select.shared)
    values = _values(dialect, select, [select.limit] if limited and _limits_each(dialect) else [])
    return Statement(_rows_text(dialect, key), [*values, select.limit] if limited else values)


def count_statement(dialect: Dialect, select: Select) -> Statement:
    """What counts the rows: one number `total`, with `parents` one for each `parent` that has any."""
    return Statement(_count_text(dialect, (select.model, *_shapes(select))), _values(dialect, select))


def distinct_statement(dialect: Dialect, select: Select) -> Statement:
    """What reads the distinct values of the Select's only column, in order."""
    return Statement(_distinct_text(dialect, (select.model, select.columns, *_shapes(select))), _values(dialect, select))


def _shapes(select: Select) -> tuple[Shape, Shape, str | None]:
    where = tuple(condition.shape for condition in select.where)
    alternatives = tuple(tuple(condition.shape for condition in arm) for arm in select.alternatives)
    return where, alternatives, select.parents.column if select.parents else None


def _limits_each(dialect: Dialect) -> bool:
    """SQLite merges alternatives by their indexes until the limit is reached; PostgreSQL has to be told that each needs no more."""
    return dialect is Dialect.POSTGRES


def _values(dialect: Dialect, select: Select, each: list[int | None] | None = None) -> list[Any]:
    where = [value for condition in select.where for value in _bound(dialect, condition)]
    if select.alternatives:
        arms = ([value for condition in arm for value in _bound(dialect, condition)] for arm in select.alternatives)
        return [value for arm in arms for value in (*arm, *where, *(each or ()))]
    return [_array(dialect, select.parents.values), *where] if select.parents else where


def _bound(dialect: Dialect, condition: Condition | Either) -> tuple[Any, ...]:
    if isinstance(condition, Either):
        return tuple(value for option in condition.options for value in _bound(dialect, option))
    if condition.comparison in (Comparison.PRESENT, Comparison.ABSENT):
        return ()
    if isinstance(condition.value, Lookup):
        return (condition.value.value,)
    return (_array(dialect, condition.value) if condition.comparison is Comparison.ONE_OF else condition.value,)


def _array(dialect: Dialect, values: list[str]) -> Any:
    return json.dumps(values) if dialect is Dialect.SQLITE else values


@lru_cache(SHAPES_KEPT)
def _rows_text(dialect: Dialect, key: Shape) -> str:
    model, columns, where, alternatives, parent, newest_first, limited, shared = key
    text = _Text(dialect, model, where)
    order = f' ORDER BY "id" {"DESC" if newest_first else "ASC"}'
    if parent and limited and not shared:
        return text.limited_by_parent(columns, parent, order)
    if parent:
        body = f"SELECT {text.columns(columns)} FROM {text.table} WHERE {text.all_of(text.one_of(parent))}"
        return f"{body} LIMIT {text.bind()}" if limited else body
    arms = [text.arm(columns, arm, order if alternatives and limited and _limits_each(dialect) else "") for arm in alternatives or (None,)]
    return " UNION ALL ".join(arms) + order + (f" LIMIT {text.bind()}" if limited else "")


@lru_cache(SHAPES_KEPT)
def _count_text(dialect: Dialect, key: Shape) -> str:
    model, where, alternatives, parent = key
    text = _Text(dialect, model, where)
    if parent:
        return (
            f'SELECT "{parent}" AS "parent", COUNT(*) AS "total" FROM {text.table} '
            f'WHERE {text.all_of(text.one_of(parent))} GROUP BY "{parent}"'
        )
    counts = (f"(SELECT COUNT(*) FROM {text.table}{text.where(arm)})" for arm in alternatives or (None,))
    return f'SELECT {" + ".join(counts)} AS "total"'


@lru_cache(SHAPES_KEPT)
def _distinct_text(dialect: Dialect, key: Shape) -> str:
    model, columns, where, _, _ = key
    text = _Text(dialect, model, where)
    return f'SELECT DISTINCT "{columns[0]}" AS "value" FROM {text.table}{text.where(None)} ORDER BY 1'


class _Text:
    """Text over one table; every placeholder is made in the order in which `_values` binds."""

    def __init__(self, dialect: Dialect, model: type[Record], where: Shape) -> None:
        self.dialect = dialect
        self.table = table_of(model)
        self.bind: Callable[[], str] = binder(dialect)
        self._where = where

    def columns(self, names: tuple[str, ...]) -> str:
        return ", ".join(f'{self.table}."{name}"' for name in names)

    def arm(self, columns: tuple[str, ...], condition: Shape | None, limited_in: str) -> str:
        body = f"SELECT {self.columns(columns)} FROM {self.table}{self.where(condition)}"
        return f"({body}{limited_in} LIMIT {self.bind()})" if limited_in else body

    def where(self, arm: Shape | None) -> str:
        conditions = self.all_of(*(self._condition(*shape) for shape in arm or ()))
        return f" WHERE {conditions}" if conditions else ""

    def all_of(self, *first: str) -> str:
        return " AND ".join([*first, *(self._test(shape) for shape in self._where)])

    def _test(self, shape: Shape) -> str:
        if shape[0] is Either:
            return f"({' OR '.join(self._condition(*option) for option in shape[1])})"
        return self._condition(*shape)

    def one_of(self, column: str) -> str:
        values = self.bind()
        return f'"{column}" IN (SELECT value FROM json_each({values}))' if self._is_sqlite else f'"{column}" = ANY({values})'

    def limited_by_parent(self, columns: tuple[str, ...], parent: str, order: str) -> str:
        parents = self.bind()
        own = self.all_of(f'"{parent}" = "parent"."value"')
        if self._is_sqlite:
            rows = f'SELECT "id" FROM {self.table} AS "own" WHERE {own}{order} LIMIT {self.bind()}'
            selected = self.columns(columns)
            return f'SELECT {selected} FROM json_each({parents}) AS "parent" CROSS JOIN {self.table} WHERE {self.table}."id" IN ({rows})'
        rows = f"SELECT {self.columns(columns)} FROM {self.table} WHERE {own}{order} LIMIT {self.bind()}"
        return f'SELECT "own".* FROM unnest({parents}::text[]) AS "parent"("value") CROSS JOIN LATERAL ({rows}) AS "own"'

    @property
    def _is_sqlite(self) -> bool:
        return self.dialect is Dialect.SQLITE

    def _condition(self, column: str, comparison: Comparison, residual: bool, lookup: Shape | None) -> str:
        if comparison is Comparison.ONE_OF and not lookup:
            return ("+" if residual and self._is_sqlite else "") + self.one_of(column)
        if comparison is Comparison.WITH and lookup:
            return self._exists(column, *lookup)
        name = f'+"{column}"' if residual and self._is_sqlite else f'"{column}"'
        if comparison in (Comparison.PRESENT, Comparison.ABSENT):
            return f"{name} {comparison}"
        if comparison is Comparison.OTHER_THAN:
            return f"({self._condition(column, Comparison.EQUAL, residual, lookup)}) IS NOT TRUE"
        return f"{name} {comparison} {self._lookup(comparison, *lookup) if lookup else self.bind()}"

    def _lookup(self, comparison: Comparison, model: type[Record], pick: str, column: str, place: int) -> str:
        order = "rowid" if self._is_sqlite else '"id"'
        one = "" if comparison is Comparison.ONE_OF else f" ORDER BY {order} DESC LIMIT 1 OFFSET {place}"
        return f'(SELECT "{pick}" FROM {table_of(model)} WHERE "{column}" = {self.bind()}{one})'

    def _exists(self, column: str, model: type[Record], pick: str, key: str, _place: int) -> str:
        other = table_of(model)
        own = f'{other}."{pick}" = {self.table}."{column}"'
        return f'EXISTS (SELECT 1 FROM {other} WHERE {own} AND {other}."{key}" = {self.bind()} AND {other}."active")'


def table_of(model: type[Record]) -> str:
    """The model's table, quoted."""
    return f'"{model._meta.db_table}"'


def binder(dialect: Dialect) -> Callable[[], str]:
    """Makes the placeholders of one statement, one after the other."""
    if dialect is Dialect.SQLITE:
        return lambda: "?"
    numbers: Iterator[int] = count(1)
    return lambda: f"${next(numbers)}"
