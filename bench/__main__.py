"""`python -m bench [sqlite|postgres ...]`: requests a second of the product and of hand-written endpoints, in turn, and their ratio."""

import asyncio
import hashlib
import hmac
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt

from bench.load import post, rate
from bench.postgres import running_postgres
from bench.rows import SUBJECT, fill, intent_id
from bench.servers import AUTH_SECRET, WEBHOOK_SECRET, baseline_command, environment, free_port, product_command, running
from services.stripe_gateway import API_VERSION

SECONDS = 3.0
ROUNDS = 5
WAITING = 120_000
PAGE = """query Page { payments(first: 20) { nodes { id status amount { amount currency } createdAt
refunds { id status amount { amount currency } } } pageInfo { hasNextPage } } }"""


def page_requests() -> tuple[bytes, bytes]:
    """The page asked of the product and of the baseline."""
    claims = {"sub": SUBJECT, "iss": "billgraph", "aud": "billgraph", "exp": datetime.now(UTC) + timedelta(hours=1), "roles": []}
    headers = {"Authorization": f"Bearer {jwt.encode(claims, AUTH_SECRET, 'HS256')}", "Content-Type": "application/json"}
    return post("/graphql", json.dumps({"query": PAGE}).encode(), headers), post("/page", b"{}", headers)


def event_requests(path: str, numbers: Iterator[int]) -> Iterator[bytes]:
    """Signed payment_intent.succeeded events, each of a payment of its own."""
    for number in numbers:
        body = json.dumps(_event(number)).encode()
        moment = str(int(time.time()))
        signature = hmac.new(WEBHOOK_SECRET.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
        yield post(path, body, {"Stripe-Signature": f"t={moment},v1={signature}", "Content-Type": "application/json"})


def _event(number: int) -> dict[str, object]:
    intent = {
        "id": intent_id(number), "object": "payment_intent",
        "amount": 100, "amount_received": 100, "currency": "eur",
        "status": "succeeded", "created": int(time.time()) - 5, "customer": None,
        "latest_charge": f"ch_bench_{number:08d}", "last_payment_error": None,
        "payment_method": None, "metadata": {}, "livemode": False,
    }  # fmt: skip
    return {
        "id": f"evt_bench_{number:08d}", "object": "event", "api_version": API_VERSION, "created": int(time.time()),
        "type": "payment_intent.succeeded", "livemode": False, "pending_webhooks": 1, "request": {"id": None, "idempotency_key": None},
        "data": {"object": intent},
    }  # fmt: skip


async def compare(engine: str, url: str, folder: Path) -> None:
    """Print a line for each thing measured on one engine."""
    await fill(url, WAITING)
    ports = free_port(), free_port()
    surroundings = environment(url, folder, ports[0])
    async with running(product_command(), ports[0], surroundings), running(baseline_command(ports[1]), ports[1], surroundings):
        ours, plain = page_requests()
        pairs = [(await rate(ports[0], ours, 16, SECONDS), await rate(ports[1], plain, 16, SECONDS)) for _ in range(ROUNDS)]
        report(engine, "page of 20 payments with refunds, 16 at once", pairs)
        numbers = iter(range(WAITING))
        for senders in (1, 32):
            pairs = [
                (
                    await rate(ports[0], event_requests("/webhooks/stripe", numbers), senders, SECONDS),
                    await rate(ports[1], event_requests("/webhook", numbers), senders, SECONDS),
                )
                for _ in range(ROUNDS)
            ]
            report(engine, f"webhook payment_intent.succeeded, {senders} at once", pairs)


def report(engine: str, what: str, pairs: list[tuple[float, float]]) -> None:
    """Medians of both, and the median of the ratios pair by pair."""
    ours, plain = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
    ratio = statistics.median(pair[0] / pair[1] for pair in pairs)
    print(f"{engine:<9} {what:<48} billgraph {ours:8.0f}/s   by hand {plain:8.0f}/s   ratio {ratio:5.2f}")


def main() -> None:
    """Measure on the engines named, both when none is."""
    for engine in sys.argv[1:] or ["sqlite", "postgres"]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            if engine == "sqlite":
                asyncio.run(compare(engine, f"sqlite:///{folder / 'bench.sqlite3'}", folder))
                continue
            with running_postgres(folder / "postgres") as url:
                asyncio.run(compare(engine, url, folder))


if __name__ == "__main__":
    main()
