"""Nobody is charged twice: other pages are closed, and what was paid twice goes back."""

import asyncio
import secrets
from typing import Any

import pytest

from models import (
    AuditEntry,
    BillingInterval,
    CheckoutSession,
    CreditEntry,
    Customer,
    Entitlement,
    OutboxEntry,
    OutboxKind,
    Payment,
    Refund,
    Subscription,
)
from sandbox.cards import CardForm
from sandbox.submission import Buyer
from services import outbox
from services.billing import Billing
from services.checkout import create_checkout_session
from services.errors import AlreadyEntitled, AlreadySubscribed
from services.idempotency import Done
from services.mirror import write
from services.outbox_tasks import TASKS
from services.outbox_worker import drain
from services.payment_intents import create_payment_intent
from services.promotion_codes import PromotionTerms, create_promotion_code
from services.snapshot import Snapshot
from services.stripe_gateway import Request
from tests.services.between import Between, instead
from tests.services.shop import ALICE, SUPPORT, checkout, confirm, course, listed

MONTHLY = {"plan_code": "pro", "currency": "USD", "interval": BillingInterval.MONTH}
GONE = '{"error": {"type": "invalid_request_error", "code": "resource_missing", "message": "No such invoice"}}'
CARD, BUYER = CardForm("4242424242424242", 12, 2055, "123"), Buyer("alice@example.test", "Alice")


async def opened(billing: Billing, **choice: Any) -> CheckoutSession:
    done = await create_checkout_session(billing, ALICE, checkout(**choice))
    return await CheckoutSession.get(id=done.object_id)


async def submit(stripe: Between, session: CheckoutSession) -> None:
    await stripe.sandbox.engine.submit_checkout(str(session.stripe_session_id), CARD, BUYER)


async def told(billing: Billing, *sessions: CheckoutSession) -> None:
    """What Stripe says of the sessions and of what they sold."""
    for session in sessions:
        read = await billing.stripe.retrieve("checkout.session", str(session.stripe_session_id))
        assert read is not None
        await write(billing, read)
        named = {"payment_intent": read.object["payment_intent"], "invoice": read.object["invoice"]}
        for kind, object_id in named.items():
            if object_id and (found := await billing.stripe.retrieve(kind, object_id)):
                await write(billing, found)


async def tell(billing: Billing, kind: str, stripe_id: str) -> None:
    read = await billing.stripe.retrieve(kind, stripe_id)
    assert read is not None
    await write(billing, read)


async def work(billing: Billing) -> None:
    for _ in range(3):  # what is staged by what is done comes in the next round
        await drain(billing, TASKS, 100)
    assert await OutboxEntry.all().count() == 0


async def test_an_open_session_is_given_again(shop: Billing, stripe: Between) -> None:
    first = await opened(shop, plan_code="course", currency="USD")
    assert (await opened(shop, plan_code="course", currency="USD")).id == first.id
    assert (await CheckoutSession.all().count(), await Payment.all().count(), len(stripe.keys("/sessions"))) == (1, 1, 1)
    for other in ({"quantity": 2}, {"metadata": {"a": "b"}}, {"cancel_url": "https://app.example/x"}, {"currency": "JPY"}):
        assert (await opened(shop, **{"plan_code": "course", "currency": "USD", **other})).id != first.id
    subscription = await opened(shop, **MONTHLY)
    assert (await opened(shop, **MONTHLY)).id == subscription.id


async def test_a_session_is_given_again_after_a_card_was_declined(shop: Billing, stripe: Between) -> None:
    first = await opened(shop, plan_code="course")
    await stripe.sandbox.engine.submit_checkout(str(first.stripe_session_id), CardForm("4000000000000341", 12, 2055, "123"), BUYER)
    customer = (await Customer.get(id=first.customer_id)).stripe_customer_id
    [intent] = await listed(shop, "payment_intent", customer=customer)
    await tell(shop, "payment_intent", intent["id"])
    assert (await Payment.get(id=str(first.payment_id))).status == "FAILED"
    assert (await opened(shop, plan_code="course")).id == first.id


