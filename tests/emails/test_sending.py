"""At least once, in order for each object and recipient, with growing pauses, until it is given up: by one worker or several."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from models import AuditEntry, Email, EmailAddress
from models.database import client
from models.statements import Dialect
from services.claiming import PAUSES, _due_text, claim
from services.emails.carrying import Letter, Unreachable
from services.emails.configuration import target_of
from services.emails.envelope import letter_of
from services.emails.keeping import count_dead, send_again
from services.emails.sending import EMAILS, Sending, bounce, carrier_to
from services.emails.smtp import SmtpCarrier
from services.emails.unsubscribing import PATH, row_of_token, unsubscribe_url
from services.structured_logging import hide
from settings import Settings
from tests.emails.rows import drained, email, make_due, once, said, settings_of, settings_with, statuses
from tests.emails.server import OK, MailServer, serving

NOW = timedelta(seconds=5)
"""How exactly times are compared with the clock."""


async def test_a_mail_is_sent_once_and_marked(database: str, server: MailServer) -> None:
    settings = settings_of(server, email_reply_to="help@acme.example", email_bounces_to="bounces@acme.example")
    row = await email()
    await drained(settings)
    ((to, message),) = server.taken
    assert (to, message["To"], message["From"]) == ("alice@example.test", "alice@example.test", "Acme Billing <billing@acme.example>")
    assert (message["Reply-To"], server.senders) == ("help@acme.example", ["bounces@acme.example"])
    assert (message["Message-ID"], message["Auto-Submitted"]) == (f"<{row.id}@acme.example>", "auto-generated")
    assert message["Date"].datetime == row.created_at.replace(microsecond=0)
    assert (message["Subject"], message.get_content().strip(), message["List-Unsubscribe"]) == ("pay_1 1", "RECEIPT", None)
    kept = await Email.get(id=row.id)
    assert (kept.status, kept.attempts, kept.error, kept.next_attempt_at) == ("SENT", 1, None, None)
    assert kept.sent_at is not None
    assert abs(datetime.now(UTC) - kept.sent_at) < NOW


@pytest.mark.parametrize("kind", ["WELCOME", "TRIAL_ENDING", "SALE", "SALE_REFUNDED"])
async def test_what_is_not_owed_can_be_unsubscribed_with_one_click(database: str, server: MailServer, kind: str) -> None:
    settings = settings_of(server)
    row = await email(kind=kind)
    await drained(settings)
    ((_, message),) = server.taken
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = str(message["List-Unsubscribe"])
    assert address.startswith(f"<https://billing.acme.example{PATH}")
    assert row_of_token(settings, address.strip("<>").rpartition("/")[2]) == row.id
    assert message.get_content().strip() == f"{kind} {address.strip('<>')}"


async def test_one_connection_serves_a_round(database: str, server: MailServer) -> None:
    for number in range(20):
        await email(f"pay_{number:02}")
    stop = asyncio.Event()
    settings = settings_of(server)
    assert await Sending(settings, target_of(settings) or settings.billgraph_var, said, stop).round() == 20
    assert (len(server.taken), server.connections) == (20, 1)
    await email("pay_later")
    stop.set()
    assert await Sending(settings, target_of(settings) or settings.billgraph_var, said, stop).round() == 0
    assert len(server.taken) == 20


def subjects(server: MailServer, object_id: str, to: str = "alice@example.test") -> list[str]:
    found = [str(message["Subject"]) for recipient, message in server.taken if recipient == to]
    return [one for one in found if one.startswith(f"{object_id} ")]


async def test_each_object_keeps_its_order_past_failures(database: str, server: MailServer) -> None:
    """The first of two objects is put off twice: nothing about it overtakes, and what goes to others, and about others, is not held up."""
    settings, failures = settings_of(server), {"pay_1 1": 2, "pay_1 3": 1}

    def data(message: EmailMessage) -> str:
        subject = str(message["Subject"])
        left = failures.get(subject, 0) if message["To"] == "alice@example.test" else 0
        failures[subject] = left - 1
        return "451 4.7.1 Greylisted, try again later" if left > 0 else OK

    server.data = data
    for position in (3, 1, 2):
        for object_id in ("pay_1", "pay_2"):
            await email(object_id, position)
    await email("pay_1", 1, "teacher@example.test")
    await drained(settings)
    assert [str(message["Subject"]) for _, message in server.taken if message["To"] == "alice@example.test"] == [
        "pay_2 1",
        "pay_2 2",
        "pay_2 3",
    ]
    assert await statuses() == [("FAILED", 1), ("PENDING", 0), ("PENDING", 0), ("SENT", 1), *[("SENT", 1)] * 3]
    assert (await Email.get(object_id="pay_1", position=1, recipient="alice@example.test")).error == "451 4.7.1 Greylisted, try again later"
    for _ in range(3):
        await make_due()
        await drained(settings)
    assert subjects(server, "pay_1") == ["pay_1 1", "pay_1 2", "pay_1 3"]
    assert len(server.ids()) == len(set(server.ids())) == 7


async def test_pauses_grow_over_three_days_and_then_it_is_dead_until_it_is_sent_again(database: str, server: MailServer) -> None:
    settings = settings_of(server)
    first, second = await email(), await email(position=2)
    server.data = lambda _: "452 4.2.2 Mailbox full"
    for attempt, pause in enumerate(PAUSES, 1):
        before = datetime.now(UTC)
        await once(settings)
        kept = await Email.get(id=first.id)
        assert (kept.status, kept.attempts, kept.error) == ("FAILED", attempt, "452 4.2.2 Mailbox full")
        assert kept.next_attempt_at is not None
        assert before + pause <= kept.next_attempt_at <= datetime.now(UTC) + pause
        await make_due()
    with capture_logs() as logs:
        await once(settings)
    written = [hide(None, "", dict(entry)) for entry in logs]  # and its id is not masked
    assert [(entry["event"], entry["mail"], entry["attempts"]) for entry in written] == [("email_dead", first.id, 12)]
    kept = await Email.get(id=first.id)
    assert (kept.status, kept.attempts, kept.next_attempt_at, await count_dead()) == ("DEAD", 12, None, 1)
    server.data = lambda _: OK
    await drained(settings)
    assert server.ids() == [f"<{second.id}@acme.example>"]  # what is dead holds nothing up
    assert await send_again(first.id) is None
    await drained(settings)
    assert server.ids() == [f"<{second.id}@acme.example>", f"<{first.id}@acme.example>"]
    audited = await AuditEntry.get(action="email.send_again")
    assert (audited.actor, audited.object_id) == ("cli", first.id)
    assert audited.changes == {"status": ["DEAD", "PENDING"], "attempts": [12, 0]}


async def test_a_crash_between_sending_and_marking_sends_the_same_again(database: str, server: MailServer) -> None:
    settings = settings_of(server)
    row = await email(kind="WELCOME")
    await email(position=2)
    (claimed,) = await claim(EMAILS, 9)
    target = target_of(settings)
    assert target is not None
    async with carrier_to(target) as carrier:
        await carrier.carry(
            letter_of(settings, claimed, await said(settings, claimed, unsubscribe_url(settings, claimed)))
        )  # and then it is killed
    assert await claim(EMAILS, 9) == []
    kept = await Email.get(id=row.id)
    assert kept.next_attempt_at is not None
    assert abs(kept.next_attempt_at - datetime.now(UTC) - EMAILS.lease) < NOW
    await make_due()
    await drained(settings)
    assert len(server.ids()) == 3
    assert server.ids()[:2] == [f"<{row.id}@acme.example>"] * 2
    assert server.raw[0] == server.raw[1]
    assert await statuses() == [("SENT", 2), ("SENT", 1)]


async def test_several_workers_share_what_is_due(database: str, server: MailServer) -> None:
    settings = settings_of(server)
    for number in range(120):
        await email(f"pay_{number % 40:02}", 1 + number // 40)
    await asyncio.gather(*(drained(settings) for _ in range(4)))
    await drained(settings)
    assert len(server.ids()) == len(set(server.ids())) == 120
    subjects = [str(message["Subject"]) for _, message in server.taken]
    for number in range(40):
        assert [one for one in subjects if one.startswith(f"pay_{number:02} ")] == [f"pay_{number:02} {place}" for place in (1, 2, 3)]


@pytest.mark.parametrize("engine", ["postgres"])
async def test_what_another_worker_is_just_claiming_is_passed_over(database: str) -> None:
    first, second = await email("pay_1"), await email("pay_2")
    other = await asyncpg.connect(database)
    async with asyncio.timeout(60), other.transaction():
        await other.execute("SELECT 1 FROM email WHERE id = $1 FOR NO KEY UPDATE", first.id)
        assert [row.id for row in await claim(EMAILS, 8)] == [second.id]
    await other.close()
    assert [row.id for row in await claim(EMAILS, 8)] == [first.id]


async def test_what_is_due_is_found_without_reading_what_was_sent_before(database: str, engine: str) -> None:
    now = datetime.now(UTC)
    told: dict[str, Any] = {"kind": "RECEIPT", "recipient": "alice@example.test", "position": 1}
    sent = {"status": "SENT", "sent_at": now, "next_attempt_at": None}
    rows = [Email(**told, cause=f"RECEIPT pay_{number}", object_id=f"pay_{number}", **sent) for number in range(3000)]
    await Email.bulk_create(rows, batch_size=500)
    due = await email("pay_due")
    if engine == "postgres":
        await client().execute_query("ANALYZE")
    values = [now if engine == "postgres" else str(now), 8]
    text = _due_text(Dialect(engine), EMAILS, False)
    plan = await client().execute_query_dict(f"EXPLAIN {'QUERY PLAN ' if engine == 'sqlite' else ''}{text}", values)
    shown = "\n".join(str(step) for step in plan)
    assert "email_waiting" in shown
    assert [word for word in ("Seq Scan", "SCAN own") if word in shown] == []
    assert [row.id for row in await claim(EMAILS, 8)] == [due.id]


async def test_who_comes_late_does_not_undo_what_another_did(database: str, server: MailServer) -> None:
    from services.claiming import put_off

    settings = settings_of(server)
    row = await email()
    (late,) = await claim(EMAILS, 1)
    await make_due()
    await drained(settings)
    assert await put_off(late, "It did not answer.") is False
    kept = await Email.get(id=row.id)
    assert (kept.status, kept.attempts, kept.error) == ("SENT", 2, None)


async def test_nobody_is_written_to_whose_mail_came_back(database: str, server: MailServer) -> None:
    settings = settings_of(server)
    server.rcpt = lambda address: "550 5.1.1 No such user here" if address.lower() == "alice@example.test" else OK
    first, later = await email(), await email("pay_2", recipient="Alice@Example.test")
    other = await email("pay_3", recipient="bob@example.test")
    await drained(settings)
    await drained(settings)
    assert [(to, message["Message-ID"]) for to, message in server.taken] == [("bob@example.test", f"<{other.id}@acme.example>")]
    kept = await Email.get(id=first.id)
    assert (kept.status, kept.error, kept.next_attempt_at) == ("BOUNCED", "550 5.1.1 No such user here", None)
    assert server.tried == ["alice@example.test", "bob@example.test"]
    suppressed = await Email.get(id=later.id)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert (suppressed.status, suppressed.error) == (
        "SUPPRESSED",
        f"Mail to this address came back on {today}: 550 5.1.1 No such user here",
    )
    server.rcpt = lambda _: OK
    assert await send_again(later.id) is None  # an operator knows better
    await drained(settings)
    assert [to for to, _ in server.taken] == ["bob@example.test", "Alice@Example.test"]
    assert (await EmailAddress.get(address="alice@example.test")).undeliverable_since is None


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("550 5.7.1 Relaying denied", "FAILED"),
        ("530 5.7.0 Authentication required", "FAILED"),
        ("554 5.7.1 Blocked, see https://list.example.test", "FAILED"),
        ("450 4.2.0 Greylisted", "FAILED"),
        ("550 No such user", "BOUNCED"),
        ("552 5.2.2 Mailbox full", "BOUNCED"),
        ("553 5.1.3 Bad address", "BOUNCED"),
    ],
)
async def test_what_a_server_says_of_a_recipient(database: str, server: MailServer, answer: str, status: str) -> None:
    """What is our own fault, or a matter of policy, says nothing about the address: it is tried again."""
    server.rcpt = lambda _: answer
    row = await email()
    await once(settings_of(server))
    kept = await Email.get(id=row.id)
    assert (kept.status, kept.error, await EmailAddress.all().count()) == (status, answer, int(status == "BOUNCED"))


@pytest.mark.parametrize(
    ("where", "answer", "status"),
    [
        ("data", "554 5.6.0 Message looks like spam", "DEAD"),
        ("data", "451 4.3.0 Try again later", "FAILED"),
        ("mail", "550 5.7.1 Sender not allowed", "FAILED"),
        ("mail", "552 5.3.4 Message too big", "DEAD"),
    ],
)
async def test_what_a_server_says_of_a_mail(database: str, server: MailServer, where: str, answer: str, status: str) -> None:
    setattr(server, where, lambda _: answer)
    row, later = await email(), await email("pay_2", recipient="bob@example.test")
    await once(settings_of(server))
    kept = await Email.get(id=row.id)
    assert (kept.status, kept.error, kept.attempts, await EmailAddress.all().count()) == (status, answer, 1, 0)
    assert (await Email.get(id=later.id)).status == status  # tried too: the connection is good for it
    assert server.connections == 1


async def test_what_is_not_true_any_more_is_not_sent(database: str, server: MailServer) -> None:
    async def nothing(*_: Any) -> None:
        return None

    row = await email()
    await drained(settings_of(server), nothing)
    kept = await Email.get(id=row.id)
    assert (kept.status, kept.error, server.tried) == ("SUPPRESSED", "What it would have said is not true any more.", [])


async def test_what_cannot_be_composed_stops_nothing_else(database: str, server: MailServer) -> None:
    async def compose(settings: Settings, row: Email, unsubscribe_url: str) -> EmailMessage:
        if row.object_id == "pay_1":
            raise LookupError("receipt.html:3: \x00no such \ud800 filter")
        return await said(settings, row, unsubscribe_url)

    row = await email()
    await email("pay_2")
    with capture_logs() as logs:
        await drained(settings_of(server), compose)
    assert [message["Subject"] for _, message in server.taken] == ["pay_2 1"]
    kept = await Email.get(id=row.id)
    assert (kept.status, kept.attempts, kept.error) == ("FAILED", 1, "LookupError: receipt.html:3: no such ? filter")
    assert [(entry["event"], entry["mail"]) for entry in logs] == [("email_not_composed", row.id), ("email_failed", row.id)]


async def test_what_cannot_be_handed_over_stops_nothing_else(database: str, server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    carry = SmtpCarrier.carry

    async def breaking(self: SmtpCarrier, letter: Letter) -> None:
        if letter.message["Subject"] == "pay_1 1":
            raise UnicodeEncodeError("ascii", "alice@example.test", 0, 1, "no \x00such letter")
        await carry(self, letter)

    monkeypatch.setattr(SmtpCarrier, "carry", breaking)
    row = await email()
    await email("pay_2")
    with capture_logs() as logs:
        await drained(settings_of(server))
    assert [message["Subject"] for _, message in server.taken] == ["pay_2 1"]
    kept = await Email.get(id=row.id)
    assert (kept.status, kept.attempts) == ("FAILED", 1)
    assert kept.error == "UnicodeEncodeError: 'ascii' codec can't encode character '\\x61' in position 0: no such letter"
    assert [(entry["event"], entry["mail"]) for entry in logs] == [("email_not_handed_over", row.id), ("email_failed", row.id)]


async def test_a_server_that_is_down_is_let_be_and_told_of_once(database: str, unused_tcp_port: int) -> None:
    settings = settings_with(f"smtp+plain://127.0.0.1:{unused_tcp_port}")
    for number in range(20):
        await email(f"pay_{number:02}")
    stop = asyncio.Event()
    target = target_of(settings)
    assert target is not None
    sending = Sending(settings, target, said, stop)
    with capture_logs() as logs:
        for _ in range(5):
            await sending.round()
    assert [(entry["event"], entry["mails"]) for entry in logs] == [("email_server_unreachable", 8)]
    assert (await statuses()).count(("FAILED", 1)) == 8
    assert (await statuses()).count(("PENDING", 0)) == 12
    async with serving(port=unused_tcp_port) as server:
        await make_due()
        await drained(settings)
    assert len(set(server.ids())) == len(server.ids()) == 20


async def test_a_server_that_stays_down_is_let_be_longer_each_time(database: str, unused_tcp_port: int) -> None:
    settings = settings_with(f"smtp+plain://127.0.0.1:{unused_tcp_port}")
    await email()
    target = target_of(settings)
    assert target is not None
    sending, rests = Sending(settings, target, said, asyncio.Event()), []
    for _ in range(8):
        await make_due()
        sending._again_at = 0.0
        await sending.round()
        rests.append(sending._rest)
    assert rests == [5, 10, 20, 40, 80, 160, 300, 300]


async def test_a_server_that_hangs_up_or_is_full_is_no_fault_of_the_mail(database: str, server: MailServer) -> None:
    server.rcpt = lambda _: "421 4.3.2 Shutting down"
    await email()
    await email("pay_2")
    with pytest.raises(Unreachable, match=r"^421 4\.3\.2 Shutting down$"):
        await once(settings_of(server))
    assert await statuses() == [("FAILED", 1), ("FAILED", 1)]
    assert server.tried == ["alice@example.test"]


async def test_a_slow_server_is_given_up_for_now(database: str, server: MailServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.emails.smtp.LIMIT", 0.5)
    server.hold = asyncio.Event()
    await email()
    with pytest.raises(Unreachable, match="did not answer within"):
        await once(settings_of(server))
    assert (await statuses(), server.taken) == ([("FAILED", 1)], [])
    server.hold.set()


async def test_who_stops_gives_back_what_was_not_tried(database: str, server: MailServer) -> None:
    stop = asyncio.Event()

    async def last(settings: Settings, row: Email, unsubscribe_url: str) -> EmailMessage:
        stop.set()
        return await said(settings, row, unsubscribe_url)

    for number in range(3):
        await email(f"pay_{number}")
    await once(settings_of(server), last, stop)
    assert await statuses() == [("SENT", 1), ("PENDING", 0), ("PENDING", 0)]
    await drained(settings_of(server))
    assert await statuses() == [("SENT", 1)] * 3
    assert len(server.taken) == len(set(server.ids())) == 3


async def test_who_is_erased_while_their_mail_comes_back_is_not_known(database: str, server: MailServer) -> None:
    row = await email()
    await Email.filter(id=row.id).update(recipient=None, next_attempt_at=None, status="SUPPRESSED")
    await bounce(row, "550 5.1.1 No such user")
    assert ((await Email.get(id=row.id)).status, await EmailAddress.all().count()) == ("BOUNCED", 0)


async def test_who_was_erased_is_not_written_to(database: str, server: MailServer) -> None:
    row = await email(recipient=None, status="SUPPRESSED", next_attempt_at=None)  # type: ignore[arg-type]  # as erasure leaves it
    await drained(settings_of(server))
    assert (server.tried, await send_again(row.id)) == ([], "Its recipient was erased.")
