"""SQLite for Tortoise: one writing connection behind a lock, one reading connection that does not wait for a writer.

Differs from Tortoise's own in what costs data or hangs a service: transactions are safe to cancel (models.transactions), begin at once with
the right to write (BEGIN IMMEDIATE), so that read-then-write cannot fail half way, and cannot be used once they have ended.
"""

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import aiosqlite
from tortoise.backends.base.client import TransactionContext
from tortoise.backends.sqlite.client import SqliteClient, SqliteTransactionWrapper, translate_exceptions
from tortoise.exceptions import IntegrityError, OperationalError, TransactionManagementError

from models.cancellation import to_the_end
from models.transactions import NestedTransaction, OneTransaction, OuterTransaction

JOURNAL_TRIES = 100
"""How often the journal mode of a new file is set at most."""

JOURNAL_PAUSE = 0.1
"""Seconds between."""


class Client(SqliteClient):
    """What Tortoise is given as `engine`; every key of the credentials but `file_path` is a pragma."""

    def __init__(self, file_path: str, **kwargs: Any) -> None:
        super().__init__(file_path, **kwargs)
        self._reader: aiosqlite.Connection | None = None
        self._opening = asyncio.Lock()

    async def create_connection(self, with_db: bool) -> None:  # noqa: ARG002 - Tortoise's
        """Open both connections, once."""
        async with self._opening:
            if self._connection is None:
                await to_the_end(self._open())

    async def close(self) -> None:
        """Close both connections."""
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.close()
        await super().close()

    async def read(self, query: str, values: Sequence[Any] = ()) -> Sequence[Sequence[Any]]:
        """Rows of a SELECT as tuples: what is committed, without waiting for whoever writes. OperationalError for bad SQL."""
        if self._reader is None:
            await self.create_connection(with_db=True)
        reader = self._reader
        assert reader is not None  # noqa: S101 - opened in the line above
        try:
            return list(await reader.execute_fetchall(query, values))
        except sqlite3.OperationalError as error:
            raise OperationalError(error) from error

    def _in_transaction(self) -> TransactionContext:
        return _Outermost(Transaction(self), self._lock)

    @translate_exceptions
    async def execute_many(self, query: str, values: list[list[Any]]) -> None:
        """Run the statement for each row, all or none."""
        async with self._in_transaction() as transaction:
            await transaction.execute_many(query, values)

    @translate_exceptions
    async def execute_script(self, query: str) -> None:
        """Run several statements; each its own transaction unless the script says otherwise."""
        async with self.acquire_connection() as connection:
            await to_the_end(connection.executescript(query))

    async def _open(self) -> None:
        reader = await aiosqlite.connect(self.filename, isolation_level=None)
        try:
            await self._settle_journal(reader)
            await self._open_writer()
            for pragma, value in {**self.pragmas, "query_only": "ON"}.items():
                await _set(reader, pragma, value)
        except BaseException:
            await reader.close()
            await super().close()  # what was opened has only some of its pragmas
            raise
        self._reader = reader

    async def _open_writer(self) -> None:
        """As Tortoise does it, but for use from two threads, one at a time: see _InTheLoop."""
        writer = await aiosqlite.connect(self.filename, isolation_level=None, check_same_thread=False)
        self._connection = writer
        writer.row_factory = sqlite3.Row
        for pragma, value in self.pragmas.items():
            await _set(writer, pragma, value)
        await self._post_connect()

    async def _settle_journal(self, connection: aiosqlite.Connection) -> None:
        """Change a new file to its journal mode. SQLite does not wait for that while another process, starting too, uses the file."""
        for left in reversed(range(JOURNAL_TRIES)):
            try:
                await _set(connection, "journal_mode", self.pragmas["journal_mode"])
                break
            except sqlite3.OperationalError:
                if not left:
                    raise
            await asyncio.sleep(JOURNAL_PAUSE)