async def test_a_session_that_ends_soon_is_not_given_again(shop: Billing) -> None:
    first = await opened(shop, plan_code="course", expires_in_minutes=30)
    await CheckoutSession.filter(id=first.id).update(expires_at=first.created_at)
    assert (await opened(shop, plan_code="course")).id != first.id


async def test_a_payment_that_waits_is_given_again_with_its_secret(shop: Billing) -> None:
    first, second = [await create_payment_intent(shop, ALICE, course()) for _ in range(2)]
    assert (first.object_id, first.extra) == (second.object_id, second.extra)
    assert (await create_payment_intent(shop, ALICE, course(2))).object_id != first.object_id


async def test_what_is_open_is_closed_once_something_is_paid(shop: Billing, stripe: Between) -> None:
    paid, other = await opened(shop, plan_code="course"), await opened(shop, plan_code="course", quantity=2)
    intent = await Payment.get(id=(await create_payment_intent(shop, ALICE, course())).object_id)
    kept = await opened(shop, plan_code="credits", quantity=7)
    await submit(stripe, paid)
    await told(shop, paid)
    await work(shop)
    rows = {row.id: row.status for row in await CheckoutSession.all()}
    assert rows == {paid.id: "COMPLETE", other.id: "EXPIRED", kept.id: "OPEN"}
    at_stripe = {one["id"]: one["status"] for one in await listed(shop, "session") if one["id"] in
                 {paid.stripe_session_id, other.stripe_session_id, kept.stripe_session_id}}  # fmt: skip
    assert at_stripe == {paid.stripe_session_id: "complete", other.stripe_session_id: "expired", kept.stripe_session_id: "open"}
    assert (await Payment.get(id=intent.id)).status == "CANCELED"
    with pytest.raises(AlreadyEntitled):
        await opened(shop, plan_code="course")


@pytest.mark.parametrize("reverse", [False, True])
async def test_a_package_that_was_paid_twice_is_given_back_once(shop: Billing, stripe: Between, reverse: bool) -> None:
    first, second = await opened(shop, plan_code="course"), await opened(shop, plan_code="course", quantity=2)
    await submit(stripe, first)
    stripe.sandbox.clock.advance(5)
    await submit(stripe, second)
    await told(shop, *((second, first) if reverse else (first, second)))
    await work(shop)
    await told(shop, first, second)
    await work(shop)
    back = await Refund.get()
    assert (back.payment_id, back.amount, back.status, back.reason, back.automatic) == (
        second.payment_id, 99_800, "SUCCEEDED", "DUPLICATE", True,
    )  # fmt: skip
    kept = await Payment.get(id=str(first.payment_id))
    assert (kept.status, (await Payment.get(id=str(second.payment_id))).status) == ("SUCCEEDED", "REFUNDED")
    assert (await AuditEntry.get(object_id=back.id, action="refund.create")).actor == "billgraph"
    rights = {(row.payment_id, row.feature): row.revoked_reason for row in await Entitlement.all()}
    assert rights == {
        (first.payment_id, "course"): None,
        (first.payment_id, "export"): None,
        (second.payment_id, "course"): "refunded",
        (second.payment_id, "export"): "refunded",
    }
    assert sum(entry.amount for entry in await CreditEntry.all()) == 7


async def test_of_three_that_were_paid_the_first_stays(shop: Billing, stripe: Between) -> None:
    sessions = [await opened(shop, plan_code="course", quantity=quantity) for quantity in (1, 2, 3)]
    for session in sessions:
        await submit(stripe, session)
        stripe.sandbox.clock.advance(5)
    await told(shop, *sessions)
    await work(shop)
    await told(shop, *sessions)
    assert [(await Payment.get(id=str(session.payment_id))).status for session in sessions] == ["SUCCEEDED", "REFUNDED", "REFUNDED"]
    assert sorted(row.amount for row in await Refund.all()) == [99_800, 149_700]


