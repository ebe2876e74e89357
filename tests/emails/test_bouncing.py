"""Reports of mails that came back: as mail servers write them, and as somebody might who wants a mail stopped."""

from email import message_from_bytes, policy
from typing import Any

import pytest

from models import Email, EmailAddress
from services.emails.bouncing import take_report
from tests.emails.rows import email

POSTFIX = """Return-Path: <>
From: MAILER-DAEMON@mail.example.test (Mail Delivery System)
To: bounces@acme.example
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.test
X-Postfix-Queue-ID: 4B1C
Arrival-Date: Thu, 26 Nov 2026 06:00:00 +0000

Final-Recipient: rfc822; alice@example.test
Original-Recipient: rfc822;alice@example.test
Action: {action}
Status: {status}
Remote-MTA: dns; mx.example.test
Diagnostic-Code: smtp; 550 {status} <alice@example.test>: Recipient address
    rejected: User unknown

--b
Content-Type: {kind}

{returned}
--b--
"""
RETURNED = """From: Acme <billing@acme.example>
To: alice@example.test
Message-ID: <{id}@acme.example>
Subject: Receipt

Paid.
"""


def report(row_id: str, action: str = "failed", status: str = "5.1.1", kind: str = "message/rfc822", returned: str = RETURNED) -> bytes:
    text = POSTFIX.format(action=action, status=status, kind=kind, returned=returned.format(id=row_id))
    return text.replace("\n", "\r\n").encode()


async def sent(**more: Any) -> Email:
    from datetime import UTC, datetime

    return await email(**{"status": "SENT", "next_attempt_at": None, "sent_at": datetime.now(UTC), "attempts": 1, **more})


@pytest.mark.parametrize("kind", ["message/rfc822", "text/rfc822-headers", "message/global"])
async def test_a_lasting_failure_ends_mails_to_the_address(database: str, kind: str) -> None:
    row, other = await sent(), await sent(object_id="pay_2")
    assert await take_report(report(row.id, kind=kind)) == row.id
    reason = "5.1.1 smtp; 550 5.1.1 <alice@example.test>: Recipient address rejected: User unknown"
    kept = await Email.get(id=row.id)
    assert (kept.status, kept.error, kept.sent_at) == ("BOUNCED", reason, row.sent_at)
    known = await EmailAddress.get()
    assert (known.address, known.undeliverable_reason, known.unsubscribed) == ("alice@example.test", reason, [])
    assert known.undeliverable_since is not None
    assert (await Email.get(id=other.id)).status == "SENT"


async def test_a_passing_failure_says_nothing_about_the_address(database: str) -> None:
    row = await sent()
    assert await take_report(report(row.id, status="4.2.2")) == row.id
    assert ((await Email.get(id=row.id)).status, await EmailAddress.all().count()) == ("BOUNCED", 0)


@pytest.mark.parametrize("status", ["5.7.26", "5.7.1", "5.6.0", "5.3.4"])
async def test_a_failure_of_how_we_send_says_nothing_about_the_address(database: str, status: str) -> None:
    row = await sent()
    assert await take_report(report(row.id, status=status)) == row.id
    assert ((await Email.get(id=row.id)).status, await EmailAddress.all().count()) == ("BOUNCED", 0)


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", ""])
async def test_what_did_not_fail_changes_nothing(database: str, action: str) -> None:
    row = await sent()
    assert await take_report(report(row.id, action=action)) is None
    assert ((await Email.get(id=row.id)).status, await EmailAddress.all().count()) == ("SENT", 0)


async def test_what_names_no_mail_of_ours_changes_nothing(database: str) -> None:
    row = await sent()
    unknown = f"eml_{'0' * 26}"
    for content in (
        report(unknown),
        report("eml_short"),
        report(row.id, returned="To: alice@example.test\nSubject: of somebody who does not have our mail\n\n"),
        b"",
        b"\xff\x00" * 300,
        b"Subject: hello\r\n\r\nAction: failed\r\nMessage-ID: <" + row.id.encode() + b"@acme.example>\r\n",
        b"Content-Type: message/delivery-status\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n",
    ):
        assert await take_report(content) is None
    assert ((await Email.get(id=row.id)).status, await EmailAddress.all().count()) == ("SENT", 0)


async def test_a_report_without_the_mail_answers_to_it(database: str) -> None:
    row = await sent()
    content = report(row.id, kind="text/plain", returned="nothing").replace(
        b"Subject:", f"In-Reply-To: <{row.id}@acme.example>\r\nSubject:".encode(), 1
    )
    assert message_from_bytes(content, policy=policy.default)["In-Reply-To"] is not None
    assert await take_report(content) == row.id


async def test_who_was_erased_stays_unknown(database: str) -> None:
    row = await sent(recipient=None)
    assert await take_report(report(row.id)) == row.id
    assert ((await Email.get(id=row.id)).status, await EmailAddress.all().count()) == ("BOUNCED", 0)
