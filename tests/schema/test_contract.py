"""What is served is what was agreed: everything that both the contract and the printed schema name says the same."""

from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    Undefined,
    build_schema,
)

from schema.schema import PRINTED, schema

CONTRACT = Path(PRINTED).with_name("contract.graphql")

QUERIES = (
    "config viewer node nodes plans plan promotionCode payments payment subscriptions subscription invoices invoice refunds refundRequests "
    "previewSubscriptionChange checkoutSession entitled disputes customers customer statistics webhookEvents eventDestinations auditLog"
).split()
"""Fields of Query that are built."""

MORE_QUERIES = {"sellers"}
"""Those that the contract does not name."""

WAITING: set[str] = set()
"""Fields of built types whose own types or models do not exist yet."""


@pytest.fixture(scope="module")
def agreed() -> GraphQLSchema:
    return build_schema(CONTRACT.read_text(encoding="utf-8"))


def served() -> GraphQLSchema:
    return build_schema(PRINTED.read_text(encoding="utf-8"))


def parts(kind: GraphQLNamedType) -> dict[str, Any]:
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
        return dict(kind.fields)
    return dict.fromkeys(kind.values) if isinstance(kind, GraphQLEnumType) else {}


def signature(part: GraphQLField | GraphQLInputField | GraphQLArgument | None) -> Any:
    if isinstance(part, GraphQLField):
        return str(part.type), {name: signature(argument) for name, argument in part.args.items()}
    if part is None:
        return None
    return str(part.type), None if part.default_value is Undefined else repr(part.default_value)


def shared(agreed: GraphQLSchema) -> list[str]:
    names = set(agreed.type_map) & set(served().type_map)
    return sorted(name for name in names if not name.startswith("__") and name not in {"String", "Boolean", "Int", "Float", "ID"})


def test_the_printed_schema_is_current() -> None:
    assert PRINTED.read_text(encoding="utf-8") == f"{schema.as_str()}\n", "run: python -m schema.schema"


def test_what_both_name_is_the_same(agreed: GraphQLSchema) -> None:
    differing = {}
    for name in shared(agreed):
        there, here = agreed.type_map[name], served().type_map[name]
        assert type(there) is type(here), name
        for part, declared in parts(there).items():
            if part in parts(here) and not _fits(declared, parts(here)[part]):
                differing[f"{name}.{part}"] = (signature(declared), signature(parts(here)[part]))
    assert differing == {}


def _fits(there: Any, here: Any) -> bool:
    """Ours may take more arguments, none of them required; what the contract has, ours has with the same type and default."""
    if not isinstance(there, GraphQLField):
        return bool(signature(there) == signature(here))
    extra = [argument for name, argument in here.args.items() if name not in there.args]
    same = all(name in here.args and signature(argument) == signature(here.args[name]) for name, argument in there.args.items())
    return str(there.type) == str(here.type) and same and not any(str(argument.type).endswith("!") for argument in extra)


def test_nothing_of_a_built_type_is_missing_but_what_waits(agreed: GraphQLSchema) -> None:
    missing = {
        f"{name}.{part}"
        for name in shared(agreed)
        if name not in {"Query", "Mutation"}
        for part in parts(agreed.type_map[name])
        if part not in parts(served().type_map[name])
    }
    assert missing <= WAITING
    assert {name for name in WAITING if name.partition(".")[0] in shared(agreed)} <= missing


def test_the_queries_that_are_built(agreed: GraphQLSchema) -> None:
    assert set(parts(served().type_map["Query"])) == set(QUERIES) | MORE_QUERIES
    assert set(QUERIES) <= set(parts(agreed.type_map["Query"]))


def test_built_types_have_the_interfaces_of_the_contract(agreed: GraphQLSchema) -> None:
    for name in shared(agreed):
        there, here = agreed.type_map[name], served().type_map[name]
        if isinstance(there, GraphQLObjectType) and isinstance(here, GraphQLObjectType):
            assert {kind.name for kind in there.interfaces} <= {kind.name for kind in here.interfaces}


def test_enums_have_no_other_values(agreed: GraphQLSchema) -> None:
    for name in shared(agreed):
        there, here = agreed.type_map[name], served().type_map[name]
        if isinstance(there, GraphQLEnumType) and isinstance(here, GraphQLEnumType):
            assert list(here.values) == list(there.values), name


def test_an_input_is_one_of_where_the_contract_says_so(agreed: GraphQLSchema) -> None:
    for name in shared(agreed):
        there, here = agreed.type_map[name], served().type_map[name]
        if isinstance(there, GraphQLInputObjectType) and isinstance(here, GraphQLInputObjectType):
            assert here.is_one_of is there.is_one_of, name


def test_every_public_type_says_what_it_is() -> None:
    kinds = [kind for kind in served().type_map.values() if not kind.name.startswith("__")]
    described = [kind for kind in kinds if not isinstance(kind, GraphQLScalarType) or kind.name not in {"String", "Int", "ID", "Boolean"}]
    assert [kind.name for kind in described if not kind.description] in ([], ["Mutation"])
