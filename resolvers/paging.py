"""Pages of a list, newest first: keyset cursors and windows, as Relay's connection specification has them.

A cursor is the id of its row in base64url: ids order rows by time, so one comparison with an id begins a page anywhere at the same cost.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError

from models.ids import prefix_of
from models.record import Record
from models.rows import Row
from models.selects import Comparison, Condition

PAGE = 20
"""Rows of a page when neither `first` nor `last` is given."""

MAX_PAGE = 100
"""Rows of a page at most."""


@dataclass(frozen=True, slots=True)
class Window:
    """`size` rows older than `after` and newer than `before` (ids), the oldest of them when `backward`."""

    size: int
    after: str | None
    before: str | None
    backward: bool

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What a row inside meets."""
        older = (Condition("id", Comparison.BEFORE, self.after),) if self.after else ()
        newer = (Condition("id", Comparison.AFTER, self.before),) if self.before else ()
        return older + newer

    @property
    def newer_side(self) -> Condition | None:
        """What a row on the side of the previous page meets."""
        return Condition("id", Comparison.FROM, self.after) if self.after else None

    @property
    def older_side(self) -> Condition | None:
        """What a row on the side of the next page meets."""
        return Condition("id", Comparison.UP_TO, self.before) if self.before else None


@dataclass(slots=True)
class PageInfo:
    """Relay's PageInfo; of `has_next_page` and `has_previous_page` only what is asked for is worked out."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


class Placed:
    """An object of a page: `loaded` by response key."""

    __slots__ = ("cursor", "loaded")

    def __init__(self, cursor: str = "") -> None:
        self.cursor = cursor
        self.loaded: dict[str, Any] = {}


class Page(Placed):
    """One page; its nodes and edges are in `loaded`."""

    __slots__ = ("page_info", "total_count")

    def __init__(self, page_info: PageInfo, total_count: int) -> None:
        super().__init__()
        self.page_info = page_info
        self.total_count = total_count


def bad_input(message: str) -> GraphQLError:
    """An argument that means nothing; `extensions.code` is BAD_USER_INPUT."""
    return GraphQLError(message, extensions={"code": "BAD_USER_INPUT"})


def cursor_of(row_id: str) -> str:
    """The opaque cursor of a row."""
    return base64.urlsafe_b64encode(row_id.encode()).decode().rstrip("=")


def id_of(cursor: str, model: type[Record]) -> str:
    """The id that a cursor of this model's lists means. Raises BAD_USER_INPUT for anything else."""
    try:
        row_id = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode("ascii")
    except (ValueError, binascii.Error):
        row_id = ""
    if prefix_of(row_id) is not model.prefix or cursor_of(row_id) != cursor:
        raise bad_input(f"That is no cursor of a list of {model.__name__}: use one from edges.cursor or pageInfo, unchanged.")
    return row_id


def window(model: type[Record], arguments: dict[str, Any]) -> Window:
    """The window that first, after, last and before open. Raises BAD_USER_INPUT for what means no window."""
    first, last = arguments.get("first"), arguments.get("last")
    if first is not None and last is not None:
        raise bad_input("Give first or last, not both.")
    for name, size in (("first", first), ("last", last)):
        if size is not None and not 1 <= size <= MAX_PAGE:
            raise bad_input(f"{name} must be from 1 to {MAX_PAGE}.")
    after, before = (None if arguments.get(name) is None else id_of(arguments[name], model) for name in ("after", "before"))
    return Window(first or last or PAGE, after, before, last is not None)


def page_rows(view: Window, rows: list[Row]) -> tuple[list[Row], bool]:
    """The rows of the page, newest first, out of those read (one more than asked for, if there is); and whether there was one more."""
    ordered = sorted(rows, key=_id, reverse=not view.backward)
    kept = ordered[: view.size]
    return (kept[::-1] if view.backward else kept), len(ordered) > view.size


def _id(row: Row) -> str:
    return str(row.id)
