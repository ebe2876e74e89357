"""What was given up is sent again: the rows that an operator names, or all of a kind."""

import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tortoise.queryset import QuerySet

from services.text_input import MAX_ID

BATCH = 500
"""Rows that were given up, and are sent again at once."""


@dataclass(frozen=True, slots=True)
class GivenUp:
    """One kind of row. `one` lets a row be sent again, by its id, or gives the reason why not; `none` is that of an id of no row."""

    rows: Callable[[], QuerySet[Any]]
    one: Callable[[str], Awaitable[str | None]]
    none: str
    called: str


async def sent_again(kind: GivenUp, names: list[str]) -> int:
    """Print a line for each row named, or for all that were given up when none is; 1 when one cannot be sent again."""
    if names:
        return await _each(kind, names)
    code, after = 0, ""
    while rows := await kind.rows().filter(id__gt=after).order_by("id").limit(BATCH).values_list("id", flat=True):
        code |= await _each(kind, [str(row_id) for row_id in rows])
        after = str(rows[-1])
    return code


async def _each(kind: GivenUp, names: list[str]) -> int:
    refused = 0
    for name in names:
        reason = await kind.one(name) if len(name) <= MAX_ID else kind.none
        sys.stdout.write(f"{name}  {reason or 'is sent again'}\n")
        refused += reason is not None
    sys.stderr.write(f"billgraph: {len(names) - refused} of {len(names)} {kind.called}\n")
    return 1 if refused else 0
