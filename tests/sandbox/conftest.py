"""A sandbox over real HTTP, a receiver of its webhooks, and the real SDK to speak to them."""

import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import stripe
import uvicorn
from sandbox import Sandbox, create_sandbox
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

SECRET = "sk_test_sandbox_secret_key"
PUBLISHABLE = "pk_test_sandbox_publishable_key"
WEBHOOK_SECRET = "whsec_sandbox_tests"


class Served:
    """A sandbox that is served, the events that its receiver got (in order), and what the receiver answers."""

    def __init__(self, store: Path | str) -> None:
        self.store = store
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.origin = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.url = f"{self.origin}/sandbox"
        self.received: list[dict[str, Any]] = []
        self.signatures: list[tuple[str, str]] = []
        self.answers: list[int] = []
        self.sandbox: Sandbox
        self.client = self.sdk(SECRET)

    def sdk(self, key: str) -> stripe.StripeClient:
        return stripe.StripeClient(key, base_addresses={"api": self.url}, http_client=stripe.HTTPXClient(timeout=10), max_network_retries=0)

    def make(self) -> Sandbox:
        return create_sandbox(
            store=self.store,
            secret_key=SECRET,
            publishable_key=PUBLISHABLE,
            public_url=self.url,
            webhook_url=f"{self.origin}/hook",
            webhook_secret=WEBHOOK_SECRET,
        )

    async def receive(self, request: Request) -> Response:
        body = (await request.body()).decode()
        self.signatures.append((body, request.headers["stripe-signature"]))
        status = self.answers.pop(0) if self.answers else 200
        if status == 200:
            self.received.append(json.loads(body))
        return Response(status_code=status)

    async def start(self) -> None:
        self.sandbox = self.make()
        await self.sandbox.start()
        app = Starlette(routes=[Mount("/sandbox", app=self.sandbox), Route("/hook", self.receive, methods=["POST"])])
        self.server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))

    async def stop(self) -> None:
        self.server.should_exit = True
        await self.serving
        await self.sandbox.stop()

    async def run(self) -> None:
        import asyncio

        await self.start()
        self.serving = asyncio.create_task(self.server.serve([self.listener]))
        while not self.server.started:
            await asyncio.sleep(0.01)

    async def types(self) -> list[str]:
        """Return the types of the events received since the last call."""
        await self.sandbox.drain()
        kinds = [event["type"] for event in self.received]
        self.received.clear()
        return kinds


Serve = Callable[[Path | str], Awaitable[Served]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    running: list[Served] = []

    async def start(store: Path | str) -> Served:
        served = Served(store)
        await served.run()
        running.append(served)
        return served

    yield start
    for served in running:
        await served.stop()
        await served.client.close_async() if hasattr(served.client, "close_async") else None


@pytest.fixture
async def served(serve: Serve) -> Served:
    return await serve(":memory:")


@pytest.fixture
def client(served: Served) -> stripe.StripeClient:
    return served.client
