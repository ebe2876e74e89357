"""Relay's connections: pages of a list, with cursors."""

from typing import Generic, TypeVar

import strawberry

from resolvers.declarations import Placed
from schema.fields import declare

T = TypeVar("T")


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    """Reads off resolvers.paging.PageInfo."""

    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type(description="One entry of a page.")
class Edge(Generic[T]):
    """Reads off resolvers.paging.Placed."""

    cursor: str
    node: T = declare(Placed())


@strawberry.type(description="One page of a list, newest first.")
class Connection(Generic[T]):
    """Reads off resolvers.paging.Page."""

    edges: list[Edge[T]] = declare(Placed())
    nodes: list[T] = declare(Placed())
    page_info: PageInfo
    total_count: int = strawberry.field(description="Rows in the whole list; counted only when asked for.")
