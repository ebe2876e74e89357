"""The sandbox's own SQLite file: objects (events are objects too), deliveries with their attempts, the clock, idempotent answers.

One thread owns the connection and runs one transaction after the other; an answer leaves only after its commit.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, created INTEGER NOT NULL,
    customer TEXT, parent TEXT, deleted INTEGER NOT NULL DEFAULT 0, body TEXT NOT NULL, private TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX IF NOT EXISTS objects_kind ON objects (kind, seq);
CREATE INDEX IF NOT EXISTS objects_customer ON objects (customer, kind, seq) WHERE customer IS NOT NULL;
CREATE INDEX IF NOT EXISTS objects_parent ON objects (parent, kind, seq) WHERE parent IS NOT NULL;
CREATE TABLE IF NOT EXISTS due (id TEXT PRIMARY KEY, at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS due_at ON due (at);
CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL UNIQUE, state TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS deliveries_pending ON deliveries (next_at, seq) WHERE state = 'pending';
CREATE TABLE IF NOT EXISTS attempts (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, at INTEGER NOT NULL, status INTEGER, answer TEXT NOT NULL,
    milliseconds INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS attempts_event ON attempts (event, seq);
CREATE TABLE IF NOT EXISTS clock (id INTEGER PRIMARY KEY CHECK (id = 1), moved INTEGER NOT NULL DEFAULT 0, target INTEGER);
INSERT OR IGNORE INTO clock (id) VALUES (1);
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, created INTEGER NOT NULL, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, request_id TEXT NOT NULL,
    body TEXT NOT NULL
);
"""


class Store:
    """One SQLite file (or ":memory:") with a thread of its own."""

    def __init__(self, path: Path | str) -> None:
        self._path = str(path)
        self._thread: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None

    async def open(self) -> None:
        """Open the file, in WAL, and make its tables where they are missing."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sandbox-store")
        await asyncio.get_running_loop().run_in_executor(self._thread, self._connect)

    async def close(self) -> None:
        """Finish what is running and close the file."""
        if self._thread is None:
            return
        await asyncio.get_running_loop().run_in_executor(self._thread, self._disconnect)
        self._thread.shutdown()
        self._thread = None

    async def transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in one transaction and return its result after the commit.

        An exception rolls everything back, except one with a true `keep`. Cancelling the caller stops nothing half way.
        """
        if self._thread is None:
            raise RuntimeError("the sandbox is not started: await start() first")
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._thread, self._transact, work))

    def _connect(self) -> None:
        if self._path != ":memory:":
            Path(self._path).parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path, isolation_level=None)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA busy_timeout = 5000")
        connection.executescript(_SCHEMA)
        self._connection = connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._connection
        if connection is None:
            raise RuntimeError("the sandbox's store is closed")
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(connection)
        except BaseException as error:
            connection.execute("COMMIT" if getattr(error, "keep", False) else "ROLLBACK")
            raise
        connection.execute("COMMIT")
        return result
