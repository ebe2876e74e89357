"""`python -m bench.growth [sqlite|postgres ...]`: what a page of payments costs as the table grows, through the whole GraphQL schema."""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bench.postgres import running_postgres
from models import Customer
from models.database import client, connect, disconnect, migrate
from models.ids import Prefix, new_id
from resolvers.context import Context
from resolvers.paging import cursor_of
from schema.schema import schema
from services.authentication import Role, Viewer
from services.billing import Billing
from services.stripe_gateway import StripeGateway
from settings import Settings

SIZES = (1_000, 1_000_000)
TIMES = 300
CUSTOMERS = 100
BATCH = 20_000
COLUMNS = (
    "id", "created_at", "customer_id", "status", "amount", "amount_refunded", "currency", "quantity", "metadata", "intent_version",
    "charge_version", "invoice_version",
)  # fmt: skip
FIELDS = "nodes { id status amount { amount } createdAt } pageInfo { hasNextPage endCursor }"
PAGES = {
    "newest, own": (Role.CUSTOMER, f"{{ payments(first: 20) {{ {FIELDS} }} }}"),
    "in the middle, own": (Role.CUSTOMER, f"query($after: String) {{ payments(first: 20, after: $after) {{ {FIELDS} }} }}"),
    "newest, everybody's": (Role.SUPPORT, f"{{ payments(first: 20) {{ {FIELDS} }} }}"),
    "in the middle, everybody's": (Role.SUPPORT, f"query($after: String) {{ payments(first: 20, after: $after) {{ {FIELDS} }} }}"),
    "newest of a status": (Role.SUPPORT, f"{{ payments(first: 20, filter: {{status: [FAILED]}}) {{ {FIELDS} }} }}"),
}


def payments(customers: list[str], count: int) -> Iterator[tuple[Any, ...]]:
    """Rows a second apart, every hundredth failed."""
    begun = datetime.now(UTC) - timedelta(seconds=count)
    for number in range(count):
        moment = begun + timedelta(seconds=number)
        status = "SUCCEEDED" if number % 100 else "FAILED"
        yield (new_id(Prefix.PAYMENT, moment), moment, customers[number % CUSTOMERS], status, 1900, 0, "USD", 1, "{}", 0, 0, 0)


async def fill(count: int) -> str:
    """Fill an empty database; the id of the payment in the middle."""
    customers = [(await Customer.create(external_id=f"customer-{number}")).id for number in range(CUSTOMERS)]
    rows = list(payments(customers, count))
    marks = ", ".join("?" * len(COLUMNS))
    statement = f"INSERT INTO payment ({', '.join(COLUMNS)}) VALUES ({marks})"  # noqa: S608 - fixed names
    for first in range(0, count, BATCH):
        part = rows[first : first + BATCH]
        if client().capabilities.dialect == "sqlite":
            await client().execute_many(
                statement, [[str(value) if isinstance(value, datetime) else value for value in row] for row in part]
            )
        else:
            async with client().acquire_connection() as connection:
                await connection.copy_records_to_table("payment", records=part, columns=COLUMNS)
    await client().execute_script("ANALYZE")
    return str(rows[count // 2][0])


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, datetime) else value


async def measure(billing: Billing, middle: str) -> dict[str, float]:
    """Median microseconds of each page."""
    after = cursor_of(middle)
    return {name: await _median(billing, role, query, after) for name, (role, query) in PAGES.items()}


async def _median(billing: Billing, role: Role, query: str, after: str) -> float:
    taken = []
    for _ in range(TIMES):
        context = Context(billing, Viewer("customer-50", None, frozenset({Role.CUSTOMER, role})), "bench")
        begun = time.perf_counter()
        result = await schema.execute(query, {"after": after}, context_value=context)
        taken.append((time.perf_counter() - begun) * 1e6)
        if result.errors or not result.data or len(result.data["payments"]["nodes"]) < 5:
            raise RuntimeError(f"{query}: {result}")
    return statistics.median(taken)


@asynccontextmanager
async def database(engine: str, folder: Path, size: int) -> AsyncIterator[str]:
    """An empty, migrated database, connected; its address."""
    kept = nullcontext(f"sqlite:///{folder / f'{size}.sqlite3'}") if engine == "sqlite" else running_postgres(folder / f"postgres-{size}")
    with kept as url:
        await migrate(url)
        await connect(url)
        try:
            yield url
        finally:
            await disconnect()


async def compare(engine: str) -> None:
    """Print a line for each page."""
    found: list[dict[str, float]] = []
    billing = Billing(Settings(stripe_secret_key=SecretStr("sk_test_bench")), StripeGateway(Settings()))
    for size in SIZES:
        with tempfile.TemporaryDirectory() as name:
            async with database(engine, Path(name), size):
                found.append(await measure(billing, await fill(size)))
    for name in PAGES:
        small, large = (part[name] for part in found)
        print(f"{engine:<9} {name:<28} {SIZES[0]:>9,}: {small:6.0f} us   {SIZES[1]:>9,}: {large:6.0f} us   ratio {large / small:5.2f}")
    await billing.stripe.close()


if __name__ == "__main__":
    for chosen in sys.argv[1:] or ["sqlite", "postgres"]:
        asyncio.run(compare(chosen))
