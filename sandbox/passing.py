"""Time passing: from one moment at which something falls due to the next, until where it was moved to; a restart forgets none of it."""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Callable

from sandbox import lifecycle, steering
from sandbox.clock import Clock
from sandbox.configuration import Configuration
from sandbox.store import Store
from sandbox.transaction import Transaction

log = logging.getLogger("sandbox")


class Passing:
    """Moves the clock. `poke` is told whenever something has happened that others wait for."""

    def __init__(self, configuration: Configuration, clock: Clock, store: Store, poke: Callable[[], None]) -> None:
        self._configuration, self._clock, self._store, self._poke = configuration, clock, store, poke
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Go on from where the clock was when the sandbox was stopped."""
        self._clock.moved = max(self._clock.moved, await self._store.transact(steering.moved))

    async def stop(self) -> None:
        """Stop moving time; what it was to be moved to is kept."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def catch_up(self) -> None:
        """Let happen what is due by now."""
        while await self._happen(self._clock.now()):
            pass

    async def advance(self, seconds: int) -> None:
        """Move time forward: what falls due on the way happens first, in order and as of its own second."""
        async with self._lock:
            await self._move_to(self._clock.now() + seconds)

    def go_on(self, target: int | None) -> bool:
        """Say whether time is being moved in the background, and begin to where there is a target (UTC seconds)."""
        if self._task is not None and self._task.done():
            self._task = None
        if self._task is None and target is not None:
            self._task = asyncio.create_task(self._go_to(target), name="sandbox-time")
        return self._task is not None

    async def _go_to(self, target: int) -> None:
        failed = False
        try:
            async with self._lock:
                await self._move_to(target)
        except Exception:  # said on the test clock, as Stripe does
            log.exception("time could not be moved")
            failed = True
        now = self._clock.now()
        with contextlib.suppress(RuntimeError):  # stopped meanwhile
            await self._store.transact(lambda connection: steering.arrived(self._transaction(connection, now), failed=failed))
        self._task = None
        self._poke()

    async def _move_to(self, target: int) -> None:
        while await self._happen(target):
            self._poke()
        self._poke()

    async def _happen(self, until: int) -> bool:
        """Let some of what is due by then happen, and the clock go along; say whether something may be left."""

        def work(connection: sqlite3.Connection) -> bool:
            at = lifecycle.advance(self._transaction(connection, until))
            if self._clock.move_to(until if at is None else at):
                steering.keep(connection, self._clock.moved)
            return at is not None

        return await self._store.transact(work)

    def _transaction(self, connection: sqlite3.Connection, now: int) -> Transaction:
        return Transaction(connection, self._configuration, now)
