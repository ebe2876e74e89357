"""How large an operation may be: counted once per document before it is validated, since validating a bomb is what hurts.

A fragment is counted once and its size added wherever it is spread, so a document is walked in the time its text takes to read.
Cost is the number of fields that may be answered: a list with `first` or `last` counts its selection that many times (20 when neither is
given), a list of `ids` as many times as ids, a series as many times as it may have points. A mutation's field, or a query's for which
Stripe is asked, counts 500, statistics 100.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_composite_type,
)

from resolvers.declarations import Aggregated, Asked, declaration_of
from schema.error_codes import ErrorCode

DEFAULT_PAGE: Final = 20
"""Rows of a connection that is asked for neither `first` nor `last`."""

MAX_PAGE: Final = 100
"""Rows that a connection gives at most, and what an unknown variable counts as."""

STRIPE_COST: Final = 500
"""Cost of one field of a mutation, for each writes and most call Stripe, and of a field of a query for which Stripe is asked."""

COSTS: Final[Mapping[type, int]] = {Asked: STRIPE_COST, Aggregated: 100}
"""Cost of a field of a query by its declaration, where it is not 1."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that is answered. `nesting` counts fields and fragments inside each other, `depth` fields alone.

    `fragments` counts those written, named and inline; `repeats` the fields written again beside themselves: validation compares the
    selections of each with each.
    """

    characters: int = 50_000
    tokens: int = 3_000
    depth: int = 16
    nesting: int = 60
    aliases: int = 30
    directives: int = 30
    fragments: int = 60
    repeats: int = 20
    cost: int = 10_000


@dataclass(slots=True)
class Size:
    """What one selection set amounts to with everything below it."""

    depth: int = 0
    nesting: int = 0
    aliases: int = 0
    directives: int = 0
    cost: int = 0

    def add(self, part: "Size") -> None:
        """Count another selection beside those counted already."""
        self.depth = max(self.depth, part.depth)
        self.nesting = max(self.nesting, part.nesting)
        self.aliases += part.aliases
        self.directives += part.directives
        self.cost += part.cost


class NestedTooDeeply(Exception):
    """The walk went deeper than anything that is answered."""


@dataclass(slots=True)
class Measurement:
    """Sizes of a document's operations. Takes invalid documents too: what it does not know counts as a plain field.

    With `variables` None, a page size given by a variable counts as 100, and `assumed` says that this happened.
    """

    schema: GraphQLSchema
    document: DocumentNode
    limits: Limits
    variables: Mapping[str, Any] | None = None
    assumed: bool = False
    written_fragments: int = 0
    repeats: int = 0
    _fragments: dict[str, FragmentDefinitionNode] = field(init=False)
    _sizes: dict[str, Size] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._fragments = {node.name.value: node for node in self.document.definitions if isinstance(node, FragmentDefinitionNode)}
        self.written_fragments = len(self._fragments)

    def operation(self, node: OperationDefinitionNode) -> Size:
        """Size of one operation. Raises NestedTooDeeply."""
        size = self._selections(node.selection_set, self.schema.get_root_type(node.operation), 0)
        size.directives += len(node.directives or ())
        if node.operation is OperationType.MUTATION:
            size.cost += STRIPE_COST * len(node.selection_set.selections)
        return size

    def fragments(self) -> Iterator[Size]:
        """Sizes of all fragments, spread or not: unused ones are validated as well. Raises NestedTooDeeply."""
        return (self._fragment(name, 0) for name in self._fragments)

    def _selections(self, node: SelectionSetNode, parent: GraphQLNamedType | None, level: int) -> Size:
        if level > self.limits.nesting:
            raise NestedTooDeeply
        size = Size()
        names = [(part.alias or part.name).value for part in node.selections if isinstance(part, FieldNode)]
        self.repeats += len(names) - len(set(names))
        for selection in node.selections:
            part = self._selection(selection, parent, level + 1)
            size.add(part)
            size.directives += len(selection.directives or ())
        size.nesting += 1
        return size

    def _selection(self, node: SelectionNode, parent: GraphQLNamedType | None, level: int) -> Size:
        if isinstance(node, FieldNode):
            return self._field(node, parent, level)
        if isinstance(node, FragmentSpreadNode):
            return self._fragment(node.name.value, level)
        if isinstance(node, InlineFragmentNode):
            self.written_fragments += 1
            condition = node.type_condition
            return self._selections(node.selection_set, self.schema.get_type(condition.name.value) if condition else parent, level)
        return Size()

    def _fragment(self, name: str, level: int) -> Size:
        if name not in self._sizes:
            self._sizes[name] = Size()  # a fragment inside itself counts as nothing: validation refuses it
            node = self._fragments.get(name)
            if node is not None:
                self._sizes[name] = self._selections(node.selection_set, self.schema.get_type(node.type_condition.name.value), level)
        return self._sizes[name]

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None, level: int) -> Size:
        definition = self._definition(node, parent)
        size = Size()
        if node.selection_set is not None:
            size = self._selections(node.selection_set, get_named_type(definition.type) if definition else None, level)
            size.cost *= self._rows(node, definition) if definition else 1
        size.depth += 1
        size.cost += COSTS.get(type(declaration_of(definition)), 1) if definition else 1
        size.aliases += node.alias is not None
        return size

    def _definition(self, node: FieldNode, parent: GraphQLNamedType | None) -> GraphQLField | None:
        return self.schema.get_field(parent, node.name.value) if is_composite_type(parent) else None

    def _rows(self, node: FieldNode, definition: GraphQLField) -> int:
        given = {argument.name.value: argument for argument in node.arguments or ()}
        if "ids" in definition.args and "ids" in given:
            return self._listed(given["ids"].value)
        names = [name for name in ("first", "last") if name in definition.args]
        if not names:
            return getattr(declaration_of(definition), "limit", 1)
        sizes = [self._page(given[name]) for name in names if name in given]
        return max((size for size in sizes if size is not None), default=DEFAULT_PAGE)

    def _page(self, argument: ArgumentNode) -> int | None:
        value = self._value(argument.value)
        return max(0, int(min(value, MAX_PAGE))) if isinstance(value, int | float) else None

    def _listed(self, node: ValueNode) -> int:
        if isinstance(node, ListValueNode):
            return len(node.values)
        value = self._value(node)
        return len(value) if isinstance(value, list) else value if isinstance(value, int) else 1

    def _value(self, node: ValueNode) -> Any:
        if isinstance(node, IntValueNode):
            return int(node.value) if len(node.value) < 10 else MAX_PAGE
        if not isinstance(node, VariableNode):
            return None
        if self.variables is None:
            self.assumed = True
            return MAX_PAGE
        return self.variables.get(node.name.value)


def known_variables(node: OperationDefinitionNode, given: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of a request over the operation's own defaults, as far as these are integers or lists."""
    defaults: dict[str, Any] = {}
    for definition in node.variable_definitions or ():
        match definition.default_value:
            case IntValueNode(value=digits):
                defaults[definition.variable.name.value] = int(digits)
            case ListValueNode(values=values):
                defaults[definition.variable.name.value] = list(values)
    return defaults | dict(given)


