"""The database of the process: connecting, transactions, migrations. What a URL may be, models.database_url says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tortoise import Tortoise, connections
from tortoise.backends.base.client import TransactionContext
from tortoise.context import TortoiseContext
from tortoise.migrations.executor import MigrationExecutor
from tortoise.transactions import in_transaction

from models.database_url import connection_of

PING_LIMIT = 2.0
"""Seconds that the database may take to answer a ping."""

MIGRATION_STATEMENT_LIMIT = 3600.0
"""Seconds that one statement of a migration may take: an index over a large table, or waiting for another process that migrates."""

MIGRATION_LOCK = 0x62696C6C
"""Key of the advisory lock under which migrations run."""

MODELS = [
    "models.allocation",
    "models.audit_entry",
    "models.checkout_session",
    "models.checkpoint",
    "models.credit",
    "models.customer",
    "models.delivery",
    "models.dispute",
    "models.email",
    "models.entitlement",
    "models.erasure",
    "models.event_destination",
    "models.idempotency_key",
    "models.invoice",
    "models.outbox_entry",
    "models.payment",
    "models.plan",
    "models.promotion_code",
    "models.receipt",
    "models.refund",
    "models.refund_request",
    "models.retention_run",
    "models.seller",
    "models.statistics",
    "models.subscription",
    "models.subscription_change",
    "models.webhook_event",
]


def tortoise_config(url: str) -> dict[str, Any]:
    """Tortoise's configuration for a URL. Raises InvalidDatabaseURL."""
    name, connection = connection_of(url)
    return {"connections": {name: connection}, "apps": _apps(name), "use_tz": True, "timezone": "UTC"}


def _apps(connection: str) -> dict[str, dict[str, Any]]:
    return {"models": {"models": MODELS, "default_connection": connection, "migrations": "models.migrations"}}


async def connect(url: str) -> None:
    """Connect every task of this process to the database."""
    await Tortoise.init(config=tortoise_config(url), _enable_global_fallback=True)
    await client().create_connection(with_db=True)


async def disconnect() -> None:
    """Close every connection."""
    await Tortoise.close_connections()


def client() -> Any:
    """What statements are sent through: the transaction that runs, or else the connections of the process. Has `read(sql, values)`."""
    (name,) = connections.db_config
    return connections.get(name)


def transaction() -> TransactionContext:
    """Begin a transaction: the block of `async with` commits at its end and rolls back when an exception or cancellation leaves it.

    Inside another one it is a savepoint. Savepoints of tasks beside each other take turns; what else such a task does while one is open
    raises TransactionManagementError, since it would be undone with it. A row is locked by `select_for_update()`: on PostgreSQL that row,
    on SQLite the whole file is, from the beginning of the transaction. A task begun inside must not outlive it:
    TransactionManagementError for what it does then, and for a commit while a savepoint is open or after an error that was swallowed.
    """
    return in_transaction()


async def ping() -> None:
    """Ask the database for an answer. TimeoutError when there is none in two seconds; whatever the driver raises otherwise."""
    async with asyncio.timeout(PING_LIMIT):
        await client().execute_query("SELECT 1")


async def migrate(url: str) -> list[str]:
    """Apply what is missing, all or nothing, and name it. Two processes at once: one does it, the other finds nothing to do."""
    async with _apart(url), transaction() as locked:
        if locked.capabilities.dialect == "postgres":
            await locked.execute_query("SELECT pg_advisory_xact_lock($1)", [MIGRATION_LOCK])
        executor = MigrationExecutor(locked, _apps(locked.connection_name))
        await executor.recorder.ensure_schema(executor._schema_editor(atomic=False))
        missing = [step.migration.name for step in await executor.plan()]
        await executor.migrate(direction="forward")
        return missing


async def pending_migrations(url: str) -> list[str]:
    """Names of the migrations that the database lacks."""
    async with _apart(url):
        executor = MigrationExecutor(client(), _apps(client().connection_name))
        return [step.migration.name for step in await executor.plan()]


@asynccontextmanager
async def _apart(url: str) -> AsyncIterator[None]:
    """A connection of its own, closed afterwards, that the process' other connections know nothing of."""
    config = tortoise_config(url)
    limits = {"sqlite": {"busy_timeout": int(MIGRATION_STATEMENT_LIMIT * 1000)}, "postgres": {"command_timeout": MIGRATION_STATEMENT_LIMIT}}
    for name, connection in config["connections"].items():
        connection["credentials"] |= limits[name]
    async with TortoiseContext() as context:
        await context.init(config=config)
        yield
