"""Declaring fields, and giving graphql-core the resolvers that their declarations make.

graphql-core calls these directly, without Strawberry's wrapping, which costs more than reading an attribute does.
"""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import strawberry
from graphql import GraphQLField, GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

from models.rows import Row
from resolvers.asked_for import names_below
from resolvers.context import ResolveInfo
from resolvers.declarations import DECLARATION, Aggregated, Asked, ById, Column, Connected, Exists, Found, Resolver, Root, Single
from resolvers.planner import Answer, read_root
from resolvers.refusals import refused_query
from services.errors import Refusal

PAGE: dict[str, Any] = {"first": int | None, "after": str | None, "last": int | None, "before": str | None}
"""The arguments of a connection."""

STRAWBERRY = "strawberry-definition"
"""Where a graphql-core field keeps its Strawberry field."""


def declare(declaration: Any, *, description: str | None = None, defaults: dict[str, Any] | None = None, **arguments: Any) -> Any:
    """A field that is read as declared; `arguments` are its arguments' types by their Python names."""
    field: StrawberryField = strawberry.field(description=description, metadata={DECLARATION: declaration})
    field.arguments = [
        StrawberryArgument(name, None, StrawberryAnnotation(kind, namespace={}), default=(defaults or {}).get(name, strawberry.UNSET))
        for name, kind in arguments.items()
    ]
    return field


def bind(schema: GraphQLSchema) -> None:
    """Give every field without a resolver of its own the one of its declaration: by default, that of the attribute of its name."""
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLInterfaceType) and kind.name == "Node":
            kind.resolve_type = _type_of_row
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            kind.is_type_of = None
            for field in kind.fields.values():
                _bind(field, root=kind is schema.query_type)


def _bind(field: GraphQLField, *, root: bool) -> None:
    declared: StrawberryField | None = field.extensions.get(STRAWBERRY)
    if declared is None or declared.base_resolver is not None:
        return
    declaration: Any = declared.metadata.get(DECLARATION) or Column(declared.python_name)
    field.extensions[DECLARATION] = declaration
    if root:
        field.resolve = _root_resolver(declaration)
    elif DECLARATION in declared.metadata:
        field.resolve = declaration.resolver()
    else:
        field.resolve = _attribute(declared.python_name, field)


def _root_resolver(declaration: Root | Asked | Aggregated) -> Resolver:
    if isinstance(declaration, Asked):
        ask = declaration.ask
        return _telling(lambda info, arguments: ask(info.context, arguments))
    if isinstance(declaration, Aggregated):
        read = declaration.read
        return _telling(lambda info, arguments: read(info.context, arguments, names_below(info)))
    if not isinstance(declaration, Connected | Found | Exists | Single | ById):
        raise TypeError(f"{declaration} cannot stand in Query")

    async def resolve(_source: Any, info: ResolveInfo, **arguments: Any) -> Any:
        return await read_root(declaration, info, arguments)

    return resolve


def _telling(answer: Callable[[ResolveInfo, dict[str, Any]], Awaitable[Any]]) -> Resolver:
    async def resolve(_source: Any, info: ResolveInfo, **arguments: Any) -> Any:
        try:
            return await answer(info, arguments)
        except Refusal as refusal:
            raise refused_query(refusal) from refusal

    return resolve


def _attribute(name: str, field: GraphQLField) -> Resolver:
    def answer(source: Any, info: ResolveInfo) -> Any:
        value = getattr(source, name)
        return value.loaded[str(info.path.key)] if isinstance(value, Answer) else value

    kind = field.type
    while hasattr(kind, "of_type"):
        kind = kind.of_type
    return answer if isinstance(kind, GraphQLObjectType) else Column(name).resolver()


def _type_of_row(row: Row, *_: Any) -> str:
    if row.model is None:
        raise TypeError(f"{inspect.getmodule(row)} has no model")
    return row.model.__name__
