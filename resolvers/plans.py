"""What an operation asks to be read, worked out from its selection once and kept for the next time the same document comes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from weakref import ReferenceType, ref

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
)
from graphql.execution.values import get_directive_values
from graphql.type import GraphQLIncludeDirective, GraphQLSkipDirective

from resolvers.context import ResolveInfo, variables_of
from resolvers.declarations import (
    ById,
    Column,
    Connected,
    Derived,
    Distinct,
    Embedded,
    Found,
    Listed,
    Related,
    Root,
    Single,
    declaration_of,
)

T = TypeVar("T")

PLANS_KEPT = 1000
"""Plans that are kept; the one made first goes first."""


@dataclass(slots=True)
class Level:
    """What is read of the rows in one place of the answer: columns, and what hangs on them."""

    columns: set[str] = field(default_factory=lambda: {"id"})
    reads: list["ReadPlan"] = field(default_factory=list)


@dataclass(slots=True)
class Slot:
    """A place in a page where its rows stand: `nodes`, or (`edge` set) the node of an edge, by response keys."""

    key: str
    edge: str | None
    level: Level


@dataclass(slots=True)
class PagePlan:
    """What is asked of a page; `info` names the asked fields of PageInfo."""

    slots: list[Slot] = field(default_factory=list)
    edges: set[str] = field(default_factory=set)
    info: set[str] = field(default_factory=set)
    total: bool = False


@dataclass(slots=True)
class ReadPlan:
    """One field that reads: where its answer is placed, by what it reads, and what is asked of it."""

    key: str
    declaration: Any
    definition: GraphQLField
    node: FieldNode
    level: Level = field(default_factory=Level)
    page: PagePlan = field(default_factory=PagePlan)
    kinds: dict[str, Level] = field(default_factory=dict)


Fields = dict[str, list[FieldNode]]


@dataclass(slots=True)
class Selection:
    """Selection sets of one operation, seen as the fields that they ask of a type."""

    schema: GraphQLSchema
    fragments: dict[str, Any]
    variables: Any

    def fields(self, kind: GraphQLObjectType, nodes: list[FieldNode]) -> Fields:
        """The fields that the selections of these nodes ask of the type, by response key, in order."""
        found: Fields = {}
        for node in nodes:
            if node.selection_set:
                self._collect(kind, node.selection_set, found, set())
        return found

    def _collect(self, kind: GraphQLObjectType, selections: SelectionSetNode, found: Fields, seen: set[str]) -> None:
        for node in selections.selections:
            if not self._included(node):
                continue
            if isinstance(node, FieldNode):
                found.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
            elif isinstance(node, InlineFragmentNode):
                self._fragment(kind, node, found, seen)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
                seen.add(node.name.value)
                self._fragment(kind, self.fragments[node.name.value], found, seen)

    def _fragment(self, kind: GraphQLObjectType, fragment: Any, found: Fields, seen: set[str]) -> None:
        condition = fragment.type_condition and self.schema.get_type(fragment.type_condition.name.value)
        if condition in (None, kind) or (isinstance(condition, GraphQLInterfaceType) and self.schema.is_sub_type(condition, kind)):
            self._collect(kind, fragment.selection_set, found, seen)

    def _included(self, node: Any) -> bool:
        if not node.directives:
            return True
        skip = get_directive_values(GraphQLSkipDirective, node, self.variables)
        include = get_directive_values(GraphQLIncludeDirective, node, self.variables)
        return not (skip and skip["if"]) and (not include or include["if"])

    def level(self, level: Level, kind: GraphQLObjectType, nodes: list[FieldNode]) -> Level:
        """Fill a level with what the nodes' selections ask of the type."""
        for key, asked in self.fields(kind, nodes).items():
            definition = kind.fields.get(asked[0].name.value)
            if definition is not None:
                self._field(level, key, definition, asked)
        return level

    def _field(self, level: Level, key: str, definition: GraphQLField, nodes: list[FieldNode]) -> None:
        declaration = declaration_of(definition)
        match declaration:
            case Column(name):
                level.columns.add(name)
            case Derived(columns):
                level.columns.update(columns)
            case Embedded(present):
                level.columns.update(present)
                self.level(level, _object(definition), nodes)
            case Related() | Listed() | Connected() | Distinct():
                level.reads.append(self.read(key, declaration, definition, nodes))
                level.columns.update({declaration.key} if isinstance(declaration, Related) else ())

    def read(self, key: str, declaration: Any, definition: GraphQLField, nodes: list[FieldNode]) -> ReadPlan:
        """The plan of one field that reads."""
        plan = ReadPlan(key, declaration, definition, nodes[0])
        match declaration:
            case Connected():
                self._page(plan.page, _object(definition), nodes)
            case Related() | Listed() | Found() | Single():
                self.level(plan.level, _object(definition), nodes)
            case ById():
                interface = get_named_type(definition.type)
                for kind in self.schema.get_possible_types(interface):  # type: ignore[arg-type]  # Node is an interface
                    plan.kinds[kind.name] = self.level(Level(), kind, nodes)
        if isinstance(declaration, Related):
            plan.level.columns.add(declaration.target)
        elif isinstance(declaration, Listed):
            plan.level.columns.add(declaration.key)
        return plan

    def _page(self, page: PagePlan, kind: GraphQLObjectType, nodes: list[FieldNode]) -> None:
        for key, asked in self.fields(kind, nodes).items():
            match asked[0].name.value:
                case "nodes":
                    page.slots.append(Slot(key, None, self.level(Level(), _object(kind.fields["nodes"]), asked)))
                case "edges":
                    self._edges(page, key, _object(kind.fields["edges"]), asked)
                case "pageInfo":
                    inner = self.fields(_object(kind.fields["pageInfo"]), asked)
                    page.info.update(node.name.value for (node, *_) in inner.values())
                case "totalCount":
                    page.total = True

    def _edges(self, page: PagePlan, key: str, kind: GraphQLObjectType, nodes: list[FieldNode]) -> None:
        page.edges.add(key)
        for inner, asked in self.fields(kind, nodes).items():
            if asked[0].name.value == "node":
                page.slots.append(Slot(key, inner, self.level(Level(), _object(kind.fields["node"]), asked)))


