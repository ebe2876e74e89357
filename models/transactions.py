"""Transactions that always end and always give back what they hold, however the task that runs them is cancelled.

Tortoise's own lose the SQLite lock, or a connection of the PostgreSQL pool, when a task is cancelled while it enters or leaves one.
"""

import asyncio
from abc import abstractmethod
from contextlib import suppress
from itertools import count
from typing import Any

from tortoise.backends.base.client import ConnectionWrapper, TransactionalDBClient, TransactionContext
from tortoise.connection import ConnectionToken, get_connections
from tortoise.exceptions import TransactionManagementError

from models.cancellation import to_the_end

ENDED = "The transaction has ended: a task that was begun inside it cannot use it any more."
BESIDE_A_SAVEPOINT = "A savepoint of this transaction is open: what another task writes beside it would be undone with it."
SAVEPOINT_OPEN = "A savepoint was still open where the transaction ended: nothing of the transaction was written."

_numbers = count()


class OneTransaction:
    """What transactions of both engines share. A savepoint is one too, and `outer` is the transaction around it."""

    connection_name: str
    _connection: Any

    def __init__(self, connection: Any) -> None:
        super().__init__(connection)  # type: ignore[call-arg]  # the engine's own class stands behind this one
        self.outer: OneTransaction | None = connection if isinstance(connection, OneTransaction) else None
        self.ended = False
        self.paused = False
        self.turn: asyncio.Lock = self.outer.turn if self.outer else asyncio.Lock()
        self.savepoints = asyncio.Lock()
        self._lock = self.turn
        self._name = f"savepoint_{next(_numbers)}"

    def acquire_connection(self) -> ConnectionWrapper[Any]:
        """The connection, one statement at a time. TransactionManagementError when the transaction cannot be used."""
        return _Turn(self.turn, self)  # type: ignore[arg-type]  # the engine's own class behind this one is the client asked for

    def refuse_unless_usable(self) -> None:
        """Raise TransactionManagementError when the transaction is over, or when another task's savepoint is open in it."""
        if self.is_over:
            raise TransactionManagementError(ENDED)
        if self.paused and not self._surrounds(get_connections().get(self.connection_name)):
            raise TransactionManagementError(BESIDE_A_SAVEPOINT)

    @property
    def is_over(self) -> bool:
        """Whether this one, or one around it, has ended."""
        return self.ended or (self.outer is not None and self.outer.is_over)

    def _surrounds(self, other: object) -> bool:
        while isinstance(other, OneTransaction):
            other = other.outer
            if other is self:
                return True
        return False

    @abstractmethod
    async def run(self, statement: str) -> str:
        """Run a statement that begins or ends something. Raises Tortoise's errors."""

    @abstractmethod
    async def begin(self) -> None:
        """Begin the transaction."""

    @abstractmethod
    async def commit(self) -> None:
        """Commit. Raises Tortoise's errors, and then nothing was written."""

    async def rollback(self) -> None:
        """Undo the transaction."""
        await self.run("ROLLBACK")

    async def savepoint(self) -> None:
        """Begin a savepoint."""
        await self.run(f"SAVEPOINT {self._name}")

    async def savepoint_rollback(self) -> None:
        """Undo what was done since the savepoint, and forget it."""
        await self.run(f"ROLLBACK TO SAVEPOINT {self._name}")
        await self.release_savepoint()

    async def release_savepoint(self) -> None:
        """Keep what was done since the savepoint. Raises TransactionManagementError when a statement in it failed."""
        await self.run(f"RELEASE SAVEPOINT {self._name}")


class _Turn(ConnectionWrapper[Any]):
    """Looks whether the transaction may be used once its turn has come: it may have ended while the task waited for it."""

    async def __aenter__(self) -> Any:
        await self._lock.acquire()
        try:
            self.client.refuse_unless_usable()  # type: ignore[attr-defined]  # made for OneTransaction alone
        except BaseException:
            self._lock.release()
            raise
        return self.connection


class _Block(TransactionContext):
    """`async with` that begins, then keeps, or undoes when an exception leaves the block; a cancellation is such an exception."""

    client: Any
    token: ConnectionToken

    async def __aenter__(self) -> TransactionalDBClient:
        await self.acquire()
        begun = False
        try:
            await to_the_end(self._begin())
            begun = True
        finally:
            if not begun:
                await to_the_end(self._finish(failed=True))
        self.token = get_connections().set(self.client.connection_name, self.client)
        client: TransactionalDBClient = self.client
        return client

    async def __aexit__(self, exc_type: object, exc_val: object, exc_tb: object) -> None:
        try:
            get_connections().reset(self.token)
        finally:
            await to_the_end(self._finish(failed=exc_type is not None))

    async def _finish(self, *, failed: bool) -> None:
        try:
            async with self.client.turn:
                await self._end(failed=failed)
        finally:
            await self.release()

    async def _end(self, *, failed: bool) -> None:
        try:
            if not failed:
                await self._keep()
        except Exception:
            failed = True
            raise
        finally:
            if failed:
                with suppress(Exception):  # what fails here cannot be told from what failed before, which is what is raised
                    await self._undo()
            self.client.ended = True

    @abstractmethod
    async def acquire(self) -> None:
        """Take hold of what the block needs; on cancellation nothing is held."""

    @abstractmethod
    async def release(self) -> None:
        """Let go of it."""

    @abstractmethod
    async def _begin(self) -> None: ...

    @abstractmethod
    async def _keep(self) -> None: ...

    @abstractmethod
    async def _undo(self) -> None: ...


class OuterTransaction(_Block):
    """From BEGIN to COMMIT or ROLLBACK, on a connection that `acquire` takes and `release` gives back."""

    def __init__(self, client: OneTransaction) -> None:
        self.client = client

    async def _begin(self) -> None:
        await self.client.begin()

    async def _keep(self) -> None:
        if self.client.paused:
            raise TransactionManagementError(SAVEPOINT_OPEN)
        await self.client.commit()

    async def _undo(self) -> None:
        await self.client.rollback()


class NestedTransaction(_Block):
    """A savepoint. Those beside each other run one after the other, for savepoints of one connection cannot overlap."""

    def __init__(self, client: OneTransaction, outer: OneTransaction) -> None:
        self.client = client
        self.outer = outer

    async def acquire(self) -> None:
        """Wait for the savepoint beside this one to end."""
        await self.outer.savepoints.acquire()

    async def release(self) -> None:
        """Let the next one begin."""
        self.outer.savepoints.release()

    async def _begin(self) -> None:
        async with self.client.turn:
            self.outer.refuse_unless_usable()
            await self.client.savepoint()
            self.outer.paused = True

    async def _keep(self) -> None:
        if self.client.paused:
            raise TransactionManagementError(SAVEPOINT_OPEN)
        if self.client.is_over:
            raise TransactionManagementError(ENDED)
        await self.client.release_savepoint()
        self.outer.paused = False

    async def _undo(self) -> None:
        if self.outer.paused and not self.client.is_over:
            await self.client.savepoint_rollback()
        self.outer.paused = False
