"""kill -9 of the worker while events come in and go out: no delivery is lost, doubles have the same id, each object keeps its order."""

import asyncio
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest_asyncio

from models import Delivery, EventDestination, Subscription
from services.deliveries.signing import new_secret
from tests.deliveries.receiver import BROKEN, OK, Receiver, receiving
from tests.mirror.catalogue import plant
from tests.mirror.conftest import shelf, shelf_server
from tests.mirror.objects import START, event, subscription
from tests.mirror.shelf import Shelf
from tests.recovery.process import Process
from tests.webhooks.sending import SECRET, Sent, post

__all__ = ["shelf", "shelf_server"]

KILLS = 100 if os.environ.get("BILLGRAPH_SOAK") == "1" else 10
"""Of each engine."""

SENDERS, SUBSCRIPTIONS = 4, 12
FEWEST, MOST = 1, 40
"""Posts that a process makes, under load, before it is killed in the middle of it."""

LIMIT = 60.0


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


@pytest_asyncio.fixture
async def processes(tmp_path: Path, database: str, shelf: Shelf) -> AsyncIterator[Iterator[Process]]:
    made: list[Process] = []

    def begin() -> Iterator[Process]:
        while True:
            made.append(Process(tmp_path / "var", database, shelf.base, STRIPE_WEBHOOK_SECRET=SECRET, EVENT_DESTINATIONS_PRIVATE="true"))
            yield made[-1]

    yield begin()
    for process in made:
        await process.kill()


def events() -> Iterator[Sent]:
    number = 0
    while True:
        told = subscription(id=f"sub_{number % SUBSCRIPTIONS}", quantity=1 + number // SUBSCRIPTIONS)
        yield event("customer.subscription.updated", told, START + number // SUBSCRIPTIONS, number)
        number += 1


async def send(process: Process, supply: Iterator[Sent]) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{process.port}", timeout=5) as sender:
        for one in supply:
            if await post(sender, one) != 200:
                return
            await asyncio.sleep(0.005)


async def pass_time() -> None:
    """Let the pauses and the leases of who was killed be over."""
    await Delivery.filter(next_attempt_at__not_isnull=True).update(next_attempt_at=datetime.now(UTC) - timedelta(seconds=1))


def sometimes(random: Random) -> Any:
    return lambda *_: BROKEN if random.random() < 0.1 else OK


async def posts(receiver: Receiver, number: int) -> None:
    async with asyncio.timeout(LIMIT):
        while len(receiver.seen) < number:
            await pass_time()
            await asyncio.sleep(0.02)


async def test_nothing_is_lost_and_each_object_keeps_its_order(processes: Iterator[Process], receiver: Receiver) -> None:
    random, supply = Random(), events()  # noqa: S311 - not a secret
    receiver.answer = sometimes(random)
    await plant()
    to = await EventDestination.create(url=receiver.url, secret=new_secret())
    for _ in range(KILLS):
        process = await next(processes).start()
        sending = [asyncio.create_task(send(process, supply)) for _ in range(SENDERS)]
        await posts(receiver, len(receiver.seen) + random.randint(FEWEST, MOST))
        await process.kill()
        await asyncio.gather(*sending)
    await next(processes).start()
    async with asyncio.timeout(LIMIT):
        while await Delivery.filter(next_attempt_at__not_isnull=True).exists():
            await pass_time()
            await asyncio.sleep(0.2)
    await assert_whole(to, receiver)


async def assert_whole(to: EventDestination, receiver: Receiver) -> None:
    """Every delivery was taken, by its one id and with its one body; of each object the first comings are in its order."""
    rows = await Delivery.filter(destination_id=to.id).order_by("position")
    assert len(rows) > KILLS
    assert {row.status for row in rows} == {"DELIVERED"}
    bodies = defaultdict(set)
    for headers, body in receiver.seen:
        bodies[headers["webhook-id"]].add(body.decode())
    assert bodies == {row.event_id: {row.payload} for row in rows}
    first = list(dict.fromkeys(one["id"] for one in receiver.taken))
    assert sorted(first) == sorted(row.event_id for row in rows)
    for subscription_id in {row.object_id for row in rows}:
        ordered = [row.event_id for row in rows if row.object_id == subscription_id]
        assert [one for one in first if one in set(ordered)] == ordered
    last = {row.object_id: row.payload for row in rows if row.event_type == "subscription.updated"}
    for row in await Subscription.filter(id__in=list(last)):
        assert f'"quantity": {row.quantity},' in last[row.id]
