"""The checks that the GraphQL-over-HTTP working group's server audit makes, by their ids, and our answers where it leaves a choice."""

import json
from typing import Any

import pytest

from tests.schema.served import GRAPHQL, Client

JSON = "application/json"
TYPENAME = "{ __typename }"
TYPED = "query Type($name: String!) { __type(name: $name) { name } }"
UNKNOWN = "{ f31403dfe404bccbb0e835f2629c6a7 }"
COERCION = "query CoerceFailure($id: ID!) { __typename }"

ANSWERED: list[tuple[str, str | None, dict[str, Any], int, str]] = [
    ("22EB", GRAPHQL, {"query": TYPENAME}, 200, GRAPHQL),
    ("4655", JSON, {"query": TYPENAME}, 200, JSON),
    ("47DE", "*/*", {"query": TYPENAME}, 200, JSON),
    ("80D8", None, {"query": TYPENAME}, 200, JSON),
    ("34A2", GRAPHQL, {"query": TYPENAME}, 200, GRAPHQL),
    ("8161", GRAPHQL, {"query": "query Query { __typename }", "operationName": "Query"}, 200, GRAPHQL),
    ("B8B3", JSON, {"query": "query Query { __typename }", "operationName": "Query"}, 200, JSON),
    *[
        (f"94B{i}", GRAPHQL, {"query": TYPENAME, part: None}, 200, GRAPHQL)
        for i, part in enumerate(("variables", "operationName", "extensions"))
    ],
    *[(f"022{i}", JSON, {"query": TYPENAME, part: None}, 200, JSON) for i, part in enumerate(("variables", "operationName", "extensions"))],
    ("2EA1", GRAPHQL, {"query": TYPED, "variables": {"name": "sometype"}}, 200, GRAPHQL),
    ("28B9", JSON, {"query": TYPED, "variables": {"name": "sometype"}}, 200, JSON),
    ("428F", GRAPHQL, {"query": TYPENAME, "extensions": {"some": "value"}}, 200, GRAPHQL),
    ("1B7A", JSON, {"query": TYPENAME, "extensions": {"some": "value"}}, 200, JSON),
]

REFUSED: list[tuple[str, str | None, dict[str, Any], int]] = [
    ("423L", GRAPHQL, {"notquery": TYPENAME}, 400),
    ("3E3A", None, {"qeury": TYPENAME}, 400),
    *[(f"LKJ{i}", None, {"query": wrong}, 400) for i, wrong in enumerate(({"obj": "ect"}, 0, False, ["array"]))],
    *[(f"6C0{i}", None, {"query": TYPENAME, "operationName": wrong}, 400) for i, wrong in enumerate(({"obj": "ect"}, 0, False, ["array"]))],
    *[(f"476{i}", None, {"query": TYPENAME, "variables": wrong}, 400) for i, wrong in enumerate(("string", 0, False, ["array"]))],
    *[(f"58B{i}", None, {"query": TYPENAME, "extensions": wrong}, 400) for i, wrong in enumerate(("string", 0, False, ["array"]))],
    ("572B", JSON, {"query": "{"}, 200),
    ("FDE2", JSON, {"query": UNKNOWN}, 200),
    ("7B9B", JSON, {"query": COERCION, "variables": {"id": None}}, 200),
    ("556A", GRAPHQL, {"query": "{"}, 400),
    ("74FF", GRAPHQL, {"query": UNKNOWN}, 400),
    ("86EE", GRAPHQL, {"query": COERCION, "variables": {"id": None}}, 400),
]


async def post(client: Client, accept: str | None, body: bytes, content_type: str | None = "application/json") -> Any:
    request = client.http.build_request("POST", "/graphql", content=body, headers={"authorization": "Bearer ada"})
    request.headers.pop("accept")
    request.headers.update({"accept": accept} if accept else {})
    request.headers.update({"content-type": content_type} if content_type else {})
    return await client.http.send(request)


@pytest.mark.parametrize(("accept", "parts", "status", "media_type"), [row[1:] for row in ANSWERED], ids=[row[0] for row in ANSWERED])
async def test_answered(client: Client, accept: str | None, parts: dict[str, Any], status: int, media_type: str) -> None:
    answer = await post(client, accept, json.dumps(parts).encode())
    assert (answer.status_code, answer.headers["content-type"]) == (status, f"{media_type}; charset=utf-8")
    assert "errors" not in answer.json()


@pytest.mark.parametrize(("accept", "parts", "status"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
async def test_refused(client: Client, accept: str | None, parts: dict[str, Any], status: int) -> None:
    answer = await post(client, accept, json.dumps(parts).encode())
    assert answer.status_code == status
    assert "data" not in answer.json()
    assert answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("accept", [JSON, GRAPHQL], ids=["BCF8", "B7N8"])
async def test_broken_json(client: Client, accept: str) -> None:
    assert (await post(client, accept, b'{ "not a JSON')).status_code == 400


async def test_a5bf_no_body(client: Client) -> None:
    assert (await post(client, None, b"")).status_code == 400


async def test_9abe_no_content_type(client: Client) -> None:
    assert (await post(client, None, json.dumps({"query": TYPENAME}).encode(), None)).status_code == 415


async def test_bf61_utf8(client: Client) -> None:
    body = json.dumps({"query": '{ echo(text: "Run🏃Swim🏊") }'}, ensure_ascii=False).encode()
    answer = await post(client, JSON, body, "application/json; charset=utf-8")
    assert answer.content.decode() == '{"data":{"echo":"Run🏃Swim🏊"}}'


async def test_9c48_no_mutation_by_get(client: Client) -> None:
    answer = await client.http.get("/graphql", params={"query": "mutation { __typename }"}, headers={"accept": GRAPHQL})
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
