"""Pages of rows: of a whole list, and of many parents at once with one statement."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from models.rows import Row, fetch, total, totals
from models.selects import Condition, Parents, Select
from resolvers.narrowing import narrow
from resolvers.paging import Page, PageInfo, Placed, Window, cursor_of, page_rows, window
from resolvers.plans import PagePlan, ReadPlan

if TYPE_CHECKING:
    from resolvers.planner import Reader

ALL = ""
"""The parent of the rows of a list that has none."""


@dataclass(slots=True)
class Listing:
    """Everything about the pages of one field: of all rows or, with `parents`, of each parent's."""

    plan: ReadPlan
    view: Window
    select: Select | None
    parents: list[str]

    @property
    def asked(self) -> PagePlan:
        """What is asked of each page."""
        return self.plan.page


async def root_page(reader: "Reader", plan: ReadPlan, arguments: dict[str, Any]) -> Page:
    """The page of a list in Query."""
    (page,) = await _pages(reader, _listing(reader, plan, arguments, None))
    return page


async def pages_of(reader: "Reader", plan: ReadPlan, rows: list[Row]) -> None:
    """The page of each of the rows, placed on it."""
    listing = _listing(reader, plan, reader.arguments(plan), [row.id for row in rows])
    for row, page in zip(rows, await _pages(reader, listing), strict=True):
        row.loaded[plan.key] = page


def grouped(column: str, rows: Iterable[Row]) -> dict[str, list[Row]]:
    """The rows by the value of a column."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(getattr(row, column), []).append(row)
    return groups


def _listing(reader: "Reader", plan: ReadPlan, arguments: dict[str, Any], parents: list[str] | None) -> Listing:
    declaration = plan.declaration
    view = window(declaration.model, arguments)
    seen = reader.scope(declaration.model, residual=False)
    chosen = declaration.filter(reader.context, arguments)
    if chosen is None:
        return Listing(plan, view, None, [ALL] if parents is None else parents)
    narrowed = narrow(seen, chosen, driven=parents is not None)
    keyed = None if parents is None else Parents(declaration.key, parents)
    select = Select(declaration.model, ("id",), narrowed.where, narrowed.alternatives, keyed)
    return Listing(plan, view, select, [ALL] if parents is None else parents)


async def _pages(reader: "Reader", listing: Listing) -> list[Page]:
    rows = await _rows(listing)
    counts = await _counts(listing)
    newer = await _beyond(listing, "hasPreviousPage", listing.view.newer_side, newest_first=False)
    older = await _beyond(listing, "hasNextPage", listing.view.older_side, newest_first=True)
    pages, shown = [], []
    for parent in listing.parents:
        kept, more = page_rows(listing.view, rows.get(parent, []))
        pages.append(Page(_info(listing.view, kept, more, parent in newer, parent in older), counts.get(parent, 0)))
        shown.append(kept)
    await _place(reader, listing.asked, pages, shown)
    return pages


async def _rows(listing: Listing) -> dict[str, list[Row]]:
    asked, select = listing.asked, listing.select
    if select is None or not (asked.slots or asked.edges or asked.info):
        return {}
    columns = {"id", *(column for slot in asked.slots for column in slot.level.columns)}
    keys = {select.parents.column} if select.parents else set()
    view = listing.view
    found = await fetch(
        replace(
            select,
            columns=tuple(sorted(columns | keys)),
            where=(*select.where, *view.conditions),
            newest_first=not view.backward,
            limit=view.size + 1,
        )
    )
    return grouped(select.parents.column, found) if select.parents else {ALL: found}


async def _counts(listing: Listing) -> dict[str, int]:
    if not listing.asked.total or listing.select is None:
        return {}
    return await totals(listing.select) if listing.select.parents else {ALL: await total(listing.select)}


async def _beyond(listing: Listing, name: str, side: Condition | None, *, newest_first: bool) -> set[str]:
    select = listing.select
    if side is None or select is None or name not in listing.asked.info:
        return set()
    columns = (select.parents.column, "id") if select.parents else ("id",)
    found = await fetch(replace(select, columns=columns, where=(*select.where, side), newest_first=newest_first, limit=1))
    return {getattr(row, select.parents.column) if select.parents else ALL for row in found}


def _info(view: Window, kept: list[Row], more: bool, newer: bool, older: bool) -> PageInfo:
    return PageInfo(
        has_next_page=older or (more and not view.backward),
        has_previous_page=newer or (more and view.backward),
        start_cursor=cursor_of(kept[0].id) if kept else None,
        end_cursor=cursor_of(kept[-1].id) if kept else None,
    )


async def _place(reader: "Reader", asked: PagePlan, pages: list[Page], shown: list[list[Row]]) -> None:
    for page, rows in zip(pages, shown, strict=True):
        for key in asked.edges:
            page.loaded[key] = [Placed(cursor_of(row.id)) for row in rows]
    for place, slot in enumerate(asked.slots):
        own = shown if place == 0 else [[row.copy() for row in rows] for rows in shown]
        for page, rows in zip(pages, own, strict=True):
            if slot.edge is None:
                page.loaded[slot.key] = rows
            for edge, row in zip(page.loaded[slot.key], rows, strict=True) if slot.edge else ():
                edge.loaded[slot.edge] = row
        await reader.below(slot.level, list(_flat(own)))


def _flat(groups: list[list[Row]]) -> Iterator[Row]:
    for rows in groups:
        yield from rows
