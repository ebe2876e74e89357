"""Transactions end and give back what they hold, however their task is cancelled."""

import asyncio
import random
import sqlite3
from contextlib import suppress

import asyncpg
import pytest
from tortoise.exceptions import IntegrityError, TransactionManagementError

from models import AuditEntry, Customer
from models.database import client, transaction

CANCELS = 3000
AT_ONCE = 20


async def write(number: int) -> None:
    """Two rows that stand or fall together, with a savepoint and a lock between them."""
    async with transaction():
        customer = await Customer.create(external_id=f"customer-{number}")
        async with transaction():
            await AuditEntry.create(actor="test", action="customer.create", object_id=customer.id)
        await Customer.filter(id=customer.id).select_for_update().first()
        customer.name = "whole"
        await customer.save()


async def cancelled_somewhere(number: int, chance: random.Random) -> bool:
    """Whether the task came to its end before it was cancelled."""
    task = asyncio.create_task(write(number))
    for _ in range(chance.randrange(120)):
        await asyncio.sleep(0 if chance.random() < 0.9 else chance.random() * 0.002)
    task.cancel()
    return (await asyncio.gather(task, return_exceptions=True))[0] is None


async def test_thousands_of_cancelled_transactions_leave_nothing_held_and_nothing_half_done(database: str) -> None:
    chance = random.Random(7)  # noqa: S311 - a reproducible choice, no secret
    ended = 0
    for first in range(0, CANCELS, AT_ONCE):
        ended += sum(await asyncio.gather(*(cancelled_somewhere(number, chance) for number in range(first, first + AT_ONCE))))
    async with asyncio.timeout(20):
        await asyncio.gather(*(write(CANCELS + number) for number in range(15)))
    assert 0 < ended < CANCELS
    assert await Customer.filter(name=None).count() == 0
    assert await Customer.all().count() == await AuditEntry.all().count() >= ended + 15


async def test_a_failure_rolls_everything_back(database: str) -> None:
    async def fail() -> None:
        async with transaction():
            await Customer.create(external_id="gone")
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert await Customer.all().count() == 0


async def test_a_commit_that_the_database_refuses_rolls_back_and_lets_go(database: str) -> None:
    async def refused() -> None:
        async with transaction() as connection:
            await connection.execute_query('CREATE TABLE late ("of" TEXT REFERENCES customer (id) DEFERRABLE INITIALLY DEFERRED)')
            await Customer.create(external_id="gone")
            await connection.execute_query("INSERT INTO late VALUES ('cust_nobody')")

    with pytest.raises((IntegrityError, sqlite3.IntegrityError, asyncpg.ForeignKeyViolationError)):
        await refused()
    await write(1)
    assert [row.external_id for row in await Customer.all()] == ["customer-1"]


async def test_a_savepoint_undoes_only_its_own_part(database: str) -> None:
    async def collide() -> None:
        async with transaction():
            await Customer.create(external_id="undone")
            await Customer.create(external_id="kept")

    async with transaction():
        await Customer.create(external_id="kept")
        with pytest.raises(IntegrityError):
            await collide()
        await Customer.create(external_id="kept too")
    assert [row.external_id for row in await Customer.all().order_by("id")] == ["kept", "kept too"]


async def test_savepoints_of_one_transaction_take_turns(database: str) -> None:
    async def part(number: int) -> None:
        async with transaction():
            await Customer.create(external_id=f"part-{number}")
            await asyncio.sleep(0.001)
            if number % 2:
                raise LookupError

    async with transaction():
        await asyncio.gather(*(part(number) for number in range(10)), return_exceptions=True)
    assert {row.external_id for row in await Customer.all()} == {f"part-{number}" for number in range(0, 10, 2)}


async def test_a_task_that_outlives_its_transaction_is_refused(database: str) -> None:
    let_go = asyncio.Event()

    async def late() -> None:
        await let_go.wait()
        await Customer.create(external_id="late")

    async with transaction():
        task = asyncio.create_task(late())
    let_go.set()
    with pytest.raises(TransactionManagementError, match="has ended"):
        await task
    assert await Customer.all().count() == 0


