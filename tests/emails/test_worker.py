"""The worker sends what is staged: what a customer, a seller and administrators find in their mailboxes."""

import asyncio
from email.message import EmailMessage
from pathlib import Path

from pydantic import SecretStr

from models import Email
from services.audit import Caller
from services.authentication import Role, Viewer
from services.worker import work
from tests.emails.server import MailServer
from tests.emails.story import ADMINS, TEACHER, story_in
from webhooks.handlers import HANDLERS

EVE = Caller(Viewer("eve", "eve@example.test", frozenset({Role.CUSTOMER})), "request")
LIMIT = 120.0


async def test_a_purchase_as_it_is_read(database: str, tmp_path: Path, server: MailServer) -> None:
    async with story_in(tmp_path, email_url=SecretStr(f"smtp+plain://127.0.0.1:{server.port}")) as story:
        await story.open()
        await story.buy()
        await story.buy("pm_card_createDispute", EVE)
        stop = asyncio.Event()
        working = asyncio.create_task(work(story.billing, stop, HANDLERS))
        async with asyncio.timeout(LIMIT):
            while await Email.filter(next_attempt_at__not_isnull=True).exists():  # noqa: ASYNC110 - rows have no event
                await asyncio.sleep(0.05)
        stop.set()
        await working
    assert {row.status for row in await Email.all()} == {"SENT"}
    read: dict[str, list[EmailMessage]] = {}
    for to, message in server.taken:
        read.setdefault(to, []).append(message)
    assert {to: len(found) for to, found in read.items()} == {"alice@example.test": 2, "eve@example.test": 2, TEACHER: 2} | dict.fromkeys(
        ADMINS, 1
    )
    welcome, receipt = read["alice@example.test"]
    assert welcome["List-Unsubscribe"] is not None
    assert receipt["List-Unsubscribe"] is None
    (attached,) = receipt.iter_attachments()
    assert (attached.get_content_type(), attached.get_content()[:5]) == ("application/pdf", b"%PDF-")
    for message in (*read["alice@example.test"], *read[TEACHER], *read[ADMINS[0]]):
        text, html = message.get_body(("plain",)), message.get_body(("html",))
        assert text is not None
        assert html is not None
        assert "Course" in text.get_content() or "dispute" in text.get_content().lower()
    for message in read[TEACHER]:
        assert "alice@example.test" not in message.as_string()
