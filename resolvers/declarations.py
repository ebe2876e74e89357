"""What a field of the schema says about itself: which columns or rows it shows. The planner reads by these, and nothing else does.

A declaration hangs on its graphql-core field under `extensions["declaration"]`. Its `resolver` only takes from the object at hand what the
planner has put there; the fields of Query alone wait for the planner.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLField

from models.record import Record
from models.selects import Condition
from resolvers.context import Context, ResolveInfo
from resolvers.narrowing import Filter, unfiltered

DECLARATION = "declaration"
"""Key of a field's declaration in its extensions."""

LIST_LIMIT = 10_000
"""Rows of one plain list, of all parents together, that are read at most; more is refused, never cut off."""

Resolver = Callable[..., Any]
Arguments = dict[str, Any]


def placed(source: Any, info: ResolveInfo, **_: Any) -> Any:
    """What was read along with the row for this response key."""
    return source.loaded[info.path.key]


@dataclass(frozen=True, slots=True)
class Column:
    """An attribute of the row, as it is."""

    name: str

    def resolver(self) -> Resolver:
        """Takes the attribute."""
        name = self.name
        return lambda source, _info: getattr(source, name)


@dataclass(frozen=True, slots=True)
class Derived:
    """Made of some columns: `make(row, context, **arguments)`, arguments by their GraphQL names."""

    columns: tuple[str, ...]
    make: Callable[..., Any]

    def resolver(self) -> Resolver:
        """Calls `make`."""
        make = self.make
        return lambda source, info, **arguments: make(source, info.context, **arguments)


@dataclass(frozen=True, slots=True)
class Embedded:
    """An object made of columns of the same row; null when all of `present` are."""

    present: tuple[str, ...]

    def resolver(self) -> Resolver:
        """Hands on the row itself."""
        present = self.present
        return lambda source, _info: source if any(getattr(source, name) is not None for name in present) else None


@dataclass(frozen=True, slots=True)
class Placed:
    """Put there by the planner under the response key: nodes and edges of a page, the node of an edge."""

    def resolver(self) -> Resolver:
        """Takes what was placed."""
        return placed


@dataclass(frozen=True, slots=True)
class Related:
    """The one row of `model` whose `target` is this row's `key`; null when the viewer may not see it.

    `scoped` False for what everybody who sees this row may see: the plan and price that were bought, though no longer sold.
    """

    model: type[Record]
    key: str
    target: str = "id"
    scoped: bool = True

    def resolver(self) -> Resolver:
        """Takes what was placed."""
        return placed


@dataclass(frozen=True, slots=True)
class Listed:
    """All rows of `model` whose `key` is this row's id."""

    model: type[Record]
    key: str
    filter: Callable[[Context, Arguments], tuple[Condition, ...]] = lambda _context, _arguments: ()
    newest_first: bool = True

    def resolver(self) -> Resolver:
        """Takes what was placed."""
        return placed


@dataclass(frozen=True, slots=True)
class Connected:
    """A page of the rows of `model` that the viewer may see, of this row (by `key`) or, in Query, of all."""

    model: type[Record]
    key: str = ""
    filter: Callable[[Context, Arguments], Filter | None] = unfiltered

    def resolver(self) -> Resolver:
        """Takes what was placed."""
        return placed


@dataclass(frozen=True, slots=True)
class Distinct:
    """The distinct values of one column that meet `where`, in order; `otherwise(context)` when there are none."""

    model: type[Record]
    column: str
    where: tuple[Condition, ...]
    otherwise: Callable[[Context], list[Any]]

    def resolver(self) -> Resolver:
        """Takes what was placed."""
        return placed


@dataclass(frozen=True, slots=True)
class Found:
    """In Query: the row that `find(context, arguments)` describes; None of it means that there can be none."""

    model: type[Record]
    find: Callable[[Context, Arguments], tuple[Condition, ...] | None]


@dataclass(frozen=True, slots=True)
class Exists:
    """In Query: whether there is a row as `find(context, arguments)` describes; None of it means that there can be none."""

    model: type[Record]
    find: Callable[[Context, Arguments], tuple[Condition, ...] | None]


@dataclass(frozen=True, slots=True)
class Single:
    """In Query: an object that is no row, from the attributes that `make(context)` gives; None for null."""

    make: Callable[[Context], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Asked:
    """In Query: an object that is no row, with all that is in it, for which `ask(context, arguments)` asks Stripe; Refusals are errors."""

    ask: Callable[[Context, Arguments], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Aggregated:
    """In Query: an object that is no row, with all that is in it, made of kept sums; Refusals are errors.

    `read(context, arguments, names)` is told the names of all fields that are asked for in it.
    """

    read: Callable[[Context, Arguments, frozenset[str]], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Bounded:
    """A list of `limit` items at most, made of the object at hand: `make(source)`."""

    make: Callable[[Any], list[Any]]
    limit: int

    def resolver(self) -> Resolver:
        """Calls `make`."""
        make = self.make
        return lambda source, _info: make(source)


@dataclass(frozen=True, slots=True)
class ById:
    """In Query: the rows of any kind with the ids of an argument, `id` or, with `many`, `ids`."""

    many: bool = False


Root = Connected | Found | Exists | Single | ById
Read = Related | Listed | Connected | Distinct


def declaration_of(field: GraphQLField) -> Any:
    """The field's declaration, or None."""
    return field.extensions.get(DECLARATION)