async def test_what_was_had_for_nothing_is_not_paid_beside_it(shop: Billing, stripe: Between) -> None:
    code = secrets.token_hex(6).upper()
    await create_promotion_code(shop, SUPPORT, PromotionTerms(code, percent_off=100.0), None)
    free, second = await opened(shop, plan_code="course", promotion_code=code), await opened(shop, plan_code="course")
    await submit(stripe, free)
    stripe.sandbox.clock.advance(5)
    await submit(stripe, second)
    await told(shop, free, second)
    await work(shop)
    await told(shop, second)
    rows = {row.id: (row.status, row.amount) for row in await Payment.all()}
    assert rows == {free.payment_id: ("SUCCEEDED", 0), second.payment_id: ("REFUNDED", 49_900)}


@pytest.mark.parametrize("second_first", [False, True])
async def test_a_dispute_that_is_won_makes_a_second_payment_one_too_many(shop: Billing, stripe: Between, second_first: bool) -> None:
    first, second = await opened(shop, plan_code="course"), await opened(shop, plan_code="course", quantity=2)
    await stripe.sandbox.engine.submit_checkout(str(first.stripe_session_id), CardForm("4000000000000259", 12, 2055, "123"), BUYER)
    stripe.sandbox.clock.advance(5)
    await submit(stripe, second)
    await told(shop, *((second, first) if second_first else (first, second)))
    payment = await Payment.get(id=str(first.payment_id))
    asked: Any = {"charge": payment.stripe_charge_id}
    found = await shop.stripe.call("list", lambda client: client.v1.disputes.list_async(asked))
    [dispute] = found.object["data"]
    await tell(shop, "dispute", dispute["id"])
    assert (await Payment.get(id=payment.id)).status == "DISPUTED"
    evidence: Any = {"evidence": {"uncategorized_text": "winning_evidence"}, "submit": True}
    await shop.stripe.call("update", lambda client: client.v1.disputes.update_async(dispute["id"], evidence))
    await tell(shop, "dispute", dispute["id"])
    await work(shop)
    await told(shop, second)
    rows = {row.id: row.status for row in await Payment.all()}
    assert rows == {first.payment_id: "SUCCEEDED", second.payment_id: "REFUNDED"}


async def test_what_is_open_is_closed_while_a_bank_settles(shop: Billing, stripe: Between) -> None:
    other = await opened(shop, plan_code="course")
    intent = await Payment.get(id=(await create_payment_intent(shop, ALICE, course())).object_id)
    await confirm(shop, intent, "pm_usBankAccount_success")
    await work(shop)
    assert ((await Payment.get(id=intent.id)).status, (await CheckoutSession.get(id=other.id)).status) == ("PROCESSING", "EXPIRED")
    assert (await Payment.get(id=str(other.payment_id))).status == "CANCELED"
    await stripe.sandbox.engine.advance(200)
    await tell(shop, "payment_intent", str(intent.stripe_payment_intent_id))
    await work(shop)
    assert ((await Payment.get(id=intent.id)).status, await Refund.all().count()) == ("SUCCEEDED", 0)


async def test_a_payment_is_closed_although_another_page_is_just_being_made(shop: Billing, stripe: Between) -> None:
    bought, fresh, other = [await opened(shop, plan_code="course", quantity=quantity) for quantity in (1, 2, 3)]
    await CheckoutSession.filter(id=fresh.id).update(stripe_session_id=None)
    await submit(stripe, bought)
    await told(shop, bought)
    await drain(shop, TASKS, 100)
    rows = {row.id: row.status for row in await CheckoutSession.all()}
    assert rows == {bought.id: "COMPLETE", fresh.id: "OPEN", other.id: "EXPIRED"}
    entry = await OutboxEntry.get()
    assert (entry.kind, entry.error) == ("CLOSE_CHECKOUTS", f"StripeUnavailable: {fresh.id} is just being brought to Stripe.")


async def test_bought_given_back_and_bought_again_is_no_duplicate(shop: Billing) -> None:
    from services.refunds import create_refund
    from tests.services.shop import paid, refund

    first = await paid(shop)
    await create_refund(shop, SUPPORT, refund(first), "one")
    second = await paid(shop)
    await work(shop)
    assert (await Refund.all().count(), (await Payment.get(id=second.id)).status) == (1, "SUCCEEDED")


