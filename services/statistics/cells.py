"""Sums of days, of each seller and of all."""

from collections.abc import Iterable
from datetime import tzinfo
from typing import NamedTuple

from models import EVERYBODY, StatisticsDelta
from services.statistics.days import day_of_minute


class Cell(NamedTuple):
    """What the sum of a day is of, in the order in which rows are locked."""

    seller: str
    measure: str
    day: str
    currency: str
    detail: str


Cells = dict[Cell, tuple[int, int]]
"""Numbers and amounts."""


def cells_of(deltas: Iterable[StatisticsDelta], zone: tzinfo) -> Cells:
    """The sums of deltas, of each seller and of all."""
    cells: Cells = {}
    for delta in deltas:
        day = day_of_minute(delta.minute, zone)
        for seller in {delta.seller_key, EVERYBODY}:
            add_to(cells, Cell(seller, delta.measure, day, delta.currency, delta.detail), delta.number, delta.amount)
    return cells


def add_to(cells: Cells, cell: Cell, number: int, amount: int) -> None:
    """Add to the sum of a cell."""
    before = cells.get(cell, (0, 0))
    cells[cell] = (before[0] + number, before[1] + amount)
