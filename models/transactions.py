"""Transactions that always end and always give back what they hold, however the task that runs them is cancelled.

Tortoise's own lose the SQLite lock, or a connection of the PostgreSQL pool, when a task is cancelled while it enters or leaves one.
"""

import asyncio
from abc import abstractmethod
from contextlib import suppress
from typing import Any

from tortoise.backends.base.client import TransactionalDBClient, TransactionContext
from tortoise.connection import get_connections
from tortoise.exceptions import TransactionManagementError

from models.cancellation import to_the_end


class OuterTransaction(TransactionContext):
    """`async with` begins, then commits, or rolls back when an exception leaves the block; a cancellation is such an exception."""

    def __init__(self, client: Any) -> None:
        self.client: Any = client
        self.connection_name: str = client.connection_name

    async def __aenter__(self) -> TransactionalDBClient:
        await self.acquire()
        begun = False
        try:
            await to_the_end(self.client.begin())
            begun = True
        finally:
            if not begun:
                await to_the_end(self._abandon())
        self.token = get_connections().set(self.connection_name, self.client)
        client: TransactionalDBClient = self.client
        return client

    async def __aexit__(self, exc_type: object, exc_val: object, exc_tb: object) -> None:
        get_connections().reset(self.token)
        await to_the_end(self._finish(failed=exc_type is not None))

    async def _finish(self, *, failed: bool) -> None:
        try:
            async with self.client.turn:
                await (self.client.rollback() if failed else self._commit())
        finally:
            self.client.ended = True
            await self.release()

    async def _commit(self) -> None:
        try:
            await self.client.commit()
        except Exception:
            with suppress(
                Exception
            ):  # PostgreSQL has rolled back by itself; SQLite leaves the transaction open, and with it the file locked
                await self.client.rollback()
            raise

    async def _abandon(self) -> None:
        try:
            await self.client.rollback()
        except Exception:  # noqa: BLE001, S110 - it had not begun: there is nothing to roll back
            pass
        finally:
            self.client.ended = True
            await self.release()

    @abstractmethod
    async def acquire(self) -> None:
        """Take hold of the connection; on cancellation it is not held."""

    @abstractmethod
    async def release(self) -> None:
        """Let go of the connection."""


class NestedTransaction(TransactionContext):
    """A savepoint. Those of one transaction run one after the other, for savepoints of one connection cannot overlap."""

    def __init__(self, client: Any, turns: asyncio.Lock) -> None:
        self.client = client
        self.turns = turns
        self.connection_name: str = client.connection_name

    async def __aenter__(self) -> TransactionalDBClient:
        await self.turns.acquire()
        begun = False
        try:
            await to_the_end(self.client.savepoint())
            begun = True
        finally:
            if not begun:
                await to_the_end(self._abandon())
        client: TransactionalDBClient = self.client
        return client

    async def __aexit__(self, exc_type: object, exc_val: object, exc_tb: object) -> None:
        try:
            await to_the_end(self.client.savepoint_rollback() if exc_type else self.client.release_savepoint())
        finally:
            self.turns.release()

    async def _abandon(self) -> None:
        try:
            await self.client.savepoint_rollback()
        except Exception:  # noqa: BLE001, S110 - it was not set: there is nothing to go back to
            pass
        finally:
            self.turns.release()


def refuse_ended(client: Any) -> None:
    """Raise TransactionManagementError when the client's transaction is over: a task begun inside it may still hold it."""
    if client.ended:
        raise TransactionManagementError("The transaction has ended: a task that was begun inside it cannot use it any more.")
