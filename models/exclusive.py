"""One process at a time for work that takes longer than a transaction may: the lock goes with the process that holds it."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from models.database_url import connection_of

PAUSE = 0.1
"""Seconds between two attempts to take a lock that another process holds."""

_FOR_POOLS = {"minsize", "maxsize", "application_name"}

Attempt = Callable[[], Awaitable[bool]]


@asynccontextmanager
async def exclusive(url: str, key: int, waiting: Callable[[], None]) -> AsyncIterator[None]:
    """Hold the lock `key` of the database for the block; `waiting` is called once when another process holds it.

    On PostgreSQL an advisory lock of a connection of its own (which must lead to the server itself, not to a pooler of transactions), on
    SQLite a lock of a file beside the database's.
    """
    name, connection = connection_of(url)
    held = _file(f"{connection['credentials']['file_path']}.{key}.lock") if name == "sqlite" else _advisory(connection["credentials"], key)
    async with held as attempt:
        if not await attempt():
            waiting()
            while not await attempt():  # noqa: ASYNC110 - another process ends it
                await asyncio.sleep(PAUSE)
        yield


@asynccontextmanager
async def _file(path: str) -> AsyncIterator[Attempt]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    async def attempt() -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    try:
        yield attempt
    finally:
        os.close(handle)


@asynccontextmanager
async def _advisory(credentials: dict[str, Any], key: int) -> AsyncIterator[Attempt]:
    connection = await asyncpg.connect(**{name: value for name, value in credentials.items() if name not in _FOR_POOLS})

    async def attempt() -> bool:
        return bool(await connection.fetchval("SELECT pg_try_advisory_lock($1)", key))

    try:
        yield attempt
    finally:
        await connection.close()
