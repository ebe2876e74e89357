"""Bombs: each is refused for its size, and none reaches validation or execution."""

from typing import Any

import pytest
from graphql import OperationDefinitionNode, parse

from schema.documents import MAX_DOCUMENTS, Documents
from schema.limits import Limits, Measurement, Size
from tests.schema.served import Client, codes, schema

CORE = schema._schema


def doubled(levels: int, inner: str = "") -> str:
    """Fragments that each spread the next one twice: 2^levels fields."""
    chain = "".join(f"fragment F{n} on Item {{ {inner} ...F{n + 1} ...F{n + 1} {'}' if inner else ''} }} " for n in range(levels))
    return f"{{ item {{ ...F0 }} }} {chain} fragment F{levels} on Item {{ name }}"


COSTLY = (
    "The operation costs {}: that many fields when every list is full. 10000 are answered at most: "
    "ask for fewer rows by `first`, or for fewer fields."
)

BOMBS = {
    "nested fragments": (doubled(100), "The document nests more than 60 levels of fields and fragments."),
    "nested fields": (
        f"{{ {'item { ' * 16} name {'}' * 16} }}",
        "The document has 17 levels of fields inside each other; 16 are answered at most.",
    ),
    "doubled fields": (
        doubled(13, "item {"),
        COSTLY.format(16384),
    ),
    "aliases": (f"{{ {' '.join(f'a{n}: __typename' for n in range(31))} }}", "The document has 31 aliases; 30 are answered at most."),
    "aliases in fragments": (
        "{ item { ...F ...F } } fragment F on Item { " + " ".join(f"a{n}: name" for n in range(16)) + " }",
        "The document has 32 aliases; 30 are answered at most.",
    ),
    "directives": (f"{{ __typename {'@include(if: true) ' * 31} }}", "The document has 31 directives; 30 are answered at most."),
    "repeats": (f"{{ item {{ {'name ' * 22} }} }}", "The document has 21 fields written again beside themselves; 20 are answered at most."),
    "fragments": (f"{{ {'... { __typename } ' * 61} }}", "The document has 61 fragments; 60 are answered at most."),
    "pages": (
        "{ items(first: 100) { items(first: 100) { name } } }",
        COSTLY.format(10101),
    ),
    "huge page": (
        "{ items(first: 99999999999999) { items(last: 2147483647) { name } } }",
        COSTLY.format(10101),
    ),
    "mutations": (
        f"mutation {{ {' '.join(f'a{n}: slow(seconds: 0)' for n in range(20))} }}",
        COSTLY.format(10020),
    ),
    "characters": ("{ __typename }" + " " * 50_000, "The document is longer than 50000 characters."),
}


@pytest.mark.parametrize(("query", "message"), BOMBS.values(), ids=BOMBS)
async def test_bombs(client: Client, query: str, message: str) -> None:
    answer = await client.ask(query)
    assert (answer.status_code, set(codes(answer))) == (400, {"QUERY_TOO_COMPLEX"})
    assert answer.json()["errors"][0]["message"] == message


@pytest.mark.parametrize(
    "query",
    [
        f"{{ item {{ {'name ' * 3000} }} }}",
        "{ a(x: " + "[" * 500 + "]" * 500 + ") }",
        "{ a " * 300,
        "{ __typename }" + "#\n" * 5000,
        doubled(1000),
    ],
    ids=["tokens", "lists", "braces", "comments", "fragments"],
)
async def test_what_is_not_even_parsed(client: Client, query: str) -> None:
    answer = await client.ask(query)
    assert (answer.status_code, codes(answer)) == (400, ["GRAPHQL_PARSE_FAILED"])


async def test_a_document_of_a_megabyte(client: Client) -> None:
    answer = await client.ask("{ " + "item { name } " * 80_000 + " }")
    assert (answer.status_code, codes(answer)) == (413, ["QUERY_TOO_COMPLEX"])


@pytest.mark.parametrize(
    "query",
    ["{ item { ...A } } fragment A on Item { ...B } fragment B on Item { ...A }", "{ item { ...Missing } }", "{ nowhere { nothing } }",
     "{ item { ... on Nobody { name } } }", "{ item { ...A } } fragment A on Item { name ...A }", "mutation { nothing { at { all } } }"],
)  # fmt: skip
async def test_invalid_documents_are_measured_too(client: Client, query: str) -> None:
    assert set(codes(await client.ask(query))) == {"GRAPHQL_VALIDATION_FAILED"}


