"""PostgreSQL for Tortoise: transactions that are safe to cancel (models.transactions) and cannot be used once they have ended."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import ConnectionWrapper, TransactionContext
from tortoise.exceptions import OperationalError

from models.cancellation import to_the_end
from models.transactions import NestedTransaction, OuterTransaction, refuse_ended

RELEASE_LIMIT = 10.0
"""Seconds that giving a connection back to the pool may take."""


class Client(AsyncpgDBClient):
    """What Tortoise is given as `engine`."""

    async def read(self, query: str, values: Sequence[Any] = ()) -> Sequence[Sequence[Any]]:
        """Rows of a SELECT as records, which are read by position like tuples. OperationalError for bad SQL."""
        if self._pool is None:
            async with self._pool_init_lock:
                if self._pool is None:
                    await self.create_connection(with_db=True)
        try:
            rows: Sequence[Sequence[Any]] = await self._opened().fetch(query, *values)
        except (asyncpg.SyntaxOrAccessError, asyncpg.DataError) as error:
            raise OperationalError(error) from error
        return rows

    def _in_transaction(self) -> TransactionContext:
        return _Outermost(Transaction(self))

    def _opened(self) -> asyncpg.Pool:
        return self._pool


class Transaction(TransactionWrapper):
    """One connection of the pool for as long as one transaction lasts."""

    def __init__(self, connection: AsyncpgDBClient) -> None:
        super().__init__(connection)
        self.ended = False
        self.turn = self._lock
        self._savepoints = asyncio.Lock()

    def acquire_connection(self) -> ConnectionWrapper[Any]:
        """The connection, one statement at a time. TransactionManagementError when the transaction is over."""
        refuse_ended(self)
        return ConnectionWrapper(self._lock, self)

    async def read(self, query: str, values: Sequence[Any] = ()) -> Sequence[Sequence[Any]]:
        """Rows of a SELECT as records: what this transaction sees."""
        _, rows = await self.execute_query(query, list(values))
        return cast("Sequence[Sequence[Any]]", rows)

    def _in_transaction(self) -> TransactionContext:
        refuse_ended(self)
        nested = Transaction(self)
        nested._lock = nested.turn = self._lock
        return NestedTransaction(nested, self._savepoints)


class _Outermost(OuterTransaction):
    async def acquire(self) -> None:
        parent: Any = self.client._parent
        if parent._pool is None:
            async with parent._pool_init_lock:
                if parent._pool is None:
                    await parent.create_connection(with_db=True)
        self.client._connection = await parent._pool.acquire()

    async def release(self) -> None:
        pool = self.client._parent._pool
        if pool is not None:
            await to_the_end(pool.release(self.client._connection, timeout=RELEASE_LIMIT))


client_class = Client
