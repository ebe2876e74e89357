"""Reading the sums of a range of days, with what is not folded yet: one statement, so that nothing is seen twice or missed."""

from collections.abc import Iterator
from datetime import tzinfo
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from models import EVERYBODY, Measure
from models.database import client
from models.statements import Dialect, binder
from services.statistics.days import day_of_minute

BY_DAY = (Measure.SUCCEEDED, Measure.FAILED, Measure.REFUNDED, Measure.LOST)
"""What is told day by day, where that is asked for."""

IN_ALL = (*BY_DAY, Measure.WAITED, Measure.STARTED, Measure.ENDED)
"""What is told of the range as a whole."""

RUNNING = (Measure.STARTED, Measure.ENDED)
"""What is told of the time before the range as well."""


class Part(StrEnum):
    """What a sum is of: one day of the range, the whole range, all that was before it, what stands now, or a delta of any day."""

    DAY = "DAY"
    RANGE = "RANGE"
    BEFORE = "BEFORE"
    NOW = "NOW"
    DELTA = "DELTA"


class Span(NamedTuple):
    """The first and the last day of a range."""

    first: str
    last: str


class Sum(NamedTuple):
    """A sum as it was read; `day` and `detail` are empty where the part has none."""

    part: Part
    day: str
    measure: str
    currency: str
    detail: str
    number: int
    amount: int


async def read_sums(span: Span, zone: tzinfo, seller: str = EVERYBODY, *, by_day: bool = True) -> list[Sum]:
    """All sums of a seller, or of all sales; those of webhooks are of all whoever is asked for. Several may be of the same."""
    connection = client()
    dialect = Dialect(connection.capabilities.dialect)
    first, last = span
    values = [
        seller,
        first,
        last,
        EVERYBODY,
        first,
        last,
        seller,
        first,
        seller,
        *((seller, first, last) if by_day else ()),
        seller,
        seller,
    ]
    sums: list[Sum] = []
    for part, minute, day, measure, currency, detail, number, amount in await connection.read(_text(dialect, by_day), values):
        one = Sum(Part(part), day, measure, currency, detail, int(number), int(amount))
        sums += [one] if one.part is not Part.DELTA else _of_delta(one._replace(day=day_of_minute(minute, zone)), span)
    return sums


def _of_delta(one: Sum, span: Span) -> Iterator[Sum]:
    """What a delta adds to: a failure to its day and to its reason."""
    within = span.first <= one.day <= span.last
    if one.measure == Measure.RECURRING:
        yield one._replace(part=Part.NOW, day="")
    if within and one.measure in BY_DAY:
        yield one._replace(part=Part.DAY, detail="")
    if within and one.measure in (*IN_ALL, Measure.WEBHOOK):
        yield one._replace(part=Part.RANGE, day="")
    if one.day < span.first and one.measure in RUNNING:
        yield one._replace(part=Part.BEFORE, day="")


@lru_cache(4)
def _text(dialect: Dialect, by_day: bool) -> str:
    mark = binder(dialect)

    def rollups(part: Part, columns: str, measures: tuple[Measure, ...], days: str) -> str:
        """`columns` are day, measure, currency and detail; those that are no names are left out of what is grouped by."""
        among = ", ".join(f"'{measure}'" for measure in measures)
        grouped = ", ".join(name for name in columns.split(", ") if name.startswith('"'))
        where = f'"seller_key" = {mark()} AND "measure" IN ({among}){days.format(*(mark() for _ in range(days.count("{}"))))}'
        numbers = 'SUM("number"), SUM("amount")'
        return f"SELECT '{part}', 0, {columns}, {numbers} FROM \"statistics_rollup\" WHERE {where} GROUP BY {grouped}"  # noqa: S608 - our own

    within, before = ' AND "day" BETWEEN {} AND {}', ' AND "day" < {}'
    whole = '\'\', "measure", "currency", "detail"'
    each = (
        rollups(Part.RANGE, whole, IN_ALL, within),
        rollups(Part.RANGE, whole, (Measure.WEBHOOK,), within),
        rollups(Part.BEFORE, whole, RUNNING, before),
        rollups(Part.NOW, whole, (Measure.RECURRING,), ""),
        *([rollups(Part.DAY, '"day", "measure", "currency", \'\'', BY_DAY, within)] if by_day else ()),
    )
    names = '"measure", "currency", "detail", "number", "amount"'
    own = f"\"seller_key\" = {mark()} OR {mark()} = '{EVERYBODY}' OR \"measure\" = '{Measure.WEBHOOK}'"
    deltas = f"SELECT '{Part.DELTA}', \"minute\", '', {names} FROM \"statistics_delta\" WHERE {own}"  # noqa: S608 - our own
    return " UNION ALL ".join((*each, deltas))