NESTED = "query($n: Int) { items(first: $n) { items(first: $n) { name } } }"
FIVE = NESTED.replace("Int", "Int = 5")
HUNDRED = NESTED.replace("Int", "Int = 100")


@pytest.mark.parametrize(
    ("query", "variables", "allowed"),
    [
        (NESTED, {"n": 10}, True), (NESTED, {"n": 100}, False), (NESTED, {"n": 2**31 - 1}, False),
        (NESTED, {}, True), (NESTED, {"n": None}, True), (FIVE, {}, True),
        (HUNDRED, {}, False), (HUNDRED, {"n": 5}, True), (NESTED, {"n": -5}, True), (NESTED, {"n": 100.0}, False),
    ],
)  # fmt: skip
async def test_pages_given_by_variables(client: Client, query: str, variables: dict[str, Any], allowed: bool) -> None:
    answer = await client.ask(query, variables=variables)
    assert (answer.json() == {"data": {"items": []}}) is allowed
    assert allowed or codes(answer) == ["QUERY_TOO_COMPLEX"]


def cost(query: str, variables: dict[str, Any] | None = None) -> int:
    document = parse(query)
    (operation, *_) = (node for node in document.definitions if isinstance(node, OperationDefinitionNode))
    return Measurement(CORE, document, Limits(), variables).operation(operation).cost


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ __typename }", 1), ("{ item { name } }", 2), ("{ items { name } }", 21), ("{ items(first: 3) { name item { name } } }", 10),
        ("{ items(last: 7) { name } }", 8), ("{ items(first: null) { name } }", 21), ("{ items(first: -1) { name } }", 1),
        ("{ items(first: 2, last: 9) { name } }", 10), ('{ nodes(ids: ["a", "b", "c"]) { name } }', 4), ('{ nodes(ids: "a") { name } }', 2),
        ("query($i: [ID!]!) { nodes(ids: $i) { name } }", 101), ("mutation { slow(seconds: 1) }", 501),
        ("{ item { ...F ...F } } fragment F on Item { items(first: 2) { name } }", 7),
        ("{ ... on Query { ... { item { name } } } }", 2),
    ],
)  # fmt: skip
def test_cost(query: str, expected: int) -> None:
    assert cost(query) == expected


async def test_ids_given_by_a_default(client: Client) -> None:
    query = "query($ids: [ID!]! = [%s]) { nodes(ids: $ids) { items(first: 100) { items(last: 2) { name } } } }"
    assert (await client.ask(query % '"a"')).json() == {"data": {"nodes": []}}
    assert codes(await client.ask(query % ('"a",' * 100))) == ["QUERY_TOO_COMPLEX"]


def test_cost_of_known_ids() -> None:
    assert cost("query($i: [ID!]!) { nodes(ids: $i) { name } }", {"i": ["a", "b"]}) == 3


def test_sizes_of_a_selection() -> None:
    document = parse("query @a { x: item @b { ... on Item @c { y: name } ...F } } fragment F on Item { item { item { name } } }")
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    assert Measurement(CORE, document, Limits()).operation(operation) == Size(depth=4, nesting=5, aliases=2, directives=3, cost=5)


def test_documents_are_kept_by_their_text() -> None:
    documents = Documents(CORE, Limits(), introspection=True)
    first = documents.prepare("{ __typename }")
    assert documents.prepare("{ __typename }") is first
    assert documents.prepare("{ nothing }") is not documents.prepare("{ nothing }")


def test_the_documents_kept_are_bounded() -> None:
    documents = Documents(CORE, Limits(), introspection=True)
    first = documents.prepare("{ __typename }")
    second = documents.prepare("{ item { name } }")
    for number in range(MAX_DOCUMENTS - 1):
        documents.prepare(f"query Q{number} {{ __typename }}")
        assert documents.prepare("{ item { name } }") is second
    assert documents.prepare("{ __typename }") is not first
    assert len(documents._kept) == MAX_DOCUMENTS


def test_the_memory_of_documents_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schema.documents.MAX_TOKENS_KEPT", 20)
    documents = Documents(CORE, Limits(), introspection=True)
    for number in range(10):
        documents.prepare(f"query Q{number} {{ __typename }}")
    assert (len(documents._kept), documents._tokens) == (4, 20)