class _InTheLoop:
    """The writing connection for the statements of a transaction: each runs at once, in the thread of the event loop.

    Handing one over to the driver's thread costs ten times what it takes. The transaction has the connection to itself, and what waits,
    for another process or for the disk, runs in the driver's thread.
    """

    def __init__(self, driver: aiosqlite.Connection, busy_timeout: int) -> None:
        self.driver = driver
        self._connection = driver._conn
        self._busy_timeout = busy_timeout

    def begin(self) -> bool:
        """Begin a transaction unless another process writes just now."""
        self._connection.execute("PRAGMA busy_timeout=0")
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        finally:
            self._connection.execute(f"PRAGMA busy_timeout={self._busy_timeout}")
        return True

    @property
    def total_changes(self) -> int:
        """Rows changed since the connection was opened."""
        return self._connection.total_changes

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._connection.in_transaction

    async def execute_fetchall(self, query: str, values: Sequence[Any] | None = None) -> list[sqlite3.Row]:
        """Every row of a statement."""
        return self._connection.execute(query, values or ()).fetchall()

    async def execute_insert(self, query: str, values: Sequence[Any] | None = None) -> tuple[int | None]:
        """The rowid of what was inserted, alone in its row as aiosqlite gives it."""
        return (self._connection.execute(query, values or ()).lastrowid,)

    async def executemany(self, query: str, values: Sequence[Sequence[Any]]) -> None:
        """Run a statement for each row of values."""
        self._connection.executemany(query, values)


class Transaction(OneTransaction, SqliteTransactionWrapper):
    """The writing connection for as long as one transaction lasts."""

    _connection: Any

    def refuse_unless_usable(self) -> None:
        """Raise TransactionManagementError also when SQLite has undone the transaction by itself, as it does when the disk is full."""
        super().refuse_unless_usable()
        if not self._connection.in_transaction:
            raise TransactionManagementError("SQLite has undone the transaction after an error: nothing of it was written.")

    async def read(self, query: str, values: Sequence[Any] = ()) -> Sequence[Sequence[Any]]:
        """Rows of a SELECT as tuples: what this transaction sees."""
        _, rows = await self.execute_query(query, list(values))
        return [tuple(row) for row in rows]

    def _in_transaction(self) -> TransactionContext:
        return NestedTransaction(Transaction(self), self)

    async def execute_script(self, query: str) -> None:
        """Run several statements inside the transaction; the driver's own way would commit it first."""
        for statement in _statements(query):
            await self.execute_query(statement)

    async def run(self, statement: str) -> str:
        """Run a statement that begins or ends something. IntegrityError or OperationalError, when SQLite refuses it."""
        connection = self._connection if "SAVEPOINT" in statement else self._connection.driver
        try:
            await connection.execute_fetchall(statement)
        except sqlite3.IntegrityError as error:
            raise IntegrityError(error) from error
        except sqlite3.Error as error:
            raise OperationalError(error) from error
        return statement

    async def begin(self) -> None:
        """Begin with the right to write. TransactionManagementError when another process holds it longer than busy_timeout."""
        if self._connection.begin():
            return
        try:
            await self.run("BEGIN IMMEDIATE")
        except OperationalError as error:
            raise TransactionManagementError(error) from error

    async def commit(self) -> None:
        """Commit. IntegrityError or OperationalError when SQLite refuses, and then the transaction is still open."""
        await self.run("COMMIT")


async def _set(connection: aiosqlite.Connection, pragma: str, value: object) -> None:
    await (await connection.execute(f"PRAGMA {pragma}={value}")).close()


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement


class _Outermost(OuterTransaction):
    def __init__(self, client: Transaction, lock: asyncio.Lock) -> None:
        super().__init__(client)
        self._lock = lock

    async def acquire(self) -> None:
        await self._lock.acquire()
        parent = self.client._parent
        try:
            if parent._connection is None:
                await parent.create_connection(with_db=True)
            self.client._connection = _InTheLoop(parent._connection, parent.pragmas["busy_timeout"])
        except BaseException:
            self._lock.release()
            raise

    async def release(self) -> None:
        self._lock.release()


client_class = Client
