"""kill -9 of the worker while payments come in and e-mails go out: none is lost, doubles have the same id, each object keeps its order."""

import asyncio
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest_asyncio

from models import Customer, Email, EmailStatus, Payment
from tests.emails.server import OK, MailServer, serving
from tests.mirror.conftest import shelf, shelf_server
from tests.mirror.objects import START, event, succeeded
from tests.mirror.shelf import Shelf
from tests.recovery.process import Process
from tests.webhooks.sending import SECRET, Sent, post

__all__ = ["shelf", "shelf_server"]

KILLS = 100 if os.environ.get("BILLGRAPH_SOAK") == "1" else 10
"""Of each engine."""

PAYMENTS, SENDERS = 60 * KILLS, 1
FEWEST, MOST = 1, 12
"""E-mails that a process has sent, under load, before it is killed in the middle of it."""

FURTHER = 2
"""E-mails about each payment, beside its welcome and its receipt."""

PAUSE = 0.4
"""Seconds between two payments."""

LIMIT = 300.0


@pytest_asyncio.fixture
async def server() -> AsyncIterator[MailServer]:
    async with serving() as made:
        yield made


@pytest_asyncio.fixture
async def processes(tmp_path: Path, database: str, shelf: Shelf, server: MailServer) -> AsyncIterator[Iterator[Process]]:
    made: list[Process] = []
    settings = {"STRIPE_WEBHOOK_SECRET": SECRET, "EMAIL_URL": f"smtp+plain://127.0.0.1:{server.port}", "EMAIL_FROM": "billing@acme.example"}

    def begin() -> Iterator[Process]:
        while True:
            made.append(Process(tmp_path / "var", database, shelf.base, **settings))
            yield made[-1]

    yield begin()
    for process in made:
        await process.kill()


async def plant() -> None:
    """Payments that wait for Stripe's word, each of its own customer."""
    customers = [Customer(external_id=f"user-{number}", email=f"user-{number}@example.test") for number in range(PAYMENTS)]
    await Customer.bulk_create(customers, batch_size=500)
    owners = enumerate(customers)
    rows = [Payment(customer_id=row.id, amount=4900, currency="USD", stripe_payment_intent_id=f"pi_{place}") for place, row in owners]
    await Payment.bulk_create(rows, batch_size=500)


def events() -> Iterator[Sent]:
    for number in range(PAYMENTS):
        yield event("payment_intent.succeeded", succeeded(id=f"pi_{number}", latest_charge=None, customer=None), START + number, number)


class Load:
    """Payments that succeed, each told until it is taken, and further mails about those that did."""

    def __init__(self) -> None:
        self.supply = events()
        self.heard: list[str] = []
        self.numbers = count(1)

    async def run(self, process: Process) -> None:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{process.port}", timeout=5) as sender:
            for one in self.supply:
                if await post(sender, one) != 200:
                    self.supply = iter([one, *self.supply])
                    return
                await self._write_on(one["data"]["object"]["id"])
                await asyncio.sleep(PAUSE)

    async def _write_on(self, intent: str) -> None:
        payment = await Payment.get(stripe_payment_intent_id=intent)
        first = await Email.filter(object_id=payment.id).order_by("position").first()
        assert first is not None
        told: dict[str, Any] = {
            "kind": "WELCOME",
            "object_id": payment.id,
            "recipient": first.recipient,
            "customer_id": payment.customer_id,
        }
        due = datetime.now(UTC)
        await Email.bulk_create(
            Email(**told, cause=f"further {next(self.numbers)}", position=place, next_attempt_at=due) for place in range(3, 3 + FURTHER)
        )
        self.heard.append(payment.id)


async def pass_time() -> None:
    """Let the pauses and the leases of who was killed be over."""
    await Email.filter(next_attempt_at__not_isnull=True).update(next_attempt_at=datetime.now(UTC) - timedelta(seconds=1))


def sometimes(random: Random) -> Any:
    return lambda *_: "451 4.3.0 Try again later" if random.random() < 0.1 else OK


async def mails(server: MailServer, number: int) -> None:
    async with asyncio.timeout(LIMIT):
        while len(server.taken) < number:
            await pass_time()
            await asyncio.sleep(0.05)


async def test_nothing_is_lost_and_each_object_keeps_its_order(processes: Iterator[Process], server: MailServer) -> None:
    random, load = Random(), Load()  # noqa: S311 - not a secret
    server.data = sometimes(random)
    await plant()
    for _ in range(KILLS):
        process = await next(processes).start()
        loading = [asyncio.create_task(load.run(process)) for _ in range(SENDERS)]
        await mails(server, len(server.taken) + random.randint(FEWEST, MOST))
        await process.kill()
        await asyncio.gather(*loading)
    await next(processes).start()
    async with asyncio.timeout(LIMIT):
        while await Email.filter(next_attempt_at__not_isnull=True).exists():
            await pass_time()
            await asyncio.sleep(0.2)
    await assert_whole(load, server)


async def assert_whole(load: Load, server: MailServer) -> None:
    """Every mail was taken under its one message id and says the same each time; of each payment the first comings are in order."""
    rows = await Email.all().order_by("object_id", "position")
    assert {row.status for row in rows} == {EmailStatus.SENT.value}
    paid = await Payment.filter(status="SUCCEEDED")
    assert set(load.heard) <= {payment.id for payment in paid}
    assert len(load.heard) > KILLS
    told = defaultdict(list)
    for row in rows:
        told[row.object_id].append(row.kind)
    assert {payment.id: told[payment.id][:2] for payment in paid} == {payment.id: ["WELCOME", "RECEIPT"] for payment in paid}
    subjects = defaultdict(set)
    for _, message in server.taken:
        subjects[str(message["Message-ID"])].add(str(message["Subject"]))
    assert {len(found) for found in subjects.values()} == {1}
    assert set(subjects) == {f"<{row.id}@acme.example>" for row in rows}
    first = list(dict.fromkeys(server.ids()))
    for payment in paid:
        ordered = [f"<{row.id}@acme.example>" for row in rows if row.object_id == payment.id]
        assert [one for one in first if one in set(ordered)] == ordered
