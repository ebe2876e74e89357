"""`billgraph retention run` as cron runs it: what it says, and that it goes on after Ctrl+C and kill -9."""

import asyncio
import signal
from pathlib import Path

import pytest

from models import AuditEntry, CreditEntry, Payment, RetentionRun
from models.database import client
from services.statistics.recounting import rebuild
from tests.erasure.person import everything
from tests.reconciliation.command import Command, Running
from tests.retention.history import KEPT, OLD, WHOLE, history

CUSTOMERS = 40
LIMIT = 60.0


@pytest.fixture
def command(tmp_path: Path, database: str) -> Command:
    return Command(tmp_path / "var", database, "http://127.0.0.1:9")


def table(times: int) -> str:
    return "".join(f"{name:<22}{times * number:>10}\n" for name, number in sorted(WHOLE.items()))


async def test_it_counts_and_deletes(command: Command) -> None:
    await history(OLD)
    before, total = await everything(), sum(WHOLE.values())
    told = f"billgraph: {total} rows are older than they have to be kept; nothing was changed: without --dry-run they are deleted\n"
    assert tuple(await command.run("retention", "run", "--dry-run")) == (0, table(1), told)
    assert await everything() == before
    assert tuple(await command.run("retention", "run")) == (0, table(1), f"billgraph: {total} rows deleted\n")
    assert tuple(await command.run("retention", "run")) == (0, "", "billgraph: 0 rows deleted\n")


SLOW = {
    "sqlite": (
        """CREATE TRIGGER "slow" AFTER UPDATE OF "counts" ON "retention_run"
        BEGIN SELECT COUNT(*) FROM "customer" AS a, "customer" AS b, "customer" AS c, "customer" AS d; END""",
        'DROP TRIGGER "slow"',
    ),
    "postgres": (
        'CREATE FUNCTION "slow"() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.2); RETURN NULL; END $$',
        'CREATE TRIGGER "slow" AFTER UPDATE OF "counts" ON "retention_run" FOR EACH ROW EXECUTE FUNCTION "slow"()',
        'DROP TRIGGER "slow" ON "retention_run"',
    ),
}
"""What makes a batch last for a fifth of a second or so, that a run may be caught in the middle; and what ends that."""


async def halted(running: Running) -> int:
    """Halt the process once a first batch is committed, wherever it is then; how many rows were deleted."""
    async with asyncio.timeout(LIMIT):
        while not (row := await RetentionRun.all().first()) or not row.counts:  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.001)
    running.send(signal.SIGSTOP)
    row = await RetentionRun.get()
    assert row.status == "RUNNING"
    return sum(row.counts.values())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl+C"])
async def test_stopped_in_the_middle_the_same_command_goes_on(command: Command, engine: str, number: signal.Signals) -> None:
    for _ in range(CUSTOMERS):
        await history(OLD)
    kept = await history(KEPT)
    await rebuild("UTC")
    whole = CUSTOMERS * sum(WHOLE.values()) + 4  # the records of the year that is kept are too old as well
    *slow, quick = SLOW[engine]
    for statement in slow:
        await client().execute_query(statement)
    running = await command.start("retention", "run")
    before = await halted(running)
    running.send(number)
    running.send(signal.SIGCONT)
    ended = await running.end()
    row = await RetentionRun.get()
    stopped = sum(row.counts.values())
    assert row.status == "RUNNING"
    assert before <= stopped < whole
    if number is signal.SIGINT:
        assert ended.code == 130
        assert ended.told == f"billgraph: stopped: {stopped} rows deleted; go on: billgraph retention run\n"
    await client().execute_query(quick)
    again = await command.run("retention", "run")
    first, *_, last = again.told.splitlines()
    assert again.code == 0
    assert first == f"billgraph: going on where it was stopped, after {stopped} rows"
    assert last == f"billgraph: {whole} rows deleted"
    row = await RetentionRun.get()
    assert (row.status, sum(row.counts.values())) == ("DONE", whole)
    assert {payment.customer_id for payment in await Payment.all()} == {kept.customer.id}
    assert await CreditEntry.filter(description="Carried forward", amount=30).count() == CUSTOMERS
    assert await AuditEntry.filter(action="retention.run").count() == 1
    assert await rebuild("UTC", dry=True) == []
