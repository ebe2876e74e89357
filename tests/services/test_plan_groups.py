"""Of plans that exclude each other a customer has one at most, whatever comes at the same time."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from models import CheckoutSession, OutboxEntry, OutboxKind, Payment, Plan, Refund, Subscription, SubscriptionChange
from models.database import transaction
from services import outbox
from services.billing import Billing
from services.catalogue import save_plan
from services.checkout import create_checkout_session
from services.errors import StripeUnavailable
from services.fulfilment import fulfil
from services.journal import journal
from services.mirror import Known, ObjectNeeded, apply, write
from services.mirror.known import INVOICE_OF_PAYMENT_INTENT
from services.outbox_tasks import TASKS
from services.outbox_worker import drain
from services.payment_intents import create_payment_intent
from services.plan_changes import PlanChange, ProrationBehavior, change_plan
from services.recovery import finish_pending
from services.snapshot import Snapshot
from settings import Environment, Settings
from tests.services.between import Between, afterwards, instead
from tests.services.shop import ALICE, checkout, course
from tests.services.subscribers import BUYER, CARD, MONTHLY, begun, heard, mine
from tests.services.test_plan_changes import TEAM, team

LONG = timedelta(days=1)
TEAMS = MONTHLY | {"plan_code": "team"}


async def page(billing: Billing, **choice: object) -> CheckoutSession:
    """An open page of Stripe's."""
    done = await create_checkout_session(billing, ALICE, checkout(**choice))
    return await CheckoutSession.get(id=done.object_id)


async def paid(billing: Billing, stripe: Between, session: CheckoutSession) -> str:
    """What was begun on the page, by Stripe's id; we have not heard of it."""
    await stripe.sandbox.engine.submit_checkout(str(session.stripe_session_id), CARD, BUYER)
    told = await billing.stripe.retrieve("checkout.session", str(session.stripe_session_id))
    assert told is not None
    return str(told.object["subscription"])


async def told(billing: Billing, stripe_id: str) -> Subscription:
    read = await billing.stripe.retrieve("subscription", stripe_id)
    assert read is not None
    await write(billing, read)
    return await heard(billing, await Subscription.get(stripe_subscription_id=stripe_id))


async def work(billing: Billing) -> None:
    for _ in range(3):  # what is staged by what is done comes in the next round
        await drain(billing, TASKS, 100)
    assert await OutboxEntry.all().count() == 0


@pytest.mark.parametrize("order", ["begun first", "changed first", "the change's event first"])
async def test_what_is_begun_while_another_is_changed_to_it_ends(shop: Billing, stripe: Between, order: str) -> None:
    first, price = await begun(shop, stripe), await team(shop)
    session = await page(shop, **TEAMS)
    stripe.faults += [(f"/{first.stripe_subscription_id}", afterwards(502))]
    stripe.faults += [(f"/{first.stripe_subscription_id}", instead(500))] * 3
    with pytest.raises(StripeUnavailable):
        await change_plan(shop, mine(first), PlanChange(price.id, proration=ProrationBehavior.ALWAYS_INVOICE))
    second = await paid(shop, stripe, session)
    if order == "changed first":
        assert await finish_pending(shop, older_than=-LONG) == 1
    if order == "the change's event first":
        await told(shop, first.stripe_subscription_id)
    other = await told(shop, second)
    assert await SubscriptionChange.filter(status="PENDING").count() == (order != "changed first")
    await finish_pending(shop, older_than=-LONG)
    await work(shop)
    assert [row.status for row in (await heard(shop, first), await heard(shop, other))] == ["ACTIVE", "CANCELED"]
    assert [refund.amount for refund in await Refund.all()] == [4_900]
    assert await Subscription.filter(plan_id=price.plan_id, status="ACTIVE").count() == 1


async def test_a_plan_that_is_not_ours_any_more_closes_nothing(shop: Billing, stripe: Between) -> None:
    await save_plan(shop, TEAM)
    subscription, session = await begun(shop, stripe), await page(shop, **TEAMS)
    await outbox.stage(OutboxKind.CLOSE_CHECKOUTS, subscription.id)
    await Subscription.filter(id=subscription.id).update(plan_id=None, price_id=None)
    await work(shop)
    assert (await CheckoutSession.get(id=session.id)).status == "OPEN"


async def hear(snapshots: list[Snapshot | None], known: Known) -> None:
    """Hear of both as two processes do: the second transaction begins before the first is committed."""
    written = asyncio.Event()

    async def one(snapshot: Snapshot | None, held: float) -> None:
        assert snapshot is not None
        async with transaction(), journal():
            await apply(snapshot, known)
            await fulfil(Settings(environment=Environment.TEST))
            written.set()
            await asyncio.sleep(held)

    async def other() -> None:
        await written.wait()
        await one(snapshots[1], 0)

    async with asyncio.timeout(20):
        await asyncio.gather(one(snapshots[0], 0.5), other())


async def test_two_that_begin_in_two_transactions_at_once_see_each_other(shop: Billing, stripe: Between) -> None:
    await save_plan(shop, TEAM)
    await Plan.filter(code__in=["pro", "team"]).update(plan_group="tier")
    sessions = [await page(shop, **choice) for choice in (MONTHLY, TEAMS)]
    begun = [await paid(shop, stripe, session) for session in sessions]
    await hear([await shop.stripe.retrieve("subscription", stripe_id) for stripe_id in begun], Known())
    second = await Subscription.get(stripe_subscription_id=begun[1])
    assert [entry.subject_id for entry in await OutboxEntry.filter(kind=OutboxKind.END_DUPLICATE.value)] == [second.id]
    await work(shop)
    assert await Subscription.filter(status="ACTIVE").count() == 1


async def test_two_payments_in_two_transactions_at_once_see_each_other(shop: Billing, stripe: Between) -> None:
    """Of a package without credits, for which no balance is locked."""
    await Plan.filter(code="course").update(credits=0)
    intents = [str((await intent(shop, quantity)).stripe_payment_intent_id) for quantity in (1, 2)]
    await stripe.sandbox.engine.advance(60)
    for stripe_id in intents:
        await confirm(shop, stripe_id)
    known = Known()
    for stripe_id in intents:
        known.add(ObjectNeeded(INVOICE_OF_PAYMENT_INTENT, stripe_id), None)
    await hear([await shop.stripe.retrieve("payment_intent", stripe_id) for stripe_id in intents], known)
    second = await Payment.get(stripe_payment_intent_id=intents[1])
    assert [entry.subject_id for entry in await OutboxEntry.filter(kind=OutboxKind.RETURN_DUPLICATE.value)] == [second.id]


async def intent(billing: Billing, quantity: int) -> Payment:
    return await Payment.get(id=(await create_payment_intent(billing, ALICE, course(quantity))).object_id)


async def confirm(billing: Billing, stripe_id: str) -> None:
    asked: Any = {"payment_method": "pm_card_visa", "return_url": "https://app.example/done"}
    await billing.stripe.call("x", lambda client: client.v1.payment_intents.confirm_async(stripe_id, asked))
