"""DATABASE_URL taken apart.

`sqlite:///relative/path` or `sqlite:////absolute/path` (pragmas may follow as a query), or `postgres://user:password@host:port/name`
(asyncpg's options may follow, and libpq's `sslmode`). Nothing of a URL is repeated in an error: it holds a password.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

STATEMENT_LIMIT = 15.0
"""Seconds that one statement may take."""

BUSY_LIMIT = 10_000
"""Milliseconds that SQLite waits for another process to finish writing."""

WAL_KEPT = 67_108_864
"""Bytes that the write-ahead log keeps on disk: cut shorter after each checkpoint, growing again makes every commit slower."""

PRAGMAS: dict[str, Any] = {
    "journal_mode": "WAL",
    "synchronous": "FULL",
    "busy_timeout": BUSY_LIMIT,
    "cache_size": -65_536,
    "journal_size_limit": WAL_KEPT,
}

SMALL_CACHE = -4_096
"""Kibibytes, below zero as SQLite counts them."""

POOL = {"minsize": 1, "maxsize": 10}
"""PostgreSQL connections of one process."""

OPTIONS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "host": ("host", str),
    "port": ("port", int),
    "minsize": ("minsize", int),
    "maxsize": ("maxsize", int),
    "ssl": ("ssl", str),
    "sslmode": ("ssl", str),
    "timeout": ("timeout", float),
    "connect_timeout": ("timeout", float),
    "command_timeout": ("command_timeout", float),
    "statement_cache_size": ("statement_cache_size", int),
    "application_name": ("application_name", str),
}
"""What may follow a PostgreSQL URL, by asyncpg's and libpq's names, and what it is handed on as."""


class InvalidDatabaseURL(ValueError):
    """A URL that names no database; the text says what to write."""


def connection_of(url: str) -> tuple[str, dict[str, Any]]:
    """Tortoise's connection and its name, the engine's: Tortoise keeps the SQL that it built by name. Raises InvalidDatabaseURL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise InvalidDatabaseURL("its host is not well-formed") from None
    if parts.scheme == "sqlite":
        return "sqlite", {"engine": "models.sqlite_backend", "credentials": _sqlite(url, parts)}
    if parts.scheme in {"postgres", "postgresql"}:
        return "postgres", {"engine": "models.postgres_backend", "credentials": _postgres(parts)}
    raise InvalidDatabaseURL("it must begin with sqlite:/// or postgres://")


def read_once(url: str) -> str:
    """The same database for whoever reads each row once: a cache of SQLite's pages only costs memory then. Its own options stay."""
    path, _, options = url.partition("?")
    return "?".join([path, "&".join(filter(None, [f"cache_size={SMALL_CACHE}", options]))]) if path.startswith("sqlite:") else url


def _sqlite(url: str, parts: SplitResult) -> dict[str, Any]:
    path = unquote(url.partition("?")[0].removeprefix("sqlite:///"))
    if not url.startswith("sqlite:///") or not path or path == ":memory:":
        raise InvalidDatabaseURL("after sqlite:/// comes the path of a file")
    return {"file_path": path, **PRAGMAS, **dict(parse_qsl(parts.query))}


def _postgres(parts: SplitResult) -> dict[str, Any]:
    try:
        port = parts.port
    except ValueError:
        raise InvalidDatabaseURL("its port is no number: write / ? # @ : and % of a password as %2F %3F %23 %40 %3A %25") from None
    database = unquote(parts.path.lstrip("/"))
    if not database:
        raise InvalidDatabaseURL("the name of a database is missing after the host")
    return {
        "host": parts.hostname or "127.0.0.1",
        "port": port or 5432,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password) if parts.password else None,
        "database": database,
        "command_timeout": STATEMENT_LIMIT,
        "server_settings": {"application_name": "billgraph", "timezone": "UTC"},
        **POOL,
        **_options(parts.query),
    }


def _options(query: str) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for name, value in parse_qsl(query):
        if name not in OPTIONS:
            raise InvalidDatabaseURL(f"of options it takes {', '.join(OPTIONS)}")
        handed, convert = OPTIONS[name]
        try:
            options[handed] = convert(value)
        except ValueError:
            raise InvalidDatabaseURL(f"its option {name} must be a number") from None
    return options
