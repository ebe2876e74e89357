"""What the commands other than `serve` do in a process of their own. Each gives the exit code and tells the outcome in one line."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable

import uvloop
from asyncpg import PostgresError
from tortoise.exceptions import BaseORMException

from models.database import connect, disconnect, migrate, pending_migrations
from services.billing import Billing
from services.demo_catalogue import seed_demo
from services.errors import Refusal
from services.stripe_gateway import StripeGateway
from services.worker import work
from settings import Settings
from webhooks.handlers import HANDLERS

DATABASE_ERRORS = (OSError, PostgresError, BaseORMException)
"""What drivers raise when a database cannot be reached or refuses."""


def run_migrate(settings: Settings, *, check: bool) -> int:
    """Apply pending migrations, or with `check` only name them; 1 when some are pending or the database does not answer."""

    async def migrated() -> int:
        url = database_url(settings)
        names = await (pending_migrations(url) if check else migrate(url))
        for name in names:
            sys.stdout.write(f"{name}\n")
        _tell(f"{len(names)} migrations {'pending' if check else 'applied'}")
        return 1 if check and names else 0

    return run(migrated)


def run_seed(settings: Settings) -> int:
    """Fill the demo catalogue; 1 when Stripe or the sandbox does not answer."""

    async def seeded() -> int:
        return await with_billing(settings, _seed)

    return run(seeded)


def run_worker(settings: Settings) -> int:
    """Work until SIGTERM or SIGINT, then finish what is at hand."""

    async def worked() -> int:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        return await with_billing(settings, lambda billing: _work(billing, stop))

    return run(worked)


def run(action: Callable[[], Awaitable[int]]) -> int:
    """Run to its exit code; a database that does not answer is one line and 1, never a traceback."""

    async def guarded() -> int:
        try:
            return await action()
        except DATABASE_ERRORS as error:
            _tell(f"{explain_database(error)}")
            return 1

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(guarded())


def explain_database(error: Exception) -> str:
    """One line about a database that does not answer, without its address or the driver's words."""
    return f"The database does not answer ({type(error).__name__}): check DATABASE_URL."


async def with_billing(
    settings: Settings, action: Callable[[Billing], Awaitable[int]], gateway: Callable[[Settings], StripeGateway] = StripeGateway
) -> int:
    """Run with a connected database and an open way to Stripe, both closed afterwards."""
    billing = Billing(settings=settings, stripe=gateway(settings))
    try:
        await connect(database_url(settings))
        return await action(billing)
    finally:
        await disconnect()
        await billing.stripe.close()


def database_url(settings: Settings) -> str:
    """The database's address with its password; ValueError when there is none."""
    if settings.database_url is None:
        raise ValueError("Set DATABASE_URL.")
    return settings.database_url.get_secret_value()


async def _seed(billing: Billing) -> int:
    try:
        await seed_demo(billing)
    except Refusal as refusal:
        _tell(f"{refusal.message}")
        return 1
    return 0


async def _work(billing: Billing, stop: asyncio.Event) -> int:
    await work(billing, stop, HANDLERS)
    return 0


def _tell(line: str) -> None:
    sys.stderr.write(f"billgraph: {line}\n")
