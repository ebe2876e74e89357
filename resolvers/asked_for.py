"""Which fields a query asks for in one of its fields, at whatever depth: what need not be read is not."""

from collections.abc import Iterator
from typing import Any

from graphql import FieldNode, FragmentSpreadNode, SelectionSetNode

from resolvers.context import ResolveInfo


def names_below(info: ResolveInfo) -> frozenset[str]:
    """Names of all fields below the one at hand; of fragments too, also where a directive leaves them out."""
    seen: set[str] = set()
    sets = (node.selection_set for node in info.field_nodes if node.selection_set)
    return frozenset(name for one in sets for name in _names(one, info.fragments, seen))


def _names(selected: SelectionSetNode, fragments: dict[str, Any], seen: set[str]) -> Iterator[str]:
    for node in selected.selections:
        if isinstance(node, FragmentSpreadNode):
            name = node.name.value
            if name not in seen:
                seen.add(name)
                yield from _names(fragments[name].selection_set, fragments, seen)
            continue
        if isinstance(node, FieldNode):
            yield node.name.value
        below: SelectionSetNode | None = getattr(node, "selection_set", None)
        if below is not None:
            yield from _names(below, fragments, seen)
