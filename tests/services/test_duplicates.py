"""Nobody is charged twice: other pages are closed, and what was paid twice goes back."""

from typing import Any

import pytest

from models import AuditEntry, BillingInterval, CheckoutSession, CreditEntry, Entitlement, OutboxEntry, Payment, Refund, Subscription
from sandbox.cards import CardForm
from sandbox.submission import Buyer
from services.billing import Billing
from services.checkout import create_checkout_session
from services.errors import AlreadyEntitled, AlreadySubscribed
from services.idempotency import Done
from services.mirror import write
from services.outbox_tasks import TASKS
from services.outbox_worker import drain
from services.payment_intents import create_payment_intent
from tests.services.between import Between, instead
from tests.services.shop import ALICE, checkout, confirm, course, listed

MONTHLY = {"plan_code": "pro", "currency": "USD", "interval": BillingInterval.MONTH}
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


async def work(billing: Billing) -> None:
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


async def test_bought_given_back_and_bought_again_is_no_duplicate(shop: Billing) -> None:
    from services.refunds import create_refund
    from tests.services.shop import SUPPORT, paid, refund

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
    import asyncio

    answers = await asyncio.gather(*(create_checkout_session(shop, ALICE, checkout(plan_code="course")) for _ in range(20)))
    assert all(isinstance(answer, Done) for answer in answers)
    assert len({answer.object_id for answer in answers}) == 1
    assert (await CheckoutSession.all().count(), await Payment.all().count()) == (1, 1)
    await confirm(shop, await Payment.get(id=(await create_payment_intent(shop, ALICE, course())).object_id))
