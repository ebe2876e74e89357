"""What the endpoint answers beside the audit: bad input, other methods, errors of ours, time limits, many at once."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from graphql import get_introspection_query
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.schema.served import DONE, GRAPHQL, SECRET, Client, codes, endpoint

DEEP = 50_000


@pytest.mark.parametrize(
    "body",
    [
        b"1", b"null", b'"x"', b"[1]", b'[{"query":"{ __typename }"}]', b"\xff\xfe{", b"\xef\xbb\xbf{}", b"[" * DEEP, b'{"a":' * DEEP,
        '{"query":"{ __typename }"}'.encode("utf-16"), b'{"query":NaN}', b'{"query":"{ __typename }","variables":{"n":1e999}}',
        b'{"query":"{ __typename }","variables":{"n":' + b"9" * 5000 + b"}}", b'{"query":""}', b'{"query":" "}', b"\0", b'{"query":"\0"}',
        b'{"query":"{ __typename }","variables":{"text":"\\u0000"}}', b'{"query":"{ __typename }","variables":{"\\ud800":1}}',
        b'{"query":"{ __typename }","variables":{"a":[{"b":"\\udfff"}]}}', b'{"query":"{ __typename \\ud800 }"}',
        b'{"query":"query($t:String!){ echo(text:$t) }","variables":{"t":"\\u0000"}}',
    ],
)  # fmt: skip
async def test_a_body_that_is_no_request(client: Client, body: bytes) -> None:
    answer = await client.post(body)
    assert answer.status_code == 400
    assert codes(answer) == ["BAD_USER_INPUT"]
    assert "data" not in answer.json()


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
async def test_any_body_is_answered(body: bytes) -> None:
    answer = await Client(endpoint()).post(body)
    assert answer.status_code == 400


@given(st.text(alphabet='{}()[]"\\:$!@.#_ abq1\n\0\ud800', max_size=40))
async def test_any_document_is_answered(query: str) -> None:
    answer = await Client(endpoint()).post(json.dumps({"query": query}).encode())
    assert answer.status_code in {200, 400}
    assert SECRET not in answer.text


async def test_an_escaped_pair_is_one_character(client: Client) -> None:
    answer = await client.post(b'{"query":"query($t:String!){ echo(text:$t) }","variables":{"t":"\\ud83c\\udfca \\u00e4"}}')
    assert answer.json() == {"data": {"echo": "🏊 ä"}}


@pytest.mark.parametrize("literal", [r'"\u0000"', r'"a\u{0}b"'])
async def test_nul_in_a_literal(client: Client, literal: str) -> None:
    answer = await client.ask(f"{{ echo(text: {literal}) }}")
    assert (answer.status_code, codes(answer)) == (400, ["BAD_USER_INPUT"])


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin-1",
        "application/graphql",
        "",
    ],
)
async def test_only_json_is_taken(client: Client, content_type: str) -> None:
    answer = await client.post(b'{"query":"{ __typename }"}', content_type=content_type)
    assert (answer.status_code, codes(answer)) == (415, ["BAD_USER_INPUT"])


async def test_no_compressed_body(client: Client) -> None:
    assert (await client.post(b"\x1f\x8b", content_encoding="gzip")).status_code == 415


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
async def test_only_post(client: Client, method: str) -> None:
    answer = await client.http.request(method, "/graphql")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_a_browser_is_sent_to_graphiql(client: Client) -> None:
    browser = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    answer = await client.http.get("/graphql", headers=browser)
    assert (answer.status_code, answer.headers["location"], answer.content) == (303, "/graphiql", b"")
    apart = await Client(endpoint(graphiql_path=None)).http.get("/graphql", headers=browser)
    assert apart.status_code == 405


async def chunks(size: int, taken: list[int]) -> AsyncIterator[bytes]:
    for _ in range(size // 65_536):
        taken.append(65_536)
        yield b" " * 65_536


async def test_a_body_that_says_it_is_too_large_is_not_read(client: Client) -> None:
    taken: list[int] = []
    headers = {"content-type": "application/json", "content-length": str(10 * 2**20)}
    answer = await client.http.post("/graphql", content=chunks(10 * 2**20, taken), headers=headers)
    assert (answer.status_code, codes(answer)) == (413, ["QUERY_TOO_COMPLEX"])


async def test_a_body_that_turns_out_too_large() -> None:
    received: list[int] = []
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        received.append(65_536)
        return {"type": "http.request", "body": b" " * 65_536, "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    await endpoint()(
        {"type": "http", "method": "POST", "path": "/graphql", "headers": [(b"content-type", b"application/json")]}, receive, send
    )
    assert sent[0]["status"] == 413
    assert sum(received) == 5 * 65_536


async def test_a_client_that_leaves() -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await endpoint()(
        {"type": "http", "method": "POST", "path": "/graphql", "headers": [(b"content-type", b"application/json")]}, receive, send
    )
    assert sent[0]["status"] == 400


@asynccontextmanager
async def listening() -> AsyncIterator[str]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(endpoint(), log_level="critical", lifespan="off"))
        running = asyncio.create_task(server.serve(sockets=[bound]))
        while not server.started:  # noqa: ASYNC110 - uvicorn offers nothing to wait for
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/graphql"
        server.should_exit = True
        await running


async def test_ten_megabytes_over_a_real_connection() -> None:
    async with listening() as address, httpx.AsyncClient() as http:
        answer = await http.post(address, content=b" " * (10 * 2**20), headers={"content-type": "application/json"})
        assert answer.status_code == 413
        after = await http.post(address, json={"query": "{ __typename }"})
        assert after.json() == {"data": {"__typename": "Query"}}


async def test_several_operations(client: Client) -> None:
    query = 'query A { a: echo(text: "a") } query B { b: echo(text: "b") }'
    unnamed = await client.ask(query)
    assert (unnamed.status_code, codes(unnamed)) == (400, ["BAD_USER_INPUT"])
    assert (await client.ask(query, operationName="B")).json() == {"data": {"b": "b"}}
    assert codes(await client.ask(query, operationName="C")) == ["BAD_USER_INPUT"]
    assert codes(await client.ask("fragment F on Query { __typename }")) == ["BAD_USER_INPUT"]


async def test_subscriptions_are_refused(client: Client) -> None:
    answer = await client.ask("subscription { ticks }")
    assert (answer.status_code, codes(answer)) == (400, ["BAD_USER_INPUT"])
    assert answer.json()["errors"][0]["message"] == "Subscriptions are not answered here: send a query or a mutation."


@pytest.mark.parametrize(
    ("query", "code"),
    [("{", "GRAPHQL_PARSE_FAILED"), ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"), ("{ item }", "GRAPHQL_VALIDATION_FAILED"),
     ("query($a: Int!) { atMost(number: $a) }", "BAD_USER_INPUT"), ("{ item {} }", "GRAPHQL_PARSE_FAILED")],
)  # fmt: skip
async def test_codes_of_what_did_not_run(client: Client, query: str, code: str) -> None:
    answer = await client.ask(query)
    assert (answer.status_code, codes(answer)) == (400, [code])
    in_json = await client.ask(query, accept="application/json")
    assert (in_json.status_code, codes(in_json)) == (200, [code])


async def test_a_null_for_an_argument_that_has_a_default(client: Client) -> None:
    with capture_logs() as logs:
        answer = await client.ask("query($n: Int = 4) { atMost(number: $n) item { name } }", variables={"n": None})
    assert codes(answer) == ["BAD_USER_INPUT"]
    assert logs == []


async def test_an_internal_error_is_masked_and_keeps_the_rest(client: Client) -> None:
    with capture_logs() as logs:
        answer = await client.ask('query Mine { broken echo(text: "kept") }', operationName="Mine")
    request_id = answer.json()["errors"][0]["extensions"]["requestId"]
    assert answer.status_code == 200
    assert answer.json() == {
        "errors": [
            {
                "message": "Internal error",
                "locations": [{"line": 1, "column": 14}],
                "path": ["broken"],
                "extensions": {"code": "INTERNAL", "requestId": request_id},
            }
        ],
        "data": {"broken": None, "echo": "kept"},
    }
    assert [(log["event"], log["log_level"], log["request_id"], log["operation"]) for log in logs] == [
        ("operation_failed", "error", request_id, "Mine")
    ]
    assert str(logs[0]["exc_info"]) == SECRET


@pytest.mark.parametrize("field", ["brokenForGood", "tooBig", "uncoded"])
async def test_what_is_not_known_to_be_the_clients_is_masked(client: Client, field: str) -> None:
    answer = await client.ask(f"{{ {field} }}")
    assert (answer.status_code, codes(answer), answer.json()["errors"][0]["message"]) == (200, ["INTERNAL"], "Internal error")
    assert SECRET not in answer.text


@pytest.mark.parametrize("field", ["infinite", "half"])
async def test_what_json_cannot_hold(client: Client, field: str) -> None:
    answer = await client.ask(f"{{ {field} }}")
    assert (answer.status_code, codes(answer)) == (500, ["INTERNAL"])


async def test_client_errors_are_shown_and_not_logged(client: Client) -> None:
    with capture_logs() as logs:
        answer = await client.ask("{ forbidden }")
    assert codes(answer) == ["FORBIDDEN"]
    assert answer.json()["errors"][0]["message"] == "You are not allowed to do this."
    assert logs == []


async def test_a_bad_token(client: Client) -> None:
    answer = await client.ask("{ __typename }", token="Bearer forged")
    assert (answer.status_code, codes(answer)) == (401, ["UNAUTHENTICATED"])
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    early = await client.ask("{ __typename }", token="Bearer early")
    assert (early.status_code, codes(early), early.headers["retry-after"]) == (503, ["INTERNAL"], "5")


async def test_a_context_that_fails(client: Client) -> None:
    answer = await client.ask("{ __typename }", token="Bearer crash")
    assert (answer.status_code, codes(answer)) == (500, ["INTERNAL"])
    assert SECRET not in answer.text


async def test_introspection_is_for_those_who_may(client: Client) -> None:
    query = get_introspection_query(input_value_deprecation=True, schema_description=True, specified_by_url=True)
    assert (await client.ask(query)).json()["data"]["__schema"]["queryType"] == {"name": "Query", "kind": "OBJECT"}
    refused = await client.ask(query, token=None)
    assert (refused.status_code, set(codes(refused))) == (400, {"GRAPHQL_VALIDATION_FAILED"})
    assert (await client.ask("{ __typename }", token=None)).json() == {"data": {"__typename": "Query"}}


async def test_names_are_suggested_to_those_who_may(client: Client) -> None:
    assert "Did you mean" in (await client.ask("{ ecko }")).text
    assert "Did you mean" not in (await client.ask("{ ecko }", token=None)).text


async def test_a_query_past_its_time_is_cancelled() -> None:
    client = Client(endpoint(operation_seconds=0.05))
    answer = await client.ask("{ never }")
    assert (answer.status_code, codes(answer)) == (503, ["INTERNAL"])
    assert (await client.ask("{ never }", accept="application/json")).status_code == 200
    assert (await client.ask("{ __typename }")).json() == {"data": {"__typename": "Query"}}


async def test_a_mutation_past_its_time_is_finished() -> None:
    served = endpoint(operation_seconds=0.05)
    DONE.clear()
    answer = await Client(served).ask("mutation { slow(seconds: 0.3) }")
    assert (answer.status_code, codes(answer), DONE) == (503, ["INTERNAL"], [])
    await served.executor.drain(5)
    assert len(DONE) == 1


async def test_too_much_left_running(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schema.execution.MAX_LEFT_RUNNING", 1)
    served = endpoint(operation_seconds=0.05)
    client = Client(served)
    await client.ask("mutation { slow(seconds: 0.3) }")
    refused = await client.ask("mutation { slow(seconds: 0) }")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert (await client.ask("{ __typename }")).status_code == 200
    await served.executor.drain(5)
    await asyncio.sleep(0)
    assert (await client.ask("mutation { slow(seconds: 0) }")).json() == {"data": {"slow": "done"}}


async def test_a_hundred_at_once_keep_apart(client: Client) -> None:
    async def one(number: int) -> None:
        answer = await client.ask("query($t: String!) { caller echo(text: $t) }", token=f"Bearer {number}", variables={"t": str(number)})
        assert answer.json() == {"data": {"caller": f"Bearer {number}", "echo": str(number)}}

    await asyncio.gather(*(one(number) for number in range(100)))


async def test_answers_are_not_stored(client: Client) -> None:
    answer = await client.ask("{ __typename }")
    assert (answer.headers["cache-control"], answer.headers["vary"]) == ("no-store", "accept")
    assert answer.headers["content-type"] == f"{GRAPHQL}; charset=utf-8"
