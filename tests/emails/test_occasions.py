"""Every kind of mail comes of a real story, once, in the transaction that makes it so; and what is old, or told again, mails nobody."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from models import (
    BillingInterval,
    CheckoutSession,
    Customer,
    Delivery,
    Email,
    EventDestination,
    OutboxEntry,
    OutboxKind,
    Payment,
    PlanKind,
    Price,
    Subscription,
    WebhookEvent,
)
from models.database import transaction
from sandbox.submission import Buyer
from services.audit import Caller
from services.authentication import Role, Viewer
from services.catalogue import PlanTerms, PriceTerms, save_plan
from services.checkout import create_checkout_session
from services.claiming import PAUSES
from services.deliveries.events import trial_will_end
from services.deliveries.posting import NotTaken
from services.deliveries.sending import _put_off
from services.emails.messages import message_of
from services.emails.occasions import occasions_of
from services.emails.staging import stage_emails
from services.inbox import MAX_ATTEMPTS, receive
from services.outbox_worker import MAX_ATTEMPTS as MOST_TRIES
from services.outbox_worker import drain
from services.reconciliation import Finding, reconcile
from services.refund_requests import Asked, approve_refund_request, reject_refund_request, request_refund, withdraw_refund_request
from services.refunds import create_refund
from services.row_change import Change
from services.stripe_event import read_event
from services.stripe_fields import UnknownShape
from services.subscriptions import cancel_subscription, resume_subscription
from tests.emails.rows import drained
from tests.emails.story import ADMINS, CREDITS, TEACHER, Story, mails, story_in
from tests.lifetimes.world import DAY, DECLINED, GOOD
from tests.models.sound_rows import sound, sound_row
from tests.services.shop import ALICE, BOB, SUPPORT, checkout, price_of, refund
from tests.services.subscribers import MONTHLY, mine
from webhooks.handlers import HANDLERS

BUYER = "alice@example.test"
YEARLY: dict[str, Any] = {"plan_code": "pro", "currency": "USD", "interval": BillingInterval.YEAR}


@pytest_asyncio.fixture
async def story(database: str, tmp_path: Path) -> AsyncIterator[Story]:
    """At its end every mail is said and sent: of each kind that came of it there is something to say."""
    async with story_in(tmp_path) as made:
        await made.open()
        yield made
        await drained(made.billing.settings, message_of)
        rows = await Email.all()
        assert [(row.kind, row.error) for row in rows if row.status not in {"SENT", "SUPPRESSED"}] == []
        files = {path.stem for path in (tmp_path / "mails").glob("*.eml")}
        assert files == {row.id for row in rows if row.status == "SENT"}


async def known() -> list[str]:
    return [row.id for row in await Email.all()]


async def test_a_purchase_its_refund_and_what_is_asked(story: Story) -> None:
    payment = await story.buy()
    bought = [("WELCOME", BUYER, payment.id), ("RECEIPT", BUYER, payment.id), ("SALE", TEACHER, payment.id)]
    assert await mails() == bought
    rows = await Email.all().order_by("id")
    alice = await Customer.get(external_id="alice")
    assert [(row.position, row.status, row.attempts, row.customer_id, row.seller_id) for row in rows] == [
        (1, "PENDING", 0, alice.id, None),
        (2, "PENDING", 0, alice.id, None),
        (1, "PENDING", 0, None, payment.seller_id),
    ]
    before = await known()
    done = await create_refund(story.billing, SUPPORT, refund(payment, 10_000), "key")
    await story.settle()
    assert await mails(*before) == [("REFUND_CONFIRMED", BUYER, done.object_id), ("SALE_REFUNDED", TEACHER, done.object_id)]
    before = await known()
    first = await request_refund(ALICE, Asked(payment.id, "It broke", 500), None)
    await withdraw_refund_request(ALICE, first.object_id, None)
    assert await mails(*before) == []
    second = await request_refund(ALICE, Asked(payment.id, "Still", 500), None)
    await reject_refund_request(story.billing, SUPPORT, second.object_id, "No", None)
    third = await request_refund(ALICE, Asked(payment.id, "Please", 500), None)
    await approve_refund_request(story.billing, SUPPORT, third.object_id, None, None)
    await story.settle()
    told = await mails(*before)
    assert told[:2] == [("REFUND_REQUEST_DECIDED", BUYER, second.object_id), ("REFUND_REQUEST_DECIDED", BUYER, third.object_id)]
    assert [kind for kind, _, _ in told[2:]] == ["REFUND_CONFIRMED", "SALE_REFUNDED"]
    before = await known()
    again = await story.buy(terms=CREDITS)  # nobody is welcomed twice
    assert await mails(*before) == [("RECEIPT", BUYER, again.id)]


async def test_a_declined_card(story: Story) -> None:
    payment = await story.buy("pm_card_chargeDeclined")
    assert await mails() == [
        ("PAYMENT_FAILED", BUYER, payment.id),
        *(("ADMIN_PAYMENT_FAILED", admin, payment.id) for admin in ADMINS),
    ]


async def test_a_refund_that_fails_after_it_was_confirmed(story: Story) -> None:
    payment = await story.buy("pm_card_refundFail")
    before = await known()
    done = await create_refund(story.billing, SUPPORT, refund(payment, 10_000), "key")
    await story.settle()
    told = [("REFUND_CONFIRMED", BUYER, done.object_id), ("SALE_REFUNDED", TEACHER, done.object_id)]
    assert await mails(*before) == told
    await story.advance(120)
    assert await mails(*before) == [*told, *(("ADMIN_REFUND_FAILED", admin, done.object_id) for admin in ADMINS)]


async def test_a_trial_its_end_and_the_end_of_a_subscription(story: Story) -> None:
    subscription = await story.join(**YEARLY)
    assert await mails() == [("WELCOME", BUYER, subscription.id), ("SUBSCRIPTION_STARTED", BUYER, subscription.id)]
    before = await known()
    await story.advance(11 * DAY + 60)
    assert await mails(*before) == [("TRIAL_ENDING", BUYER, subscription.id)]
    before = await known()
    await story.advance(3 * DAY)
    assert [kind for kind, _, _ in await mails(*before)] == ["RECEIPT"]
    before = await known()
    await cancel_subscription(story.billing, mine(subscription), at_period_end=True)
    await story.settle()
    assert await mails(*before) == [("SUBSCRIPTION_ENDING", BUYER, subscription.id)]
    await resume_subscription(story.billing, mine(subscription))
    await story.settle()
    await story.advance(DAY)
    await cancel_subscription(story.billing, mine(subscription), at_period_end=True)
    await story.settle()
    assert [kind for kind, _, _ in await mails(*before)] == ["SUBSCRIPTION_ENDING"] * 2
    before = await known()
    await story.advance(366 * DAY)
    assert await mails(*before) == [("SUBSCRIPTION_ENDED", BUYER, subscription.id)]


async def test_an_end_that_was_planned_from_the_beginning_is_told_when_it_is_there(story: Story) -> None:
    """Instalments end by themselves: that was bought so. Where they are to end sooner, that is told."""
    terms = PriceTerms("USD", 5_000, BillingInterval.MONTH, 1, instalments=3)
    await save_plan(story.billing, PlanTerms(code="parts", kind=PlanKind.SUBSCRIPTION, name="In parts", prices=(terms,)))
    subscription = await story.join(plan_code="parts", currency="USD", interval=BillingInterval.MONTH)
    assert subscription.cancel_at is not None
    assert sorted(kind for kind, _, _ in await mails()) == ["RECEIPT", "SUBSCRIPTION_STARTED", "WELCOME"]
    before = await known()
    ends: Any = {"cancel_at": int(subscription.cancel_at.timestamp()) - 40 * DAY, "proration_behavior": "none"}
    stripe_id = subscription.stripe_subscription_id
    await story.billing.stripe.call("end", lambda client: client.v1.subscriptions.update_async(stripe_id, ends))
    await story.settle()
    assert await mails(*before) == [("SUBSCRIPTION_ENDING", BUYER, subscription.id)]
    before = await known()
    await story.advance(100 * DAY)
    assert [kind for kind, _, _ in await mails(*before)] == ["RECEIPT", "SUBSCRIPTION_ENDED"]


async def test_a_renewal_that_fails_is_told_once(story: Story) -> None:
    subscription = await story.join(**MONTHLY)
    assert sorted(kind for kind, _, _ in await mails()) == ["RECEIPT", "SUBSCRIPTION_STARTED", "WELCOME"]
    before = await known()
    await story.new_card({"id": subscription.stripe_subscription_id, "customer": (await customer()).stripe_customer_id}, DECLINED)
    await story.advance(32 * DAY)
    told = await mails(*before)
    assert [one for one in told if one[1] == BUYER] == [("SUBSCRIPTION_PAYMENT_FAILED", BUYER, subscription.id)]
    assert [kind for kind, to, _ in told if to in ADMINS] == ["ADMIN_PAYMENT_FAILED"] * 2
    await story.advance(4 * DAY)  # charged again, in vain
    assert await mails(*before) == told


async def customer(external_id: str = "alice") -> Customer:
    return await Customer.get(external_id=external_id)


async def test_a_trial_before_instalments_is_told_to_end_though_they_end_as_well(story: Story) -> None:
    price = await price_of("pro", "USD", BillingInterval.YEAR)
    await Price.filter(id=price.id).update(instalments=2)
    subscription = await story.join(**YEARLY)
    assert subscription.trial_ends_at is not None
    ends = (await Subscription.get(id=subscription.id)).cancel_at
    assert ends == subscription.trial_ends_at.replace(year=subscription.trial_ends_at.year + 2)
    await story.advance(11 * DAY + 60)
    await drained(story.billing.settings, message_of)
    assert (await Email.get(kind="TRIAL_ENDING")).status == "SENT"


async def test_a_trial_that_ends_with_its_subscription_is_not_told_of_again(story: Story) -> None:
    subscription = await story.join(**YEARLY)
    await cancel_subscription(story.billing, mine(subscription), at_period_end=True)
    await story.settle()
    await story.advance(11 * DAY + 60)
    await drained(story.billing.settings, message_of)
    assert (await Email.get(kind="TRIAL_ENDING")).status == "SUPPRESSED"
    assert (await Email.get(kind="SUBSCRIPTION_ENDING")).status == "SENT"


@pytest.mark.parametrize(("left", "kinds"), [(1, ["TRIAL_ENDING"]), (0, []), (-1, [])])
def test_a_trial_that_is_over_when_it_is_heard_of_is_not_told_to_end(left: int, kinds: list[str]) -> None:
    now = datetime.now(UTC)
    row = Subscription(status="TRIALING", trial_ends_at=now + timedelta(hours=left))
    assert [one.kind for one in occasions_of([], [trial_will_end(row)], now)] == kinds


async def test_who_subscribed_twice_is_told_of_the_money_and_not_that_they_have_left(story: Story) -> None:
    done = [await create_checkout_session(story.billing, ALICE, checkout(**MONTHLY, metadata={"tab": tab})) for tab in "ab"]
    pages = [await CheckoutSession.get(id=one.object_id) for one in done]
    for page in pages:
        await story.sandbox.engine.submit_checkout(str(page.stripe_session_id), GOOD, Buyer(BUYER, "Alice"))
    await story.settle()
    first, second = await Subscription.all().order_by("created_at", "id")
    assert sorted([first.status, second.status]) == ["ACTIVE", "CANCELED"]
    ended = first if first.status == "CANCELED" else second
    await drained(story.billing.settings, message_of)
    told = {row.kind: row.status for row in await Email.filter(object_id=ended.id)}
    assert told["SUBSCRIPTION_ENDED"] == "SUPPRESSED"
    assert (await Email.get(kind="REFUND_CONFIRMED")).status == "SENT"


async def test_a_dispute(story: Story) -> None:
    payment = await story.buy("pm_card_createDispute")
    before = await known()
    (dispute,) = await payment.disputes.all()  # type: ignore[attr-defined]  # Tortoise makes it
    assert [one for one in await mails() if one[1] in ADMINS] == [("ADMIN_DISPUTE_OPENED", admin, dispute.id) for admin in ADMINS]
    stripe_id = dispute.stripe_dispute_id
    await story.billing.stripe.call("close", lambda client: client.v1.disputes.close_async(stripe_id))
    await story.settle()
    assert await mails(*before) == [("ADMIN_DISPUTE_CLOSED", admin, dispute.id) for admin in ADMINS]


async def test_work_that_was_given_up(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, now = story.billing.settings, datetime.now(UTC)
    events = [await WebhookEvent.create(**await sound(WebhookEvent) | {"status": "FAILED", "attempts": MAX_ATTEMPTS - 1}) for _ in range(2)]

    async def broken(*_: Any) -> Any:
        raise UnknownShape({"object": "thing"}, "id", "a text")

    for row in events:
        said = {"id": row.stripe_event_id, "object": "event", "type": "charge.failed", "created": 1_700_000_000, "livemode": False}
        event = read_event(json.dumps(said | {"api_version": "2026-10-28.endive", "data": {"object": {"id": "ch_1", "object": "charge"}}}))
        await receive(story.billing, event, {"charge.failed": broken})
    failing = dict.fromkeys(OutboxKind, broken)
    entry = OutboxEntry(kind=OutboxKind.PLAN_END.value, subject_id="sbn_1", attempts=MOST_TRIES - 1, next_attempt_at=now)
    await entry.save(force_create=True)
    await drain(story.billing, failing, 10)
    delivery = await Delivery.create(
        **await sound(Delivery) | {"attempts": len(PAUSES) + 1, "destination": await sound_row(EventDestination)}
    )
    await _put_off(settings, delivery, NotTaken("It answered 500."))
    assert (await Delivery.get(id=delivery.id)).status == "DEAD"
    assert await mails() == [("ADMIN_WORK_GIVEN_UP", admin, row.id) for row in (events[0], entry, delivery) for admin in ADMINS]


async def test_said_again_or_found_by_reconciling_it_mails_nobody(story: Story) -> None:
    payment = await story.buy()
    await story.buy("pm_card_chargeDeclined", BOB)
    await story.join(**MONTHLY)
    await create_refund(story.billing, SUPPORT, refund(payment, 100), "key")
    await story.settle()
    told = await mails()
    assert len(told) > 8
    for event in reversed(await story.stage.objects("event")):
        text = json.dumps(event)
        for again in (text, text.replace(event["id"], f"{event['id']}_again")):
            await receive(story.billing, read_event(again), HANDLERS)
    assert await mails() == told
    await WebhookEvent.all().delete()
    for event in await story.stage.objects("event"):
        await receive(story.billing, read_event(json.dumps(event)), HANDLERS)
    assert await mails() == told
    await Payment.all().update(status="PENDING", amount_refunded=0, intent_version=0, charge_version=0)
    found: list[Finding] = []
    since, asked = datetime.now(UTC) - timedelta(days=1), {"name": "all", "dry": False, "stop": asyncio.Event()}
    await reconcile(story.billing, since, **asked, found=found.append, told=lambda _: None)  # type: ignore[arg-type]  # of many types
    assert found != []
    assert {row.status for row in await Payment.all()} == {"SUCCEEDED", "PARTIALLY_REFUNDED", "FAILED"}
    assert await mails() == told


async def test_the_same_mails_whatever_order_the_events_come_in(story: Story) -> None:
    """From the end: each event is heard when all that followed is known."""
    story._seen = 10**9  # nothing is heard on its way
    payment = await story.buy()
    for event in reversed(await story.stage.objects("event")):
        await receive(story.billing, read_event(json.dumps(event)), HANDLERS)
    assert sorted(await mails()) == sorted([("WELCOME", BUYER, payment.id), ("RECEIPT", BUYER, payment.id), ("SALE", TEACHER, payment.id)])


async def test_what_is_older_than_a_week_when_it_is_first_heard_of_mails_nobody(database: str, tmp_path: Path) -> None:
    async with story_in(tmp_path) as old:
        await old.open(since=8 * DAY)
        await old.buy()
        await old.buy("pm_card_createDispute", BOB)
        await old.join(**MONTHLY)
        assert await mails() == []
        assert await Subscription.all().count() == 1


@pytest.mark.parametrize("url", ["none", None])
async def test_where_emails_are_off_nothing_is_read_or_written(
    database: str, tmp_path: Path, url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: Any) -> Any:
        raise AssertionError

    monkeypatch.setattr("services.emails.staging._stage", never)
    async with story_in(tmp_path, email_url=url) as quiet:
        await quiet.open()
        await quiet.buy()
    assert await mails() == []


async def test_kinds_are_turned_off_one_by_one(database: str, tmp_path: Path) -> None:
    async with story_in(tmp_path, email_off=("WELCOME", "SALE"), email_admin=()) as quiet:
        await quiet.open()
        payment = await quiet.buy()
        await quiet.buy("pm_card_chargeDeclined", BOB)
    assert await mails() == [("RECEIPT", BUYER, payment.id)]


async def test_nobody_is_welcomed_who_bought_before_emails_were_turned_on(story: Story) -> None:
    old, recent = datetime.now(UTC) - timedelta(days=2), datetime.now(UTC) - timedelta(hours=2)
    for name, kind, told in (
        ("ada", Payment, {"status": "PARTIALLY_REFUNDED", "created_at": old}),
        ("bo", Subscription, {"status": "CANCELED", "created_at": old}),
        ("cy", Payment, {"status": "FAILED", "created_at": old}),
        ("di", Subscription, {"status": "INCOMPLETE_EXPIRED", "created_at": old}),
        ("ed", Payment, {"status": "SUCCEEDED", "created_at": recent}),
    ):
        person = await Customer.create(external_id=name, email=f"{name}@example.test")
        await sound_kind(kind, customer=person, **told)
        await story.buy(caller=Caller(Viewer(name, f"{name}@example.test", frozenset({Role.CUSTOMER})), "request"), terms=CREDITS)
    assert [to for kind, to, _ in await mails() if kind == "WELCOME"] == [f"{name}@example.test" for name in ("cy", "di", "ed")]
    assert [kind for kind, _, _ in await mails()].count("RECEIPT") == 5


async def sound_kind(kind: type[Any], **values: Any) -> None:
    await kind.create(**await sound(kind) | values)


async def test_who_has_no_address_that_can_be_written_to_is_not_written_to(story: Story) -> None:
    await story.buy(caller=BOB)
    assert [to for _, to, _ in await mails()] == [TEACHER]
    await Customer.filter(external_id="bob").update(email="bob@example.test\r\nBcc: eve@example.test")
    payment = await story.buy(caller=BOB, terms=CREDITS)
    assert [(kind, to) for kind, to, row in await mails() if row == payment.id] == []


async def test_without_the_transaction_there_is_no_mail(story: Story) -> None:
    payment = await sound_row(Payment)
    await Customer.filter(id=payment.customer_id).update(email=BUYER)
    change = Change(payment, None, {"status": "SUCCEEDED"})

    async def fail() -> None:
        async with transaction():
            await stage_emails(story.billing.settings, [change])
            assert await Email.all().count() == 3
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await mails() == []
