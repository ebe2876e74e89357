"""PostgreSQL for Tortoise: transactions that are safe to cancel (models.transactions) and cannot be used once they have ended."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import PoolConnectionWrapper, TransactionContext
from tortoise.backends.base_postgres.client import translate_exceptions
from tortoise.exceptions import DBConnectionError, OperationalError, TransactionManagementError

from models.cancellation import to_the_end
from models.transactions import NestedTransaction, OneTransaction, OuterTransaction

ACQUIRE_LIMIT = 10.0
"""Seconds that a statement or a transaction waits for a connection of the pool."""

RELEASE_LIMIT = 10.0
"""Seconds that giving a connection back to the pool may take; after them it is closed, and another one opened when needed."""

SWALLOWED = "A statement of the transaction failed and its error was swallowed: PostgreSQL has written nothing of the transaction."


class _Errors(AsyncpgDBClient):
    """A deadlock or a serialization failure is an OperationalError too: the same work, begun again, can succeed."""

    async def _translate_exceptions(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return await super()._translate_exceptions(func, *args, **kwargs)
        except asyncpg.TransactionRollbackError as error:
            raise OperationalError(error) from error


class Client(_Errors):
    """What Tortoise is given as `engine`.

    A connection that comes back is rolled back if need be, and not reset otherwise, which would be a second trip for each statement:
    nothing may leave anything in the session (SET, LISTEN, session-level advisory locks); SET LOCAL and pg_advisory_xact_lock may be used.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"reset": _keep_session, **options})

    async def take(self) -> Any:
        """A connection of the pool, to be given back. DBConnectionError when none becomes free, or none can be opened, in ten seconds."""
        if self._pool is None:
            async with self._pool_init_lock:
                if self._pool is None:
                    await self.create_connection(with_db=True)
        try:
            async with asyncio.timeout(ACQUIRE_LIMIT):
                return await self._opened().acquire()
        except TimeoutError as error:
            raise DBConnectionError(f"No connection to PostgreSQL became free in {ACQUIRE_LIMIT:g} seconds.") from error

    async def give_back(self, connection: Any) -> None:
        """Give a connection back, rolled back if need be. One that cannot be given back is closed by the pool: nothing is raised."""
        if self._pool is not None:
            await to_the_end(_release(self._pool, connection))

    def acquire_connection(self) -> PoolConnectionWrapper[Any]:
        """A connection of the pool for one statement."""
        return _OneStatement(self, self._pool_init_lock)

    @translate_exceptions
    async def read(self, query: str, values: Sequence[Any] = ()) -> Sequence[Sequence[Any]]:
        """Rows of a SELECT as records, which are read by position like tuples. OperationalError for bad SQL."""
        async with self.acquire_connection() as connection:
            return cast("Sequence[Sequence[Any]]", await connection.fetch(query, *values))

    async def execute_many(self, query: str, values: list[Any]) -> None:
        """Run the statement for each row, all or none."""
        async with self._in_transaction() as transaction:
            await transaction.execute_many(query, values)

    def _in_transaction(self) -> TransactionContext:
        return _Outermost(Transaction(self))

    def _opened(self) -> asyncpg.Pool:
        return self._pool


async def _keep_session(_connection: Any) -> None:
    """Instead of asyncpg's reset of the session; what it rolls back, it has by then."""


async def _release(pool: asyncpg.Pool, connection: Any) -> None:
    with suppress(Exception):
        await pool.release(connection, timeout=RELEASE_LIMIT)


class _OneStatement(PoolConnectionWrapper[Any]):
    client: Client

    async def __aenter__(self) -> Any:
        self.connection = await self.client.take()
        return self.connection

    async def __aexit__(self, exc_type: object, exc_val: object, exc_tb: object) -> None:
        await self.client.give_back(self.connection)


class Transaction(OneTransaction, _Errors, TransactionWrapper):
    """One connection of the pool for as long as one transaction lasts."""

    async def read(self, query: str, values: Sequence[Any] = ()) -> Sequence[Sequence[Any]]:
        """Rows of a SELECT as records: what this transaction sees."""
        _, rows = await self.execute_query(query, list(values))
        return cast("Sequence[Sequence[Any]]", rows)

    def _in_transaction(self) -> TransactionContext:
        return NestedTransaction(Transaction(self), self)

    @translate_exceptions
    async def run(self, statement: str) -> str:
        """Run a statement that begins or ends something; its command tag. Tortoise's errors where PostgreSQL refuses."""
        return str(await self._connection.execute(statement))

    async def begin(self) -> None:
        """Begin, at PostgreSQL's own isolation level (READ COMMITTED)."""
        await self.run("BEGIN")

    async def commit(self) -> None:
        """Commit. TransactionManagementError when a statement had failed: PostgreSQL answers COMMIT with ROLLBACK then, and no error."""
        if await self.run("COMMIT") != "COMMIT":
            raise TransactionManagementError(SWALLOWED)


class _Outermost(OuterTransaction):
    async def acquire(self) -> None:
        self.client._connection = await self._parent.take()

    async def release(self) -> None:
        await self._parent.give_back(self.client._connection)

    @property
    def _parent(self) -> Client:
        parent: Client = self.client._parent
        return parent


client_class = Client