async def test_credits_that_are_bought_twice_are_bought_twice(shop: Billing, stripe: Between) -> None:
    for quantity in (5, 6):
        session = await opened(shop, plan_code="credits", quantity=quantity)
        await submit(stripe, session)
        await told(shop, session)
    await work(shop)
    assert ([row.status for row in await Payment.all()], await Refund.all().count()) == (["SUCCEEDED"] * 2, 0)
    assert sum(entry.amount for entry in await CreditEntry.all()) == 1_100


async def test_a_plan_that_was_subscribed_to_twice_goes_on_once(shop: Billing, stripe: Between) -> None:
    first, second = await opened(shop, **MONTHLY), await opened(shop, **MONTHLY, quantity=3)
    await submit(stripe, first)
    stripe.sandbox.clock.advance(5)
    await submit(stripe, second)
    await told(shop, first, second)
    await work(shop)
    await told(shop, first, second)
    rows = await Subscription.all().order_by("created_at")
    assert [(row.status, row.quantity) for row in rows] == [("ACTIVE", 1), ("CANCELED", 3)]
    payments = {row.subscription_id: row.status for row in await Payment.all()}
    assert payments == {rows[0].id: "SUCCEEDED", rows[1].id: "REFUNDED"}
    back = await Refund.get()
    assert (back.amount, back.reason, back.automatic) == (5_700, "DUPLICATE", True)
    assert (await AuditEntry.get(action="subscription.cancel")).actor == "billgraph"
    open_rights = [row.subscription_id for row in await Entitlement.filter(revoked_reason=None)]
    assert open_rights == [rows[0].id] * 2
    assert sum(entry.amount for entry in await CreditEntry.all()) == 40
    with pytest.raises(AlreadySubscribed):
        await opened(shop, **MONTHLY)


async def test_of_three_subscriptions_the_first_goes_on(shop: Billing, stripe: Between) -> None:
    sessions = [await opened(shop, **MONTHLY, quantity=quantity) for quantity in (1, 2, 3)]
    for session in sessions:
        await submit(stripe, session)
        stripe.sandbox.clock.advance(5)
    await told(shop, *sessions)
    await work(shop)
    await told(shop, *sessions)
    rows = await Subscription.all().order_by("created_at")
    assert [row.status for row in rows] == ["ACTIVE", "CANCELED", "CANCELED"]
    payments = {row.subscription_id: row.status for row in await Payment.all()}
    assert [payments[row.id] for row in rows] == ["SUCCEEDED", "REFUNDED", "REFUNDED"]


async def test_what_a_second_subscription_cost_is_heard_of_late(shop: Billing, stripe: Between) -> None:
    first, second = await opened(shop, **MONTHLY), await opened(shop, **MONTHLY, quantity=3)
    await submit(stripe, first)
    stripe.sandbox.clock.advance(5)
    await submit(stripe, second)
    for session in (first, second):
        await tell(shop, "checkout.session", str(session.stripe_session_id))
    assert await Payment.all().count() == 0
    await work(shop)
    await told(shop, first, second)
    rows = await Subscription.all().order_by("created_at")
    assert {row.subscription_id: row.status for row in await Payment.all()} == {rows[0].id: "SUCCEEDED", rows[1].id: "REFUNDED"}


