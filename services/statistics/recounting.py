"""Counting all rows anew, and mending what the kept sums say otherwise; exact while others write and fold.

What differs is mended by deltas, which add to whatever the sums come to meanwhile.
"""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple

from tortoise.exceptions import OperationalError

from models import EVERYBODY, Checkpoint, StatisticsDelta, StatisticsRollup
from models.database import client, transaction
from models.record import Record
from models.rows import Row, fetch
from models.selects import Comparison, Condition, Select
from services.statistics.cells import Cell, Cells, add_to, cells_of
from services.statistics.counting import COLUMNS, Counted, Key, Sums, count
from services.statistics.days import day_of_minute, minute_on
from services.statistics.recording import append
from services.time_zones import zone_of

NAME = "statistics"
"""The checkpoint that says in which time zone all was counted."""

PAGE = 2000
"""Rows read at once."""

MAX_COLLISIONS = 5
"""Times that a recount is begun again because another one was under way."""

Told = Callable[[int], None]
"""Is told now and then how many rows have been counted."""


class Difference(NamedTuple):
    """A sum that is not what the rows come to: number and amount, kept and right."""

    cell: Cell
    kept: tuple[int, int]
    right: tuple[int, int]


async def adopt(time_zone: str) -> None:
    """Count all rows, if that was never done in this time zone: after an upgrade, and after the setting was changed."""
    row = await Checkpoint.get_or_none(name=NAME)
    if row is None or row.position.get("time_zone") != time_zone:
        await rebuild(time_zone)


async def rebuild(time_zone: str, *, dry: bool = False, told: Told = lambda _: None) -> list[Difference]:
    """Count all rows anew and mend the sums, unless dry; what differed, in order. ValueError for a time zone that is not known."""
    zone, collisions = zone_of(time_zone), 0
    await Checkpoint.bulk_create([Checkpoint(name=NAME, position={}, updated_at=datetime.now(UTC))], ignore_conflicts=True)
    while True:
        try:
            async with transaction():
                await _alone()
                found = await differences(zone, told)
                if not dry:
                    await append(_mending(found, zone))
                    await Checkpoint.filter(name=NAME).update(position={"time_zone": time_zone}, updated_at=datetime.now(UTC))
                return found
        except OperationalError:
            if (collisions := collisions + 1) > MAX_COLLISIONS:
                raise


async def _alone() -> None:
    """See one state of all tables, and be refused it while another recount is under way: OperationalError once that has ended."""
    if client().capabilities.dialect == "postgres":
        await client().execute_query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    await Checkpoint.filter(name=NAME).update(updated_at=datetime.now(UTC))


async def differences(zone: tzinfo, told: Told = lambda _: None) -> list[Difference]:
    """Where the kept sums, with the deltas that are not folded yet, are not what the rows come to; inside a transaction."""
    right, kept = await _counted(zone, told), await _kept(zone)
    pairs = ((cell, kept.get(cell, (0, 0)), right.get(cell, (0, 0))) for cell in sorted(right.keys() | kept.keys()))
    return [Difference(cell, before, after) for cell, before, after in pairs if before != after]


async def _counted(zone: tzinfo, told: Told) -> Cells:
    cells: Cells = {}
    done = 0
    for kind in COLUMNS:
        async for rows in _pages(kind):
            sums = Sums()
            for row in rows:
                sums.add(count(kind, row))
            for key, (number, amount) in sums.items():
                for seller in {key.seller, EVERYBODY}:
                    add_to(cells, Cell(seller, key.measure, day_of_minute(key.minute, zone), key.currency, key.detail), number, amount)
            told(done := done + len(rows))
    return cells


async def _pages(kind: type[Record]) -> AsyncIterator[list[Row]]:
    after = ""
    while rows := await fetch(Select(kind, COLUMNS[kind], (Condition("id", Comparison.AFTER, after),), newest_first=False, limit=PAGE)):
        yield rows
        after = rows[-1].id


async def _kept(zone: tzinfo) -> Cells:
    cells = cells_of(await StatisticsDelta.all(), zone)
    columns = ("seller_key", "measure", "day", "currency", "detail", "number", "amount")
    rows: list[tuple[Any, ...]] = await StatisticsRollup.all().values_list(*columns)
    for *cell, number, amount in rows:
        add_to(cells, Cell(*cell), number, amount)
    return cells


def _mending(found: list[Difference], zone: tzinfo) -> Sums:
    """Deltas of what is missing. One of a seller counts for all too, so of EVERYBODY's the sellers' are taken off."""
    sums = Sums()
    for (seller, measure, day, currency, detail), kept, right in found:
        minute = minute_on(day, zone)
        missing = (right[0] - kept[0], right[1] - kept[1])
        sums.add([Counted(Key(minute, seller, measure, currency, detail), *missing)])
        if seller != EVERYBODY:
            sums.add([Counted(Key(minute, EVERYBODY, measure, currency, detail), *missing)], -1)
    return sums
