"""`python -m bench.statistics [sqlite|postgres ...]`: a year's statistics from kept sums, and in turn a grouped scan of the payments."""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bench.growth import BATCH, database
from models.database import client
from models.ids import Prefix, new_id
from resolvers.context import Context
from schema.schema import schema
from services.authentication import Role, Viewer
from services.billing import Billing
from services.statistics.folding import fold
from services.statistics.recounting import rebuild
from services.stripe_gateway import StripeGateway
from services.time_zones import zone_of
from settings import Settings

SIZE = 1_000_000
TIMES = 15
YEAR = timedelta(days=365)
CURRENCIES = ("USD", "EUR", "JPY")
COLUMNS = (
    "id", "created_at", "succeeded_at", "status", "failure_code", "amount", "amount_refunded", "currency", "quantity", "metadata",
    "disputed", "intent_version", "charge_version", "invoice_version",
)  # fmt: skip
ASK = """query($since: DateTime!, $until: DateTime!) { statistics(filter: {range: {since: $since, until: $until}}) {
  activeSubscriptions churnRate failureReasons { code count }
  currencies { currency gross { amount } net { amount } successRate averageSecondsToPay %s } } }"""
ASKED = {"without a series": "", "with the series": "series { date gross { amount } succeeded failed }"}
SCAN = {
    "sqlite": "SELECT currency, substr(succeeded_at, 1, 10) AS day, COUNT(*), SUM(amount) FROM payment "
    "WHERE status = 'SUCCEEDED' AND succeeded_at >= '{}' GROUP BY 1, 2",
    "postgres": "SELECT currency, succeeded_at::date AS day, COUNT(*), SUM(amount) FROM payment "
    "WHERE status = 'SUCCEEDED' AND succeeded_at >= '{}' GROUP BY 1, 2",
}


def payments(begun: datetime) -> Iterator[tuple[Any, ...]]:
    """Over a year, evenly; every hundredth failed."""
    for number in range(SIZE):
        moment, failed = begun + YEAR * number / SIZE, number % 100 == 0
        code = "card_declined" if failed else None
        paid = None if failed else moment + timedelta(seconds=60)
        status = "FAILED" if failed else "SUCCEEDED"
        told = (new_id(Prefix.PAYMENT, moment), moment, paid, status, code, 1900 + number % 90, 0, CURRENCIES[number % 3])
        yield (*told, 1, "{}", False, 0, 0, 0)


async def fill(begun: datetime) -> None:
    """Fill an empty database, and count it."""
    marks = ", ".join("?" * len(COLUMNS))
    statement = f"INSERT INTO payment ({', '.join(COLUMNS)}) VALUES ({marks})"  # noqa: S608 - fixed names
    rows = payments(begun)
    while part := [row for _, row in zip(range(BATCH), rows, strict=False)]:
        if client().capabilities.dialect == "sqlite":
            texts = [[str(value) if isinstance(value, datetime) else value for value in row] for row in part]
            await client().execute_many(statement, texts)
        else:
            async with client().acquire_connection() as connection:
                await connection.copy_records_to_table("payment", records=part, columns=COLUMNS)
    await rebuild("UTC")
    while await fold(zone_of("UTC"), BATCH // 10):
        pass
    await client().execute_script("ANALYZE")


async def measure(billing: Billing, engine: str, begun: datetime) -> dict[str, list[tuple[float, float]]]:
    """Milliseconds of the statistics and of the scan, in turn."""
    viewer, until = Viewer("bench", None, frozenset({Role.ADMIN})), begun + YEAR
    given = {"since": begun.isoformat(), "until": until.isoformat()}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ASKED}
    for _ in range(TIMES):
        for name, series in ASKED.items():
            began = time.perf_counter()
            result = await schema.execute(ASK % series, given, context_value=Context(billing, viewer, "bench"))
            told = time.perf_counter() - began
            if result.errors or not result.data or len(result.data["statistics"]["currencies"]) != len(CURRENCIES):
                raise RuntimeError(f"{result}")
            began = time.perf_counter()
            await client().read(SCAN[engine].format(begun.isoformat(" ")))
            found[name].append((told * 1e3, (time.perf_counter() - began) * 1e3))
    return found


async def compare(engine: str) -> None:
    """Print a line for each way of asking."""
    billing = Billing(Settings(stripe_secret_key=SecretStr("sk_test_bench")), StripeGateway(Settings()))
    begun = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - YEAR
    with tempfile.TemporaryDirectory() as name:
        async with database(engine, Path(name), SIZE):
            await fill(begun)
            for what, pairs in (await measure(billing, engine, begun)).items():
                ours, scan = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
                ratio = statistics.median(pair[1] / pair[0] for pair in pairs)
                print(f"{engine:<9} a year of {SIZE:,} payments, {what:<17} {ours:7.1f} ms   scan {scan:7.1f} ms   ratio {ratio:6.1f}")
    await billing.stripe.close()


if __name__ == "__main__":
    for chosen in sys.argv[1:] or ["sqlite", "postgres"]:
        asyncio.run(compare(chosen))