async def test_what_comes_in_for_a_subscription_after_it_was_ended_goes_back(shop: Billing, stripe: Between) -> None:
    first, second = await opened(shop, **MONTHLY), await opened(shop, **MONTHLY, quantity=3)
    await submit(stripe, first)
    stripe.sandbox.clock.advance(5)
    await submit(stripe, second)
    for session in (first, second):
        await tell(shop, "checkout.session", str(session.stripe_session_id))
    stripe.reads = [("/invoices/", instead(404, GONE))] * 2  # as for a debit that settles in some days
    await work(shop)
    assert ([row.status for row in await Subscription.all().order_by("created_at")], await Refund.all().count()) == (
        ["ACTIVE", "CANCELED"],
        0,
    )
    await told(shop, second)
    await work(shop)
    assert [(row.amount, row.status, row.automatic) for row in await Refund.all()] == [(5_700, "SUCCEEDED", True)]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_cut_off_while_a_second_subscription_is_ended(
    shop: Billing, stripe: Between, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    first, second = await opened(shop, **MONTHLY), await opened(shop, **MONTHLY, quantity=3)
    await submit(stripe, first)
    stripe.sandbox.clock.advance(5)
    await submit(stripe, second)
    await told(shop, second, first)
    subject = await Subscription.get(quantity=1)
    await OutboxEntry.filter(kind="END_DUPLICATE").delete()
    await outbox.stage(OutboxKind.END_DUPLICATE, subject.id)
    ask = shop.stripe.call

    async def cut_off(operation: str, request: Request) -> Snapshot:
        if operation == "subscription.cancel" and when == "before":
            raise ConnectionError
        answer = await ask(operation, request)
        if operation == "subscription.cancel":
            raise ConnectionError
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(shop.stripe, "call", cut_off)
        await drain(shop, TASKS, 100)
    for row in await Subscription.all():
        await tell(shop, "subscription", row.stripe_subscription_id)
    assert sorted(row.status for row in await Subscription.all()) == (["ACTIVE", "ACTIVE"] if when == "before" else ["ACTIVE", "CANCELED"])
    await OutboxEntry.all().update(next_attempt_at=subject.created_at)
    await work(shop)
    await told(shop, first, second)
    rows = await Subscription.all().order_by("created_at")
    assert [row.status for row in rows] == ["ACTIVE", "CANCELED"]
    assert {row.subscription_id: row.status for row in await Payment.all()} == {rows[0].id: "SUCCEEDED", rows[1].id: "REFUNDED"}
    assert await AuditEntry.filter(action="subscription.cancel").count() == 1


async def test_stripe_down_puts_it_off_until_it_is_done(shop: Billing, stripe: Between) -> None:
    paid, other = await opened(shop, plan_code="course"), await opened(shop, plan_code="course", quantity=2)
    await submit(stripe, paid)
    await told(shop, paid)
    stripe.faults = [("/expire", instead(502))] * 4
    await drain(shop, TASKS, 100)
    entry = await OutboxEntry.get()
    assert (entry.kind, entry.subject_id, entry.attempts) == ("CLOSE_CHECKOUTS", paid.payment_id, 1)
    assert str(entry.error).startswith("StripeUnavailable")
    assert await drain(shop, TASKS, 100) == 0  # its pause is not over
    await OutboxEntry.all().update(next_attempt_at=entry.created_at)
    await work(shop)
    assert (await CheckoutSession.get(id=other.id)).status == "EXPIRED"


async def test_what_fails_for_ever_is_given_up_and_stays_for_an_operator(shop: Billing, stripe: Between) -> None:
    paid = await opened(shop, plan_code="course")
    await opened(shop, plan_code="course", quantity=2)
    await submit(stripe, paid)
    await told(shop, paid)
    await OutboxEntry.all().update(attempts=11)
    stripe.faults = [("/expire", instead(502))] * 4
    await drain(shop, TASKS, 100)
    entry = await OutboxEntry.get()
    assert (entry.attempts, entry.next_attempt_at) == (12, None)
    assert await drain(shop, TASKS, 100) == 0


async def test_two_clicks_at_once_are_one_session(shop: Billing) -> None:
    answers = await asyncio.gather(*(create_checkout_session(shop, ALICE, checkout(plan_code="course")) for _ in range(20)))
    assert all(isinstance(answer, Done) for answer in answers)
    assert len({answer.object_id for answer in answers}) == 1
    assert (await CheckoutSession.all().count(), await Payment.all().count()) == (1, 1)
    await confirm(shop, await Payment.get(id=(await create_payment_intent(shop, ALICE, course())).object_id))
