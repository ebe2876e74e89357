"""A sandbox of its own for each history, behind one real HTTP server, and a gateway to it that can be made to fail."""

import asyncio
import contextlib
import json
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import uvicorn
from starlette.types import Receive, Scope, Send

from sandbox import Sandbox, create_sandbox
from services.errors import StripeUnavailable
from services.snapshot import Snapshot
from services.stripe_gateway import Request
from tests.mirror.conftest import WatchingGateway
from tests.services.between import PUBLISHABLE_KEY, SECRET_KEY


class Stage:
    """`sandbox` is the one that is played on; `template` what each of them begins as, once it has been kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._number = 0
        self.template: Path | None = None
        self.sandbox: Sandbox | None = None
        self.base = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.sandbox is not None
        await self.sandbox(scope, receive, send)

    async def open(self) -> Sandbox:
        """Begin with a new sandbox, a copy of the template."""
        await self.close()
        self._number += 1
        store = self._folder / f"{self._number}.sqlite3"
        if self.template is not None:
            shutil.copyfile(self.template, store)
        self.sandbox = create_sandbox(
            store=store, secret_key=SECRET_KEY, publishable_key=PUBLISHABLE_KEY, public_url=self.base, webhook_url=None, webhook_secret=None
        )
        await self.sandbox.start()
        return self.sandbox

    async def close(self) -> None:
        if self.sandbox is not None:
            await self.sandbox.stop()
            self.sandbox = None
            (self._folder / f"{self._number}.sqlite3").unlink(missing_ok=True)

    async def keep(self) -> None:
        """Let what the sandbox holds now be what others begin with."""
        assert self.sandbox is not None
        await self.sandbox.stop()
        self.template = self._folder / "template.sqlite3"
        shutil.copyfile(self._folder / f"{self._number}.sqlite3", self.template)
        self.sandbox = None

    async def objects(self, kind: str) -> list[dict[str, Any]]:
        """Everything of a kind that the sandbox has, oldest first."""
        assert self.sandbox is not None
        text = "SELECT body FROM objects WHERE kind = ? AND deleted = 0 ORDER BY seq"
        rows = await self.sandbox.run(lambda tx: tx.connection.execute(text, (kind,)).fetchall())
        return [json.loads(row["body"]) for row in rows]


@contextlib.asynccontextmanager
async def stage_in(folder: Path) -> AsyncIterator[Stage]:
    stage = Stage(folder)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    stage.base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(stage, log_level="critical", lifespan="off", ws="none", date_header=False))
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]  # the test's own signals stay
    task = asyncio.create_task(server.serve([listener]))
    while not server.started:  # noqa: ASYNC110 - the server has no event to wait for
        await asyncio.sleep(0.01)
    try:
        yield stage
    finally:
        server.should_exit = True
        await task
        await stage.close()


class FailingGateway(WatchingGateway):
    """Fails as often as `chance` says, as Stripe does when it is down; like its parent it fails a test that calls inside a transaction."""

    random = Random(0)  # noqa: S311 - not a secret
    chance = 0.0

    async def call(self, operation: str, request: Request) -> Snapshot:
        self._may_fail()
        return await super().call(operation, request)

    async def retrieve(self, kind: str, object_id: str, *expand: str) -> Snapshot | None:
        self._may_fail()
        return await super().retrieve(kind, object_id, *expand)

    def _may_fail(self) -> None:
        if self.chance and self.random.random() < self.chance:
            raise StripeUnavailable("Stripe is down.")
