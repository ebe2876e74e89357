"""`python -m bench.exports [sqlite|postgres ...]`: a million payments as CSV, its memory at most, and in turn a file written by hand."""

import asyncio
import csv
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import asyncpg

from bench.growth import BATCH, database, fill

SIZE = 1_000_000
TIMES = 3
HAND = "SELECT * FROM payment LEFT JOIN customer ON customer.id = payment.customer_id ORDER BY payment.id"
MEASURED = """
import atexit, pathlib, runpy
status = pathlib.Path("/proc/self/status")
atexit.register(lambda: print(next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM"))))
runpy.run_module("cli", run_name="__main__")
"""
"""The command line, telling at its end the kilobytes that it held at most; what the system tells of a child counts its parent's too."""

COMMAND = (sys.executable, "-c", MEASURED, "export", "payments", "--format", "csv", "--output")


def exported(url: str, file: Path) -> tuple[float, float]:
    """Seconds that the command took, and the megabytes that its process held at most."""
    began = time.perf_counter()
    settings = {"DATABASE_URL": url, "BILLGRAPH_VAR": str(file.parent)}
    settings |= {"STRIPE_SECRET_KEY": "sk_test_bench", "STRIPE_WEBHOOK_SECRET": "whsec_bench"}
    ended = subprocess.run([*COMMAND, str(file)], env=os.environ | settings, capture_output=True, text=True, check=True)
    return time.perf_counter() - began, int(ended.stdout) / 1024


async def written(url: str, file: Path) -> float:
    """Seconds that one statement takes whose rows are written as they are."""
    began = time.perf_counter()
    if url.startswith("sqlite"):
        await asyncio.to_thread(_from_sqlite, url.removeprefix("sqlite:///"), file)
    else:
        await _from_postgres(url, file)
    return time.perf_counter() - began


def _from_sqlite(path: str, file: Path) -> None:
    connection = sqlite3.connect(path)
    with file.open("w", encoding="utf-8", newline="") as target:
        csv.writer(target).writerows(connection.execute(HAND))
    connection.close()


async def _from_postgres(url: str, file: Path) -> None:
    connection = await asyncpg.connect(url)
    with file.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target)
        async with connection.transaction():
            async for row in connection.cursor(HAND, prefetch=BATCH):
                writer.writerow(row)
    await connection.close()


async def compare(engine: str) -> None:
    """Print a line for the engine."""
    with tempfile.TemporaryDirectory() as name:
        async with database(engine, Path(name), SIZE) as url:
            await fill(SIZE)
            found = []
            for _ in range(TIMES):
                seconds, peak = await asyncio.to_thread(exported, url, Path(name) / "payments.csv")
                found.append((seconds, peak, await written(url, Path(name) / "by-hand.csv")))
    seconds, peak, hand = (sorted(column)[TIMES // 2] for column in zip(*found, strict=True))
    told = f"{engine:<9} {SIZE:,} payments as CSV {seconds:6.1f} s   at most {peak:4.0f} MB"
    print(f"{told}   by hand {hand:6.1f} s   ratio {hand / seconds:5.2f}")


if __name__ == "__main__":
    for chosen in sys.argv[1:] or ["sqlite", "postgres"]:
        asyncio.run(compare(chosen))