def _object(definition: GraphQLField) -> GraphQLObjectType:
    kind = get_named_type(definition.type)
    if not isinstance(kind, GraphQLObjectType):
        raise TypeError(f"{kind} is no object type")
    return kind


Key = tuple[object, ...]
Operation = ReferenceType[OperationDefinitionNode]
_roots: dict[Key, tuple[Operation, ReadPlan]] = {}
_answers: dict[Key, tuple[Operation, dict[str, Level]]] = {}


def plan_of(info: ResolveInfo, declaration: Root) -> ReadPlan:
    """The plan of the field of Query at hand."""
    return _kept(_roots, info, "", lambda: _selection(info).read(str(info.path.key), declaration, _definition(info), info.field_nodes))


def answer_plans(info: ResolveInfo, name: str) -> dict[str, Level]:
    """What is asked below each response key of the field `name` of the payload of the mutation at hand."""
    return _kept(_answers, info, name, lambda: _answer(info, name))


def _answer(info: ResolveInfo, name: str) -> dict[str, Level]:
    selection = _selection(info)
    payload = _object(_definition(info))
    asked = {key: nodes for key, nodes in selection.fields(payload, info.field_nodes).items() if nodes[0].name.value == name}
    return {key: selection.level(Level(), _object(payload.fields[name]), nodes) for key, nodes in asked.items()}


def _selection(info: ResolveInfo) -> Selection:
    return Selection(info.schema, info.fragments, variables_of(info))


def _definition(info: ResolveInfo) -> GraphQLField:
    field: GraphQLField = info.parent_type.fields[info.field_name]
    return field


def _kept(plans: dict[Key, tuple[Operation, T]], info: ResolveInfo, name: str, make: Callable[[], T]) -> T:
    """A plan goes with its document: nothing here keeps the syntax tree of one that schema.documents has let go."""
    switches = tuple(item for item in variables_of(info).coerced.items() if isinstance(item[1], bool))
    key = (id(info.operation), info.path.key, name, switches)
    kept = plans.get(key)
    if kept is not None and kept[0]() is info.operation:
        return kept[1]
    plan = make()
    if len(plans) >= PLANS_KEPT:
        del plans[next(iter(plans))]
    plans[key] = (ref(info.operation, lambda _: plans.pop(key, None)), plan)
    return plan
