"""kill -9 under a stream of events: what was answered 200 is in the database, applied once, and nothing is there by half."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from random import Random

import httpx
import pytest_asyncio

from models import AuditEntry, Payment, Subscription, WebhookEvent
from models.database import client
from tests.mirror.catalogue import plant
from tests.mirror.conftest import shelf, shelf_server
from tests.mirror.objects import START, event, subscription, succeeded
from tests.mirror.shelf import Shelf
from tests.recovery.process import Process
from tests.webhooks.sending import SECRET, Sent, insist, post

__all__ = ["shelf", "shelf_server"]

KILLS = 100 if os.environ.get("BILLGRAPH_SOAK") == "1" else 10
"""Of each engine."""

SENDERS = 8
PAYMENTS = 400 * KILLS
SUBSCRIPTIONS = 5
SHORTEST, LONGEST = 0.05, 0.4
"""Seconds that a process lives, under load, before it is killed."""


@pytest_asyncio.fixture
async def processes(tmp_path: Path, database: str, shelf: Shelf) -> AsyncIterator[Iterator[Process]]:
    made: list[Process] = []

    def begin() -> Iterator[Process]:
        while True:
            made.append(Process(tmp_path / "var", database, shelf.base, STRIPE_WEBHOOK_SECRET=SECRET))
            yield made[-1]

    yield begin()
    for process in made:
        await process.kill()


def events() -> Iterator[Sent]:
    """Payments that succeed, each its own, and now and then a newer word on one of a few subscriptions."""
    for number in count():
        if number % 10 == 0:
            told = subscription(id=f"sub_{number // 10 % SUBSCRIPTIONS}", quantity=1 + number // 10)
            yield event("customer.subscription.updated", told, START + number // 10, number)
        elif number < PAYMENTS:
            yield event("payment_intent.succeeded", succeeded(id=f"pi_{number}", latest_charge=None), START + number, number)


async def planted() -> None:
    ids = await plant()
    rows = [
        Payment(customer_id=ids.customer, amount=4900, currency="USD", stripe_payment_intent_id=f"pi_{number}")
        for number in range(PAYMENTS)
    ]
    await Payment.bulk_create(rows, batch_size=500)


class Stream:
    """What was sent, and what of it was answered 200."""

    def __init__(self) -> None:
        self.supply = events()
        self.sent: list[Sent] = []
        self.answered: set[str] = set()

    async def run(self, process: Process, seconds: float) -> None:
        """Send on several connections, and kill the process after some time, in the middle of it."""
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{process.port}", timeout=5) as sender:
            tasks = [asyncio.create_task(self._send(sender)) for _ in range(SENDERS)]
            await asyncio.sleep(seconds)
            await process.kill()
            await asyncio.gather(*tasks)

    async def _send(self, sender: httpx.AsyncClient) -> None:
        for one in self.supply:
            self.sent.append(one)
            status = await post(sender, one)
            if status is None:
                return
            assert status == 200
            self.answered.add(one["id"])


async def test_every_answered_event_is_applied_once(processes: Iterator[Process], engine: str) -> None:
    random, stream = Random(), Stream()  # noqa: S311 - not a secret
    await planted()
    await assert_durable(engine)
    for _ in range(KILLS):
        await stream.run(await next(processes).start(), random.uniform(SHORTEST, LONGEST))
    assert len(stream.answered) > 10 * KILLS
    await assert_nothing_by_half(stream.answered)

    process = await next(processes).start()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{process.port}", timeout=30) as sender:
        for place in range(0, len(stream.sent), 50):
            await asyncio.gather(*(insist(sender, one) for one in stream.sent[place : place + 50]))
    await assert_nothing_by_half({one["id"] for one in stream.sent})
    assert await WebhookEvent.all().count() == len(stream.sent)
    told = [one["data"]["object"] for one in stream.sent if one["type"].startswith("customer.subscription")]
    newest = {one["id"]: one["items"]["data"][0]["quantity"] for one in told}
    assert {row.stripe_subscription_id: row.quantity for row in await Subscription.all()} == newest


async def assert_durable(engine: str) -> None:
    question, answer = ("PRAGMA synchronous", 2) if engine == "sqlite" else ("SHOW synchronous_commit", "on")
    assert [tuple(row) for row in await client().read(question)] == [(answer,)]


async def assert_nothing_by_half(answered: set[str]) -> None:
    """Events, payments and audit entries tell the same story, and everything that was answered is part of it."""
    rows = await WebhookEvent.all()
    assert {row.status for row in rows} <= {"PROCESSED", "STALE"}
    assert answered <= {row.stripe_event_id for row in rows}
    told = sorted(str(row.object_id) for row in rows if row.type == "payment_intent.succeeded")
    paid = await Payment.filter(status="SUCCEEDED")
    assert sorted(str(row.stripe_payment_intent_id) for row in paid) == told
    entries = await AuditEntry.filter(action="payment.status")
    assert sorted(entry.object_id for entry in entries) == sorted(row.id for row in paid)
