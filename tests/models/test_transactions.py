"""Transactions end and give back what they hold, however their task is cancelled."""

import asyncio
import random
import re
import sqlite3
from contextlib import AsyncExitStack, closing, suppress

import asyncpg
import pytest
from tortoise.exceptions import DBConnectionError, IntegrityError, OperationalError, TransactionManagementError

from models import AuditEntry, Customer, postgres_backend
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


async def work(number: int) -> None:
    """A transaction, then two rows that stand or fall together, and a reading, outside of any that is visible here."""
    await write(number)
    await Customer.bulk_create([Customer(external_id=f"after-{number}-{place}", name="whole") for place in range(2)])
    assert len(await client().read('SELECT "id" FROM "audit_entry" LIMIT 1')) == 1


async def cancelled_somewhere(number: int, chance: random.Random) -> bool:
    """Whether the task came to its end before it was cancelled, once or twice."""
    task = asyncio.create_task(work(number))
    for _ in range(1 + (chance.random() < 0.3)):
        for _ in range(chance.randrange(120)):
            await asyncio.sleep(0 if chance.random() < 0.9 else chance.random() * 0.002)
        task.cancel()
    return (await asyncio.gather(task, return_exceptions=True))[0] is None


async def nothing_is_held(database: str) -> None:
    """Every connection is back and clean, and another process could write at once."""
    if database.startswith("sqlite"):
        assert not client()._lock.locked()
        assert not client()._connection.in_transaction
        with closing(sqlite3.connect(database.removeprefix("sqlite:///"), timeout=0, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
            assert other.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return
    pool = client()._pool
    assert pool.get_idle_size() == pool.get_size() <= 10
    other = await asyncpg.connect(database)
    try:
        left = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
        assert await other.fetchval(left) == 0
        assert await other.fetchval("SELECT count(*) FROM pg_locks WHERE relation = 'customer'::regclass") == 0
    finally:
        await other.close()


async def test_thousands_of_cancelled_transactions_leave_nothing_held_and_nothing_half_done(database: str) -> None:
    chance = random.Random(7)  # noqa: S311 - a reproducible choice, no secret
    ended: list[int] = []
    for first in range(0, CANCELS, AT_ONCE):
        numbers = range(first, first + AT_ONCE)
        answers = await asyncio.gather(*(cancelled_somewhere(number, chance) for number in numbers))
        ended += [number for number, whole in zip(numbers, answers, strict=True) if whole]
    await nothing_is_held(database)
    async with asyncio.timeout(20):
        await asyncio.gather(*(work(CANCELS + number) for number in range(15)))
    ended += range(CANCELS, CANCELS + 15)
    await nothing_is_held(database)
    assert 15 < len(ended) < CANCELS
    rows = {row.external_id: row for row in await Customer.all()}
    assert {row.name for row in rows.values()} == {"whole"}
    whole = {f"{name}-{number}{place}" for number in ended for name, place in (("customer", ""), ("after", "-0"), ("after", "-1"))}
    assert whole <= set(rows)
    halves = [{name.rpartition("-")[0] for name in rows if re.fullmatch(rf"after-\d+-{place}", name)} for place in range(2)]
    assert halves[0] == halves[1]
    created = {row.id for name, row in rows.items() if name.startswith("customer-")}
    assert created == {entry.object_id for entry in await AuditEntry.all()}


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


async def test_a_deadlock_can_be_begun_again(database: str, engine: str) -> None:
    """PostgreSQL undoes one of two that wait for each other; on SQLite the second cannot begin before the first has ended."""
    first, second = [await Customer.create(external_id=name) for name in ("first", "second")]
    met = asyncio.Barrier(2)

    async def lock_both(rows: list[Customer]) -> None:
        async with transaction():
            await Customer.select_for_update().get(id=rows[0].id)
            if engine == "postgres":
                await met.wait()
            await Customer.select_for_update().get(id=rows[1].id)
            await Customer.filter(id=rows[1].id).update(name="locked")

    answers = await asyncio.gather(lock_both([first, second]), lock_both([second, first]), return_exceptions=True)
    failed = [answer for answer in answers if answer is not None]
    assert [type(answer) for answer in failed] == ([OperationalError] if engine == "postgres" else [])
    await nothing_is_held(database)


@pytest.mark.parametrize("engine", ["postgres"], indirect=True)
async def test_waiting_for_a_connection_has_an_end(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_backend, "ACQUIRE_LIMIT", 0.2)
    async with AsyncExitStack() as stack:
        for _ in range(10):
            stack.push_async_callback(client().give_back, await client().take())
        with pytest.raises(DBConnectionError, match="No connection to PostgreSQL became free"):
            await Customer.all().count()
        with pytest.raises(DBConnectionError, match="No connection to PostgreSQL became free"):
            await write(1)
    await nothing_is_held(database)
    await write(1)


@pytest.mark.parametrize("engine", ["postgres"], indirect=True)
async def test_a_connection_that_breaks_in_a_transaction_is_replaced(database: str) -> None:
    with pytest.raises((OperationalError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)):  # noqa: PT012 - any of it
        async with transaction():
            await Customer.create(external_id="gone")
            (me,) = (await client().read("SELECT pg_backend_pid()"))[0]
            other = await asyncpg.connect(database)
            await other.execute(f"SELECT pg_terminate_backend({int(me)})")
            await other.close()
            await Customer.create(external_id="gone too")
    await write(1)
    await nothing_is_held(database)
    assert await Customer.filter(external_id__startswith="gone").count() == 0


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_a_transaction_that_sqlite_undoes_by_itself_writes_nothing_more(database: str) -> None:
    """SQLite rolls back when the disk is full; here the database may not grow any more."""
    await write(1)
    pages = (await client().execute_query_dict("PRAGMA page_count"))[0]["page_count"]
    await client().execute_query(f"PRAGMA max_page_count={pages}")
    with pytest.raises((OperationalError, TransactionManagementError)):  # noqa: PT012 - any of it
        async with transaction():
            for number in range(1000):
                with suppress(OperationalError):
                    await Customer.create(external_id=f"full-{number}", name="x" * 255)
    assert await Customer.filter(external_id__startswith="full").count() == 0
    await client().execute_query("PRAGMA max_page_count=1000000")
    await write(2)
    await nothing_is_held(database)
