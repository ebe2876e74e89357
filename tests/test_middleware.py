"""What every request passes: ids, log lines, headers, and exceptions that nothing below answered."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest
import structlog
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import Message, Receive, Scope, Send

from web.middleware import Dated, RequestLog, SecurityHeaders, request_id_of


async def plain(request: Request) -> Response:
    structlog.get_logger("below").info("working")
    return PlainTextResponse(request_id_of(request.scope))


async def own(_: Request) -> Response:
    return PlainTextResponse("", headers={"content-security-policy": "default-src 'self'", "etag": '"1"'})


async def broken(_: Request) -> Response:
    raise RuntimeError("the password is hidden")


async def torn(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"half", "more_body": True})
    raise RuntimeError("torn")


class Torn:
    """An application, not a function: Starlette hands it the bare request."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await torn(scope, receive, send)


async def ok(_: Request) -> Response:
    return JSONResponse({})


def application(*, https: bool = False) -> Starlette:
    routes = [
        Route("/plain", plain),
        Route("/own", own),
        Route("/broken", broken),
        Route("/torn", Torn()),
        Route("/healthz", ok),
        Mount("/apart", routes=[Route("/page", ok)]),
    ]
    declared = frozenset({"/plain", "/own", "/broken", "/torn", "/healthz", "/apart/"})
    middleware = [Middleware(RequestLog, declared=declared), Middleware(SecurityHeaders, https=https, apart="/apart")]
    return Starlette(routes=routes, middleware=middleware)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application()), base_url="http://test") as client:
        yield client


@pytest.fixture
def lines() -> list[dict[str, Any]]:
    """Every log line, as it stands before it is written."""
    found: list[dict[str, Any]] = []

    def keep(_: Any, level: str, event: Any) -> Any:
        found.append({**event, "level": level})
        raise structlog.DropEvent

    structlog.configure(processors=[structlog.contextvars.merge_contextvars, keep], cache_logger_on_first_use=False)
    return found


@pytest.fixture(autouse=True)
def restored() -> Any:
    yield
    structlog.reset_defaults()


async def test_each_request_has_an_id_known_to_all(client: httpx.AsyncClient, lines: list[dict[str, Any]]) -> None:
    answers = [await client.get("/plain") for _ in range(2)]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert ids == [answer.text for answer in answers]
    assert len(set(ids)) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", name) for name in ids)
    assert [line["request_id"] for line in lines] == [ids[0], ids[0], ids[1], ids[1]]


@pytest.mark.parametrize(
    ("given", "taken"), [("proxy-id.0_1", True), ("short", False), ("x" * 129, False), ("spaced name", False), ("<script>", False)]
)
async def test_a_wellformed_id_of_a_proxy_is_kept(client: httpx.AsyncClient, given: str, taken: bool) -> None:
    answer = await client.get("/plain", headers={"x-request-id": given})
    assert (answer.headers["x-request-id"] == given) is taken


async def test_the_access_line(client: httpx.AsyncClient, lines: list[dict[str, Any]]) -> None:
    await client.get("/own?token=hidden")
    await client.get("/healthz")
    (line,) = lines
    assert line.pop("milliseconds") >= 0
    assert line.pop("request_id")
    assert line == {"event": "request", "level": "info", "method": "GET", "path": "/own", "status": 200}


async def test_an_exception_becomes_an_answer_without_its_text(client: httpx.AsyncClient, lines: list[dict[str, Any]]) -> None:
    answer = await client.get("/broken", headers={"x-request-id": "request-77"})
    assert answer.status_code == 500
    assert answer.json() == {"error": "Internal error", "requestId": "request-77"}
    assert answer.headers["x-request-id"] == "request-77"
    assert [line["event"] for line in lines] == ["request_failed", "request"]
    assert lines[0]["exc_info"]


async def test_an_answer_that_began_is_not_begun_again(lines: list[dict[str, Any]]) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    scope = {"type": "http", "method": "GET", "path": "/torn", "query_string": b"", "headers": [], "root_path": ""}
    await application()(scope, receive, send)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert [line["event"] for line in lines] == ["request_failed", "request"]


async def test_careful_headers(client: httpx.AsyncClient) -> None:
    headers = (await client.get("/plain")).headers
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in headers


async def test_what_an_answer_says_itself_stays(client: httpx.AsyncClient) -> None:
    headers = (await client.get("/own")).headers
    assert headers["content-security-policy"] == "default-src 'self'"
    assert "cache-control" not in headers


async def test_another_application_speaks_for_itself(client: httpx.AsyncClient) -> None:
    headers = (await client.get("/apart/page")).headers
    assert "content-security-policy" not in headers
    assert "x-request-id" in headers


async def test_https_is_remembered_by_browsers() -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application(https=True)), base_url="http://test") as client:
        assert (await client.get("/plain")).headers["strict-transport-security"] == "max-age=63072000"


def counted(route: str, status: str) -> float:
    return REGISTRY.get_sample_value("billgraph_http_request_seconds_count", {"route": route, "status": status}) or 0.0


@pytest.mark.parametrize(
    ("path", "route", "status"),
    [
        ("/plain", "/plain", "200"),
        ("/apart/page", "/apart/", "200"),
        ("/apart/pay_1", "/apart/", "404"),
        ("/x/y", "other", "404"),
        ("/", "other", "404"),
    ],
)
async def test_figures_are_kept_by_route(client: httpx.AsyncClient, path: str, route: str, status: str) -> None:
    before = counted(route, status)
    await client.get(path)
    assert counted(route, status) == before + 1


async def test_an_answer_without_a_date_gets_one_and_a_date_stays() -> None:
    said = "Sat, 01 Jan 2022 00:00:00 GMT"
    routes = [Route("/own", lambda _: Response(headers={"date": said})), Route("/none", lambda _: Response())]
    app = Starlette(routes=routes, middleware=[Middleware(Dated)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        assert (await client.get("/own")).headers.get_list("date") == [said]
        (now,) = (await client.get("/none")).headers.get_list("date")
    assert abs((parsedate_to_datetime(now) - datetime.now(UTC)).total_seconds()) < 10