def oversized(size: Size | Measurement, limits: Limits, node: OperationDefinitionNode | None = None) -> list[GraphQLError]:
    """One QUERY_TOO_COMPLEX error for each limit but cost that is passed, with what was counted and what is answered."""
    counted = (
        ("depth", "levels of fields inside each other"),
        ("nesting", "levels of fields and fragments inside each other"),
        ("aliases", "aliases"),
        ("directives", "directives"),
        ("written_fragments", "fragments"),
        ("repeats", "fields written again beside themselves"),
    )
    found = [(getattr(size, name, 0), getattr(limits, name.removeprefix("written_")), meaning) for name, meaning in counted]
    return [
        too_complex(f"The document has {brief(count)} {meaning}; {limit} are answered at most.", node)
        for count, limit, meaning in found
        if count > limit
    ]


def too_costly(size: Size, limits: Limits, node: OperationDefinitionNode) -> GraphQLError:
    """A refusal for cost."""
    return too_complex(
        f"The operation costs {brief(size.cost)}: that many fields when every list is full. {limits.cost} are answered at most: "
        "ask for fewer rows by `first`, or for fewer fields.",
        node,
    )


def too_complex(message: str, node: OperationDefinitionNode | None = None) -> GraphQLError:
    """A refusal for size."""
    return GraphQLError(message, node, extensions={"code": ErrorCode.QUERY_TOO_COMPLEX})


def brief(count: int) -> str:
    """A count for people: fragments inside fragments make numbers of hundreds of digits."""
    return str(count) if count < 10**9 else "more than 10^9"
