"""The sandbox as an ASGI application: the API under /v1, the pages beside it, and one task that sends webhooks and lets time pass."""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import TypeVar

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from sandbox import pages, steering
from sandbox.clock import Clock
from sandbox.configuration import Configuration
from sandbox.delivery import Delivery
from sandbox.engine import Engine
from sandbox.gateway import Gateway
from sandbox.passing import Passing
from sandbox.store import Store
from sandbox.transaction import Transaction

T = TypeVar("T")

TICK_SECONDS = 5.0
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]

log = logging.getLogger("sandbox")


class Sandbox:
    """A stateful Stripe on this machine. Mount it, `await start()`, point the SDK's `base_addresses["api"]` at `public_url`.

    `engine` is what the pages call (see sandbox/engine.py), `clock` its time. Pages find the sandbox in
    `request.app.state.sandbox`.
    """

    def __init__(self, configuration: Configuration, store: Path | str) -> None:
        configuration.check()
        self.configuration = configuration
        self.clock = Clock()
        self._store = Store(store)
        self._delivery: Delivery | None = None
        self._task: asyncio.Task[None] | None = None
        self._wake, self._idle = asyncio.Event(), asyncio.Event()
        self._passing = Passing(configuration, self.clock, self._store, self._poke)
        self.engine = Engine(self.run, self.advance, configuration.chaos, configuration.account)
        gateway = Gateway(configuration, self.clock, self._transact)
        self._app = Starlette(routes=[Route("/v1/{path:path}", gateway_endpoint(gateway), methods=METHODS), *pages.routes])
        self._app.state.sandbox = self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an HTTP request, with the sandbox's time in `Date`: the server has to leave its own out (uvicorn's `date_header`)."""

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["date"] = formatdate(self.clock.now(), usegmt=True)
            await send(message)

        await self._app(scope, receive, dated)

    async def start(self) -> None:
        """Open the store and start sending what is pending, from before a restart too."""
        if self._task is not None:
            raise RuntimeError("the sandbox is started already")
        await self._store.open()
        await self._passing.start()
        self._delivery = Delivery(self.configuration, self.clock, self._store)
        self._task = asyncio.create_task(self._serve(self._delivery), name="sandbox-delivery")

    async def stop(self) -> None:
        """Stop sending and close the store; what is pending is sent after the next start."""
        if self._task is None or self._delivery is None:
            return
        self._task.cancel()
        await asyncio.wait([self._task])
        self._task = None
        await self._passing.stop()
        self._idle.set()
        await self._delivery.close()
        await self._store.close()

    async def drain(self) -> None:
        """Wait until time is being moved no more and nothing is due: every delivery was answered 2xx or waits for its next try."""
        if self._task is None:
            return
        self._poke()
        await self._idle.wait()

    async def run(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in one transaction of the store; what it raises rolls it back, except a CardRefusal."""
        return await self._transact(lambda connection: work(Transaction(connection, self.configuration, self.clock.now())))

    async def advance(self, seconds: int) -> None:
        """Move time forward: what falls due in between happens first, in order and as of its own second. ValueError for a negative."""
        if seconds < 0:
            raise ValueError("time can only be moved forward")
        await self._passing.advance(seconds)

    async def _catch_up(self) -> None:
        """Let what is due happen before a call, so that the call's events come after it and not before."""
        try:
            await self._passing.catch_up()
        except sqlite3.Error:
            raise
        except Exception:  # one bad object must not end all calls
            log.exception("what is due failed")

    async def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        await self._catch_up()
        try:
            return await self._store.transact(work)
        finally:
            self._poke()

    def _poke(self) -> None:
        self._idle.clear()
        self._wake.set()

    async def _serve(self, delivery: Delivery) -> None:
        while True:
            try:
                pause = await self._pass(delivery)
            except Exception:  # one bad object must not end the deliveries of all others
                log.exception("a pass over what is due failed")
                self._idle.set()
                pause = TICK_SECONDS
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):  # not wait_for, which in 3.11 may swallow a cancellation
                    await self._wake.wait()

    async def _pass(self, delivery: Delivery) -> float:
        self._wake.clear()
        moving = self._passing.go_on(await self._store.transact(steering.target))
        await self._passing.catch_up()
        while await delivery.send_next():
            pass
        if not moving and not self._wake.is_set():
            self._idle.set()
        next_at = await delivery.next_at()
        return TICK_SECONDS if next_at is None else min(TICK_SECONDS, max(0.05, next_at - self.clock.now()))


def gateway_endpoint(gateway: Gateway) -> Callable[..., object]:
    """Return the gateway as a Starlette endpoint (a bound method, which Starlette calls with the request)."""
    return gateway.__call__
