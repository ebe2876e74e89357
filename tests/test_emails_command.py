"""`billgraph emails …` as an operator, and a mail server, runs it, each a process of its own."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from models import AuditEntry, Email, EmailAddress
from tests.emails.rows import email
from tests.emails.test_bouncing import report
from tests.test_cli import billgraph

DUE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DEAD: dict[str, Any] = {"status": "DEAD", "next_attempt_at": None, "attempts": 12, "error": "452 Mailbox full"}


@pytest.fixture
def command(database: None, database_url: str, tmp_path: Path) -> Any:
    surroundings = {"DATABASE_URL": database_url, "SANDBOX": "true", "LOG_LEVEL": "ERROR"}

    async def run(*arguments: str, **more: Any) -> tuple[int, str, str]:
        ended = await asyncio.to_thread(lambda: billgraph("emails", *arguments, var=tmp_path, **surroundings, **more))
        return ended.returncode, ended.stdout, ended.stderr

    return run


async def test_what_was_given_up_is_listed_and_sent_again(command: Any) -> None:
    sent = await email("pay_1", status="SENT", next_attempt_at=None, sent_at=DUE, attempts=1)
    waiting, stuck = await email("pay_2", next_attempt_at=DUE), await email("pay_3", **DEAD)
    erased = await email("pay_4", recipient=None, status="SUPPRESSED", next_attempt_at=None)  # type: ignore[arg-type]  # as erasure leaves it
    told = f"{stuck.id}  RECEIPT  pay_3  alice@example.test  DEAD  attempts 12\n    452 Mailbox full\n"
    others = f"{waiting.id}  RECEIPT  pay_2  alice@example.test  PENDING  attempts 0  next 2026-01-02 03:04:05Z\n"
    others += f"{sent.id}  RECEIPT  pay_1  alice@example.test  SENT  attempts 1\n"
    gone = f"{erased.id}  RECEIPT  pay_4  erased  SUPPRESSED  attempts 0\n"
    assert await command("list") == (1, gone + told + others, "billgraph: 4 e-mails listed, 1 given up\n")
    assert await command("list", "--status", "dead") == (1, told, "billgraph: 1 e-mails listed, 1 given up\n")
    before = datetime.now(UTC)
    assert await command("send-again", "--dead") == (0, f"{stuck.id}  is sent again\n", "billgraph: 1 of 1 e-mails\n")
    row = await Email.get(id=stuck.id)
    assert (row.status, row.attempts, row.error) == ("PENDING", 0, None)
    assert row.next_attempt_at is not None
    assert before <= row.next_attempt_at <= datetime.now(UTC)
    audited = await AuditEntry.get()
    assert (audited.actor, audited.action, audited.object_id) == ("cli", "email.send_again", stuck.id)
    code, out, said = await command("send-again", erased.id, waiting.id, "eml_none", "x" * 500)
    assert (code, said) == (1, "billgraph: 0 of 4 e-mails\n")
    refused = f"{erased.id}  Its recipient was erased.\n{waiting.id}  It waits to be sent already.\n"
    assert out == f"{refused}eml_none  There is no such e-mail.\n{'x' * 500}  There is no such e-mail.\n"
    assert await command("list", "--status", "dead") == (0, "", "billgraph: 0 e-mails listed, 0 given up\n")


async def test_what_is_not_said(command: Any) -> None:
    for arguments in (["send-again"], ["send-again", "eml_1", "--dead"]):
        assert await command(*arguments) == (2, "", "billgraph: Name e-mails, or say --dead.\n")
    assert await command("send-again", "é") == (2, "", "billgraph: Ids of e-mails have letters, digits and underscores.\n")


async def test_a_mail_server_pipes_what_came_back(command: Any) -> None:
    row = await email(status="SENT", next_attempt_at=None, sent_at=DUE)
    assert await command("bounce", stdin=report(row.id).decode()) == (0, "", f"billgraph: {row.id} came back\n")
    assert ((await Email.get(id=row.id)).status, (await EmailAddress.get()).address) == ("BOUNCED", "alice@example.test")
    assert await command("bounce", stdin="Subject: hello\n\n") == (0, "", "billgraph: this reports no failure of an e-mail of ours\n")
