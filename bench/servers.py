"""The two servers that are compared, each a real process over the same database."""

import asyncio
import os
import secrets
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
AUTH_SECRET = secrets.token_hex(32)
WEBHOOK_SECRET = f"whsec_{secrets.token_hex(16)}"
STARTING = 20.0


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(url: str, folder: Path, port: int) -> dict[str, str]:
    """The product's settings, and under BENCH_ what the baseline needs of them."""
    product = {
        "PORT": str(port),
        "DATABASE_URL": url,
        "BILLGRAPH_VAR": str(folder),
        "SANDBOX": "false",
        "ENVIRONMENT": "test",
        "STRIPE_SECRET_KEY": "sk_test_bench",
        "STRIPE_PUBLISHABLE_KEY": "pk_test_bench",
        "STRIPE_API_BASE": "http://127.0.0.1:9",
        "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "AUTH_SECRET": AUTH_SECRET,
        "ACCESS_LOG": "false",
        "LOG_LEVEL": "WARNING",
    }
    return {
        **os.environ,
        **product,
        "BENCH_URL": url,
        "BENCH_SECRET": AUTH_SECRET,
        "BENCH_WEBHOOK_SECRET": WEBHOOK_SECRET,
        "PYTHONPATH": str(ROOT),
    }


@asynccontextmanager
async def running(command: list[str], port: int, surroundings: dict[str, str]) -> AsyncIterator[int]:
    """A server process for as long as the block lasts; gives its port."""
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=surroundings, stdout=asyncio.subprocess.DEVNULL)
    try:
        await asyncio.wait_for(_listening(port, process), STARTING)
        yield port
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _listening(port: int, process: asyncio.subprocess.Process) -> None:
    while process.returncode is None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
            continue
        writer.close()
        return
    raise RuntimeError(f"the server ended with {process.returncode}")


def product_command() -> list[str]:
    """What `billgraph serve` is."""
    return [sys.executable, "-m", "cli", "serve"]


def baseline_command(port: int) -> list[str]:
    """The hand-written endpoints under the same HTTP server."""
    options = ["--http", "httptools", "--loop", "uvloop", "--no-access-log", "--log-level", "warning"]
    return [sys.executable, "-m", "uvicorn", "bench.baseline:app", "--port", str(port), *options]