async def test_reading_sees_what_is_committed_and_does_not_wait_for_a_writer(database: str) -> None:
    writing, read = asyncio.Event(), asyncio.Event()

    async def writer() -> None:
        async with transaction():
            await Customer.create(external_id="slow")
            writing.set()
            await read.wait()
            assert [tuple(row) for row in await client().read('SELECT "external_id" FROM "customer"')] == [("slow",)]

    await Customer.create(external_id="before")
    await Customer.filter(external_id="before").delete()
    task = asyncio.create_task(writer())
    await writing.wait()
    async with asyncio.timeout(5):
        assert list(await client().read('SELECT "external_id" FROM "customer"')) == []
    read.set()
    await task
    assert [tuple(row) for row in await client().read('SELECT "external_id" FROM "customer"')] == [("slow",)]


async def test_read_then_write_of_many_tasks_loses_nothing(database: str) -> None:
    customer = await Customer.create(external_id="counter")

    async def add() -> None:
        async with transaction():
            row = await Customer.filter(id=customer.id).select_for_update().get()
            row.stripe_version += 1
            await row.save()

    await asyncio.gather(*(add() for _ in range(60)))
    assert (await Customer.get(id=customer.id)).stripe_version == 60


async def test_savepoints_stand_inside_each_other(database: str) -> None:
    async def fail_at(depth: int) -> None:
        async with transaction():
            await Customer.create(external_id=f"depth-{depth}")
            if depth == 3:
                raise LookupError
            with suppress(LookupError):
                await fail_at(depth + 1)
            await Customer.create(external_id=f"depth-{depth}-after")

    async with asyncio.timeout(20):
        await fail_at(0)
    kept = [f"depth-{depth}{suffix}" for depth in range(3) for suffix in ("", "-after")]
    assert sorted([row.external_id for row in await Customer.all()]) == kept


async def test_what_would_be_undone_with_the_savepoint_of_another_task_is_refused(database: str) -> None:
    inside, refused = asyncio.Event(), asyncio.Event()

    async def savepoint() -> None:
        async with transaction():
            inside.set()
            await refused.wait()
            raise LookupError

    async with transaction():
        task = asyncio.create_task(savepoint())
        await inside.wait()
        with pytest.raises(TransactionManagementError, match="savepoint of this transaction is open"):
            await Customer.create(external_id="beside")
        refused.set()
        with pytest.raises(LookupError):
            await task
        await Customer.create(external_id="after")
    assert [row.external_id for row in await Customer.all()] == ["after"]


async def test_a_transaction_does_not_end_under_an_open_savepoint(database: str) -> None:
    inside, let_go = asyncio.Event(), asyncio.Event()

    async def savepoint() -> None:
        async with transaction():
            await Customer.create(external_id="half")
            inside.set()
            await let_go.wait()

    async def outer() -> asyncio.Task[None]:
        tasks = []
        with pytest.raises(TransactionManagementError, match="savepoint was still open"):  # noqa: PT012 - it is the end of the block that raises
            async with transaction():
                await Customer.create(external_id="outer")
                tasks.append(asyncio.create_task(savepoint()))
                await inside.wait()
        return tasks[0]

    task = await outer()
    let_go.set()
    with pytest.raises(TransactionManagementError, match="has ended"):
        await task
    assert await Customer.all().count() == 0
    await write(1)
    assert await Customer.all().count() == 1


async def test_a_swallowed_error_never_passes_for_a_commit(database: str, engine: str) -> None:
    async def swallow() -> None:
        async with transaction():
            await Customer.create(external_id="other")
            with suppress(IntegrityError):
                await Customer.create(external_id="taken")

    await Customer.create(external_id="taken")
    if engine == "sqlite":  # undoes the statement alone
        await swallow()
        assert await Customer.all().count() == 2
        return
    with pytest.raises(TransactionManagementError, match="was swallowed"):
        await swallow()
    assert [row.external_id for row in await Customer.all()] == ["taken"]
    await write(1)


async def test_a_task_that_waits_its_turn_while_the_transaction_ends_is_refused(database: str) -> None:
    held, asked, let_go = asyncio.Event(), asyncio.Event(), asyncio.Event()
    tasks: list[asyncio.Task[None]] = []

    async def hold() -> None:
        async with client().acquire_connection():
            held.set()
            await let_go.wait()

    async def late() -> None:
        await asked.wait()
        await Customer.create(external_id="late")

    async def block() -> None:
        async with transaction():
            tasks.extend([asyncio.create_task(hold()), asyncio.create_task(late())])
            await held.wait()

    ending = asyncio.create_task(block())
    await held.wait()
    for step in (asked, let_go):
        await asyncio.sleep(0.01)  # first the end of the block, then the late task comes to wait for its turn
        step.set()
    await ending
    with pytest.raises(TransactionManagementError, match="has ended"):
        await tasks[1]
    assert await Customer.all().count() == 0
