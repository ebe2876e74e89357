"""A real HTTP server between the product and the sandbox: it passes calls on, counts them, and goes wrong when a test says so."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from sandbox.app import Sandbox
from sandbox.configuration import Configuration

SECRET_KEY = "sk_test_between"
PUBLISHABLE_KEY = "pk_test_between"
HTML = "<html><body>Bad gateway</body></html>"
HOP_BY_HOP = {"content-length", "connection", "transfer-encoding", "server"}

Fault = Callable[[Callable[[], Awaitable[Response]]], Awaitable[Response]]
"""Given how to pass the call on, answers it: before, after or instead."""


def instead(status: int, body: str = HTML, **headers: str) -> Fault:
    """The call never reaches Stripe."""

    async def answer(_: Callable[[], Awaitable[Response]]) -> Response:
        return Response(body, status, headers={name.replace("_", "-"): value for name, value in headers.items()})

    return answer


def error(status: int, kind: str, message: str = "told so", code: str | None = None, **headers: str) -> Fault:
    """Stripe's own refusal."""
    known = f', "code": "{code}"' if code else ""
    return instead(status, f'{{"error": {{"type": "{kind}", "message": "{message}"{known}}}}}', content_type="application/json", **headers)


def afterwards(status: int, body: str = HTML) -> Fault:
    """Stripe does what it was asked, but its answer is lost."""

    async def answer(forward: Callable[[], Awaitable[Response]]) -> Response:
        assert (await forward()).status_code == 200
        return Response(body, status)

    return answer


def slowly(seconds: float) -> Fault:
    """Stripe does what it was asked, but answers late."""

    async def answer(forward: Callable[[], Awaitable[Response]]) -> Response:
        passed = await forward()
        await asyncio.sleep(seconds)
        return passed

    return answer


@dataclass
class Held:
    """A call that is held before it is passed on (`early`) or after it was done, until the test lets go."""

    early: bool
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, forward: Callable[[], Awaitable[Response]]) -> Response:
        passed = None if self.early else await forward()
        self.arrived.set()
        await self.released.wait()
        return passed or Response(HTML, 502)


@dataclass
class Between:
    """`faults` are used up first to last by POSTs and DELETEs whose path ends like their key.

    `reads` are by GETs whose path and query contain it.

    `posted` is what was posted, in order, `got` what was read.
    """

    target: str
    client: httpx.AsyncClient
    base: str = ""
    faults: list[tuple[str, Fault]] = field(default_factory=list)
    posted: list[tuple[str, str | None]] = field(default_factory=list)
    reads: list[tuple[str, Fault]] = field(default_factory=list)
    got: list[str] = field(default_factory=list)
    sandbox: Sandbox = field(init=False)

    def clear(self) -> None:
        self.faults.clear()
        self.posted.clear()
        self.reads.clear()
        self.got.clear()

    def keys(self, ending: str) -> list[str | None]:
        return [key for path, key in self.posted if path.endswith(ending)]

    async def __call__(self, request: Request) -> Response:
        body, path = await request.body(), request.url.path

        async def forward() -> Response:
            headers = {name: value for name, value in request.headers.items() if name not in {"host", "content-length"}}
            url = f"{self.target}{request.scope['raw_path'].decode()}" + (f"?{request.url.query}" if request.url.query else "")
            answer = await self.client.request(request.method, url, headers=headers, content=body)
            kept = {name: value for name, value in answer.headers.items() if name not in HOP_BY_HOP}
            return Response(answer.content, answer.status_code, headers=kept)

        if request.method == "POST":
            self.posted.append((path, request.headers.get("idempotency-key")))
        if request.method == "GET":
            self.got.append(f"{path}?{request.url.query}")
            for number, (part, fault) in enumerate(self.reads):
                if part in self.got[-1]:
                    del self.reads[number]
                    return await fault(forward)
        for number, (ending, fault) in enumerate(self.faults if request.method in {"POST", "DELETE"} else []):
            if path.endswith(ending):
                del self.faults[number]
                return await fault(forward)
        return await forward()


@contextlib.asynccontextmanager
async def listening(make: Callable[[str], ASGIApp]) -> AsyncIterator[str]:
    """Serve what `make` makes of its own address, on a free port."""
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:  # else asyncio leaves Nagle on, 40 ms an answer
        listener.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(
            make(address), log_level="critical", lifespan="off", ws="none", date_header=False, timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment] # the test's own signals stay
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 - the server has no event to wait for
            await asyncio.sleep(0.01)
        try:
            yield address
        finally:
            server.should_exit = True
            await task


@contextlib.asynccontextmanager
async def between(folder: Path, webhook_url: str | None = None) -> AsyncIterator[Between]:
    """A sandbox over real HTTP, and the server in front of it."""
    started: list[Sandbox] = []

    def made(address: str) -> ASGIApp:
        secret = "whsec_between" if webhook_url else None
        configuration = Configuration(SECRET_KEY, PUBLISHABLE_KEY, address, webhook_url, secret)
        started.append(Sandbox(configuration, folder / "sandbox.sqlite3"))
        return started[0]

    async with listening(made) as target, httpx.AsyncClient(timeout=30) as client:
        await started[0].start()
        front = Between(target, client)
        front.sandbox = started[0]
        try:
            async with listening(lambda _: _app(front)) as base:
                front.base = base
                yield front
        finally:
            await started[0].stop()


def _app(front: Between) -> Starlette:
    return Starlette(routes=[Route("/{path:path}", front.__call__, methods=["GET", "POST", "DELETE"])])
