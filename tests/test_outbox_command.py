"""`billgraph outbox …` as an operator runs it, each a process of its own."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from models import AuditEntry, OutboxEntry, OutboxKind
from tests.test_cli import billgraph

DUE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def command(database: None, database_url: str, tmp_path: Path) -> Any:
    surroundings = {"DATABASE_URL": database_url, "SANDBOX": "true", "LOG_LEVEL": "ERROR"}

    async def run(*arguments: str) -> tuple[int, str, str]:
        ended = await asyncio.to_thread(lambda: billgraph("outbox", *arguments, var=tmp_path, **surroundings))
        return ended.returncode, ended.stdout, ended.stderr

    return run


async def entry(kind: OutboxKind, due: datetime | None, attempts: int = 0, error: str | None = None) -> OutboxEntry:
    row = OutboxEntry(kind=kind.value, subject_id="inv_1", next_attempt_at=due, attempts=attempts, error=error)
    await row.save(force_create=True)
    return row


async def test_nothing_waits(command: Any) -> None:
    assert await command("list") == (0, "", "billgraph: 0 entries listed, 0 given up\n")
    assert await command("retry", "--given-up") == (0, "", "")


async def test_what_waits_is_listed_and_what_was_given_up_is_tried_again(command: Any) -> None:
    waiting = await entry(OutboxKind.CLOSE_CHECKOUTS, DUE)
    assert (await command("list"))[0] == 0
    stuck = await entry(OutboxKind.RETURN_EXCESS, None, 12, "CameBack: 9.00 USD was given back and came back.")
    told = f"{stuck.id}  RETURN_EXCESS  inv_1  attempts 12  next given up after 12 attempts\n    {stuck.error}\n"
    code, out, said = await command("list")
    assert (code, said) == (1, "billgraph: 2 entries listed, 1 given up\n")
    assert out == f"{told}{waiting.id}  CLOSE_CHECKOUTS  inv_1  attempts 0  next 2026-01-02 03:04:05Z\n"
    assert await command("list", "--given-up") == (1, told, "billgraph: 1 entries listed, 1 given up\n")
    before = datetime.now(UTC)
    assert await command("retry", "--given-up") == (0, f"{stuck.id}  is tried again\n", "billgraph: 1 of 1 entries\n")
    row = await OutboxEntry.get(id=stuck.id)
    assert (row.attempts, row.staged, row.error) == (0, 2, stuck.error)
    assert row.next_attempt_at is not None
    assert before <= row.next_attempt_at <= datetime.now(UTC)
    assert (await OutboxEntry.get(id=waiting.id)).next_attempt_at == DUE
    audited = await AuditEntry.get()
    assert (audited.actor, audited.action, audited.object_id) == ("cli", "outbox_entry.retry", stuck.id)
    assert audited.changes == {"kind": "RETURN_EXCESS", "subject": "inv_1", "attempts": [12, 0]}


async def test_what_was_settled_otherwise_is_dropped(command: Any) -> None:
    waiting, stuck = await entry(OutboxKind.CLOSE_CHECKOUTS, DUE), await entry(OutboxKind.RETURN_EXCESS, None, 12, "CameBack: 1 JPY")
    code, out, said = await command("discard", stuck.id, waiting.id)
    assert (code, out) == (1, f"{stuck.id}  is dropped\n{waiting.id}  there is no such entry\n")
    assert said == "billgraph: 1 of 2 entries\n"
    assert [row.id for row in await OutboxEntry.all()] == [waiting.id]
    audited = await AuditEntry.get()
    assert (audited.actor, audited.action, audited.object_id) == ("cli", "outbox_entry.discard", stuck.id)
    assert audited.changes == {"kind": "RETURN_EXCESS", "subject": "inv_1", "error": "CameBack: 1 JPY"}


async def test_what_is_not_there_and_what_is_not_said_are_told(command: Any) -> None:
    for name in ("obx_none", "x" * 500):
        assert await command("retry", name) == (1, f"{name}  there is no such entry\n", "billgraph: 0 of 1 entries\n")
    for arguments in (["retry"], ["retry", "obx_1", "--given-up"]):
        assert await command(*arguments) == (2, "", "billgraph: Name entries, or say --given-up.\n")
    for verb in ("retry", "discard"):
        assert await command(verb, "é") == (2, "", "billgraph: Ids of entries have letters, digits and underscores.\n")
