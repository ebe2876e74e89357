"""`billgraph deliveries …` as an operator runs it, each a process of its own."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from models import AuditEntry, Delivery, EventDestination
from tests.models.sound_rows import sound_row
from tests.test_cli import billgraph

DUE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DEAD: dict[str, Any] = {"status": "DEAD", "next_attempt_at": None, "attempts": 12, "error": "It answered 500."}


@pytest.fixture
def command(database: None, database_url: str, tmp_path: Path) -> Any:
    surroundings = {"DATABASE_URL": database_url, "SANDBOX": "true", "LOG_LEVEL": "ERROR"}

    async def run(*arguments: str) -> tuple[int, str, str]:
        ended = await asyncio.to_thread(lambda: billgraph("deliveries", *arguments, var=tmp_path, **surroundings))
        return ended.returncode, ended.stdout, ended.stderr

    return run


async def delivery(to: EventDestination, position: int, **more: Any) -> Delivery:
    known: dict[str, Any] = {"event_id": f"bev_{position}", "event_type": "payment.succeeded", "object_id": "pay_1", "position": position}
    return await Delivery.create(destination=to, payload="{}", **known, **{"next_attempt_at": DUE, **more})


async def test_what_was_given_up_is_listed_and_sent_again(command: Any) -> None:
    to, gone = await sound_row(EventDestination), await sound_row(EventDestination)
    await EventDestination.filter(id=gone.id).update(secret=None, deleted_at=DUE)
    await delivery(to, 1, status="DELIVERED", next_attempt_at=None)
    waiting, stuck, left = await delivery(to, 2), await delivery(to, 3, **DEAD), await delivery(gone, 4, **DEAD)
    told = f"{stuck.id}  payment.succeeded  pay_1  {to.url}  DEAD  attempts 12  given up\n    It answered 500.\n"
    later = f"{waiting.id}  payment.succeeded  pay_1  {to.url}  PENDING  attempts 0  next 2026-01-02 03:04:05Z\n"
    assert await command("list") == (1, told + later, "billgraph: 2 deliveries listed, 1 given up\n")
    assert await command("list", "--dead") == (1, told, "billgraph: 1 deliveries listed, 1 given up\n")
    before = datetime.now(UTC)
    assert await command("redeliver", "--dead") == (0, f"{stuck.id}  is sent again\n", "billgraph: 1 of 1 deliveries\n")
    row = await Delivery.get(id=stuck.id)
    assert (row.status, row.attempts, row.event_id) == ("PENDING", 0, "bev_3")
    assert row.next_attempt_at is not None
    assert before <= row.next_attempt_at <= datetime.now(UTC)
    audited = await AuditEntry.get()
    assert (audited.actor, audited.action, audited.object_id) == ("cli", "delivery.redeliver", stuck.id)
    code, out, said = await command("redeliver", left.id, "dlv_none", "x" * 500)
    assert (code, said) == (1, "billgraph: 0 of 3 deliveries\n")
    refused = f"{left.id}  Its destination was deleted, or is not active.\n"
    assert out == f"{refused}dlv_none  There is no such delivery.\n{'x' * 500}  There is no such delivery.\n"
    assert (await Delivery.get(id=left.id)).status == "DEAD"


async def test_nothing_waits_and_what_is_not_said(command: Any) -> None:
    assert await command("list") == (0, "", "billgraph: 0 deliveries listed, 0 given up\n")
    assert await command("redeliver", "--dead") == (0, "", "")
    for arguments in (["redeliver"], ["redeliver", "dlv_1", "--dead"]):
        assert await command(*arguments) == (2, "", "billgraph: Name deliveries, or say --dead.\n")
    assert await command("redeliver", "é") == (2, "", "billgraph: Ids of deliveries have letters, digits and underscores.\n")
