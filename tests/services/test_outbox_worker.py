"""Several workers share the outbox: each entry is done by one of them, and none waits for another's."""

import asyncio
from datetime import UTC, datetime, timedelta

from models import OutboxEntry, OutboxKind
from models.database import transaction
from services import outbox
from services.billing import Billing
from services.outbox_worker import LEASE, Tasks, drain

KIND = OutboxKind.CLOSE_CHECKOUTS


async def staged(count: int) -> list[str]:
    subjects = [f"inv_{number:02}" for number in range(count)]
    for subject in subjects:
        async with transaction():
            await outbox.stage(KIND, subject)
    return subjects


async def test_workers_at_once_do_each_entry_once(shop: Billing) -> None:
    subjects, seen = await staged(30), []

    async def task(_: Billing, subject: str) -> None:
        seen.append(subject)
        await asyncio.sleep(0.002)

    done = await asyncio.gather(*(drain(shop, {KIND: task}, 100) for _ in range(6)))
    assert sum(done) == 30
    assert sorted(seen) == subjects
    assert await OutboxEntry.all().count() == 0


async def test_a_worker_passes_over_what_another_has(shop: Billing) -> None:
    subjects, seen, begun, held = await staged(3), [], asyncio.Event(), asyncio.Event()

    async def slow(_: Billing, subject: str) -> None:
        seen.append(subject)
        begun.set()
        await held.wait()

    async def quick(_: Billing, subject: str) -> None:
        seen.append(subject)

    first = asyncio.create_task(drain(shop, {KIND: slow}, 1))
    await begun.wait()
    assert await drain(shop, {KIND: quick}, 100) == 2
    assert seen == subjects
    (left,) = await OutboxEntry.all()
    assert (left.subject_id, left.attempts) == (subjects[0], 1)
    assert left.next_attempt_at is not None
    assert timedelta() < LEASE - (left.next_attempt_at - datetime.now(UTC)) < LEASE
    held.set()
    assert await first == 1
    assert await OutboxEntry.all().count() == 0


async def test_an_entry_whose_worker_died_is_done_by_another_when_its_lease_is_over(shop: Billing) -> None:
    (subject,), seen = await staged(1), []

    async def dies(_: Billing, __: str) -> None:
        raise asyncio.CancelledError

    async def task(_: Billing, named: str) -> None:
        seen.append(named)

    tasks: Tasks = {KIND: task}
    assert await asyncio.gather(asyncio.create_task(drain(shop, {KIND: dies}, 1)), return_exceptions=True)
    assert await drain(shop, tasks, 100) == 0
    await OutboxEntry.all().update(next_attempt_at=datetime.now(UTC) - timedelta(seconds=1))
    assert await drain(shop, tasks, 100) == 1
    assert seen == [subject]


async def test_what_is_staged_again_while_it_is_done_is_done_once_more_by_the_next_round(shop: Billing) -> None:
    (subject,), seen = await staged(1), []

    async def task(_: Billing, named: str) -> None:
        seen.append(named)
        if len(seen) == 1:
            await staged(1)

    assert [await drain(shop, {KIND: task}, 100) for _ in range(3)] == [1, 1, 0]
    assert seen == [subject, subject]
