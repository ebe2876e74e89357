"""Ending a subscription, taking that back, letting it rest and go on: once, by its owner or staff, and as Stripe then has it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest

from models import AuditEntry, Entitlement, Invoice, InvoiceLine, Subscription, SubscriptionChange, SubscriptionStatus
from services.billing import Billing
from services.errors import (
    IdempotencyKeyInUse,
    InvalidInput,
    NotFound,
    Refusal,
    StripeRejected,
    StripeUnavailable,
    SubscriptionAlreadyCanceled,
    SubscriptionNotActive,
)
from services.idempotency import Done
from services.plan_changes import PlanChange, ProrationBehavior, change_plan
from services.recovery import UNREACHED, finish_pending
from services.subscription_changes import Asked
from services.subscriptions import cancel_subscription, pause_subscription, resume_subscription, unpause_subscription
from tests.services.between import Between, afterwards, error, instead
from tests.services.shop import ALICE, BOB, SUPPORT
from tests.services.subscribers import DAY, at, begun, heard, invoices, mine
from tests.services.test_plan_changes import let_fail

Verb = Callable[[Billing, Asked], Awaitable[Done[None]]]


async def cancel_now(billing: Billing, asked: Asked) -> Done[None]:
    return await cancel_subscription(billing, asked, at_period_end=False)


async def changes(subscription: Subscription) -> list[tuple[str, str]]:
    return [(row.kind, row.status) for row in await SubscriptionChange.filter(subscription_id=subscription.id).order_by("id")]


async def open_features(subscription: Subscription) -> list[str]:
    rows = await Entitlement.filter(subscription_id=subscription.id, revoked_reason=None).order_by("feature")
    return [row.feature for row in rows]


async def everything() -> list[list[dict[str, Any]]]:
    return [await kind.all().order_by("id").values() for kind in (Subscription, SubscriptionChange, AuditEntry, Entitlement)]


async def test_it_ends_with_its_period_and_until_then_it_entitles(shop: Billing, stripe: Between) -> None:
    subscription = await begun(shop, stripe)
    done = await cancel_subscription(shop, mine(subscription), reason="Too dear")
    assert done.object_id == subscription.id
    row = await Subscription.get(id=subscription.id)
    assert (row.status, row.cancel_at_period_end, row.cancel_at) == ("ACTIVE", True, subscription.current_period_end)
    told = await shop.stripe.retrieve("subscription", row.stripe_subscription_id)
    assert told is not None
    assert told.object["cancellation_details"]["comment"] == "Too dear"
    entry = await AuditEntry.get(action="subscription.cancel")
    change = await SubscriptionChange.get()
    assert (entry.actor, entry.object_id) == ("CUSTOMER:alice", subscription.id)
    assert entry.changes == {"at_period_end": True, "reason": "Too dear", "change": change.id}
    assert await open_features(row) == ["export", "support"]
    await stripe.sandbox.engine.advance(32 * DAY)
    ended = await heard(shop, row)
    assert (ended.status, ended.ended_at, await open_features(ended)) == ("CANCELED", subscription.current_period_end, [])
    assert await invoices(ended) == [("PAID", 1_900, "subscription_create")]


async def test_it_ends_now_and_nothing_goes_back(shop: Billing, stripe: Between) -> None:
    subscription = await begun(shop, stripe)
    await cancel_now(shop, Asked(SUPPORT, subscription.id, staff=True, key="key"))
    row = await heard(shop, subscription)
    assert (row.status, row.cancel_at_period_end, await open_features(row)) == ("CANCELED", False, [])
    assert await invoices(row) == [("PAID", 1_900, "subscription_create")]
    assert (await AuditEntry.get(action="subscription.cancel")).actor == "SUPPORT:dora"


async def test_what_waits_for_an_invoice_is_billed_when_it_ends_now(shop: Billing, stripe: Between) -> None:
    """Nobody has more seats for nothing by ending before they are billed."""
    subscription = await begun(shop, stripe)
    await stripe.sandbox.engine.advance(5 * DAY)
    await change_plan(shop, mine(subscription), PlanChange(str(subscription.price_id), 3))
    assert len(await invoices(await heard(shop, subscription))) == 1
    await cancel_now(shop, mine(subscription))
    row = await heard(shop, subscription)
    lines = await InvoiceLine.filter(invoice__billing_reason="subscription_update", proration=True)
    billed = sum(line.amount for line in lines)
    assert (row.status, len(lines), 3_000 < billed < 3_300) == ("CANCELED", 2, True)
    assert (await invoices(row))[1:] == [("PAID", billed, "subscription_update")]


async def test_a_planned_end_can_be_taken_back_or_made_a_sudden_one(shop: Billing, stripe: Between) -> None:
    subscription = await begun(shop, stripe)
    await cancel_subscription(shop, mine(subscription))
    await resume_subscription(shop, mine(subscription))
    row = await heard(shop, subscription)
    assert (row.status, row.cancel_at_period_end, row.cancel_at, row.canceled_at) == ("ACTIVE", False, None, None)
    await cancel_subscription(shop, mine(subscription))
    await cancel_now(shop, mine(subscription))
    assert (await heard(shop, subscription)).status == "CANCELED"
    assert await changes(subscription) == [("CANCEL", "DONE"), ("RESUME", "DONE"), ("CANCEL", "DONE"), ("CANCEL", "DONE")]


async def test_an_end_planned_in_the_portal_is_taken_back_alike(shop: Billing, stripe: Between) -> None:
    """The portal sets `cancel_at` alone."""
    subscription = await begun(shop, stripe)
    stripe_id, end = subscription.stripe_subscription_id, at(subscription.current_period_end)
    await shop.stripe.call("x", lambda client: client.v1.subscriptions.update_async(stripe_id, {"cancel_at": end}))
    row = await heard(shop, subscription)
    assert (row.cancel_at_period_end, row.cancel_at) == (True, subscription.current_period_end)
    with pytest.raises(SubscriptionAlreadyCanceled):
        await cancel_subscription(shop, mine(subscription))
    await resume_subscription(shop, mine(subscription))
    assert (await heard(shop, subscription)).cancel_at is None


async def test_it_rests_and_goes_on_with_a_new_period(shop: Billing, stripe: Between) -> None:
    subscription = await begun(shop, stripe)
    await stripe.sandbox.engine.advance(10 * DAY)
    await pause_subscription(shop, mine(subscription))
    row = await heard(shop, subscription)
    assert (row.status, row.monthly_amount, await open_features(row)) == ("PAUSED", 0, [])
    await stripe.sandbox.engine.advance(90 * DAY)
    assert len(await invoices(await heard(shop, row))) == 1
    await unpause_subscription(shop, mine(subscription))
    row = await heard(shop, subscription)
    assert (row.status, row.monthly_amount, await open_features(row)) == ("ACTIVE", 1_900, ["export", "support"])
    assert row.current_period_start > subscription.current_period_end  # type: ignore[operator] # both run
    (_, (status, total, reason)) = await invoices(row)
    assert (status, reason) == ("PAID", "subscription_update")
    unused = await InvoiceLine.get(amount__lt=0)
    start, end, rested = at(subscription.current_period_start), at(subscription.current_period_end), at(unused.period_start)
    assert total == 1_900 - int(1_900 * Fraction(end - rested, end - start) + Fraction(1, 2))


async def test_it_is_not_billed_again_while_what_it_goes_on_with_is_not_paid(shop: Billing, stripe: Between) -> None:
    subscription = await begun(shop, stripe)
    await stripe.sandbox.engine.advance(10 * DAY)
    await pause_subscription(shop, mine(subscription))
    await let_fail(shop, stripe, subscription)
    await unpause_subscription(shop, mine(subscription))
    row, unpaid = await Subscription.get(id=subscription.id), await Invoice.get(status="OPEN")
    assert (row.status, unpaid.subscription_id, await changes(subscription)) == (
        "PAUSED",
        subscription.id,
        [("PAUSE", "DONE"), ("UNPAUSE", "DONE")],
    )
    stripe.clear()
    with pytest.raises(SubscriptionNotActive):
        await unpause_subscription(shop, mine(subscription))
    assert (stripe.posted, len(await changes(subscription))) == ([], 2)
    stripe_id = str(unpaid.stripe_invoice_id)
    asked: Any = {"payment_method": "pm_card_visa"}
    await shop.stripe.call("x", lambda client: client.v1.invoices.pay_async(stripe_id, asked))
    assert (await heard(shop, subscription)).status == "ACTIVE"


ONLY_AFTER: list[tuple[Verb, SubscriptionStatus, bool, type[Refusal]]] = [
    (cancel_now, SubscriptionStatus.CANCELED, False, SubscriptionAlreadyCanceled),
    (cancel_now, SubscriptionStatus.INCOMPLETE_EXPIRED, False, SubscriptionAlreadyCanceled),
    (cancel_subscription, SubscriptionStatus.CANCELED, False, SubscriptionAlreadyCanceled),
    (cancel_subscription, SubscriptionStatus.ACTIVE, True, SubscriptionAlreadyCanceled),
    (cancel_subscription, SubscriptionStatus.INCOMPLETE, False, SubscriptionNotActive),
    (cancel_subscription, SubscriptionStatus.PAUSED, False, SubscriptionNotActive),
    (resume_subscription, SubscriptionStatus.CANCELED, True, SubscriptionNotActive),
    (resume_subscription, SubscriptionStatus.ACTIVE, False, SubscriptionNotActive),
    (pause_subscription, SubscriptionStatus.TRIALING, False, SubscriptionNotActive),
    (pause_subscription, SubscriptionStatus.PAST_DUE, False, SubscriptionNotActive),
    (pause_subscription, SubscriptionStatus.PAUSED, False, SubscriptionNotActive),
    (pause_subscription, SubscriptionStatus.ACTIVE, True, InvalidInput),
    (unpause_subscription, SubscriptionStatus.ACTIVE, False, SubscriptionNotActive),
    (unpause_subscription, SubscriptionStatus.CANCELED, False, SubscriptionNotActive),
]


@pytest.mark.parametrize(("verb", "status", "ending", "refusal"), ONLY_AFTER)
async def test_what_cannot_be_changes_nothing(
    shop: Billing, stripe: Between, verb: Verb, status: SubscriptionStatus, ending: bool, refusal: type[Refusal]
) -> None:
    subscription = await begun(shop, stripe)
    planned = {"cancel_at": subscription.current_period_end, "cancel_at_period_end": True} if ending else {}
    await Subscription.filter(id=subscription.id).update(status=status.value, **planned)
    stripe.clear()
    before = await everything()
    with pytest.raises(refusal):
        await verb(shop, mine(subscription))
    assert (await everything(), stripe.posted) == (before, [])


@pytest.mark.parametrize("verb", [cancel_now, cancel_subscription, resume_subscription, pause_subscription, unpause_subscription])
async def test_others_are_told_that_there_is_none(shop: Billing, stripe: Between, verb: Verb) -> None:
    subscription = await begun(shop, stripe)
    stripe.clear()
    before = await everything()
    for asked in (
        mine(subscription, BOB),
        Asked(ALICE, "sbn_unknown", staff=True, key=None),
        Asked(BOB, subscription.id[:-1], False, None),
    ):
        with pytest.raises(NotFound) as refused:
            await verb(shop, asked)
        assert refused.value.field == ("id",)
    for bad in ("\0", "s" * 33):
        with pytest.raises(InvalidInput):
            await verb(shop, Asked(ALICE, bad, staff=False, key=None))
    assert (await everything(), stripe.posted) == (before, [])


async def test_a_reason_is_bounded(shop: Billing, stripe: Between) -> None:
    subscription = await begun(shop, stripe)
    for reason in ("x" * 501, "\0"):
        with pytest.raises(InvalidInput) as refused:
            await cancel_subscription(shop, mine(subscription), reason=reason)
        assert refused.value.field == ("reason",)
    assert await SubscriptionChange.all().count() == 0


async def test_the_same_key_does_it_once(shop: Billing, stripe: Between) -> None:
    subscription = await begun(shop, stripe)
    stripe.clear()
    for _ in range(3):
        assert (await cancel_subscription(shop, mine(subscription, key="key"))).object_id == subscription.id
    change = await SubscriptionChange.get()
    assert stripe.posted == [(f"/v1/subscriptions/{subscription.stripe_subscription_id}", f"subscription-change-{change.id}")]


async def test_many_at_once_are_one_change(shop: Billing, stripe: Between) -> None:
    subscription = await begun(shop, stripe)
    calls = [cancel_subscription(shop, mine(subscription, key=f"key-{number % 4}")) for number in range(12)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(answer) for answer in answers} <= {Done, IdempotencyKeyInUse, SubscriptionAlreadyCanceled}
    assert await changes(subscription) == [("CANCEL", "DONE")]
    assert await AuditEntry.filter(action="subscription.cancel").count() == 1


@pytest.mark.parametrize("fault", [instead(500), afterwards(502)], ids=["never reached", "answer lost"])
async def test_what_was_cut_off_stays_pending_and_is_finished_by_itself(shop: Billing, stripe: Between, fault: Any) -> None:
    subscription = await begun(shop, stripe)
    stripe.clear()
    path = f"/{subscription.stripe_subscription_id}"
    stripe.faults += [(path, fault)] + [(path, instead(500))] * 3
    with pytest.raises(StripeUnavailable):
        await cancel_subscription(shop, mine(subscription, key="key"))
    assert await changes(subscription) == [("CANCEL", "PENDING")]
    with pytest.raises(IdempotencyKeyInUse) as refused:
        await cancel_now(shop, mine(subscription))
    assert (refused.value.field, refused.value.retryable) == (("id",), True)
    assert await finish_pending(shop, older_than=-timedelta(days=1)) == 1
    assert await changes(subscription) == [("CANCEL", "DONE")]
    assert (await Subscription.get(id=subscription.id)).cancel_at_period_end
    assert (await cancel_subscription(shop, mine(subscription, key="key"))).object_id == subscription.id
    assert len(set(stripe.keys(path))) == 1


async def test_what_stripe_refuses_is_failed_and_answered_so_again(shop: Billing, stripe: Between) -> None:
    subscription = await begun(shop, stripe)
    stripe.clear()
    stripe.faults.append((f"/{subscription.stripe_subscription_id}", error(400, "invalid_request_error", "No.")))
    for _ in range(2):
        with pytest.raises(StripeRejected, match=r"No\."):
            await cancel_subscription(shop, mine(subscription, key="key"))
    row = await SubscriptionChange.get()
    assert (row.status, row.failure, row.pending_subscription_id, len(stripe.posted)) == ("FAILED", "No.", None, 1)
    assert (await heard(shop, subscription)).cancel_at is None
    await cancel_subscription(shop, mine(subscription, key="another"))
    assert await changes(subscription) == [("CANCEL", "FAILED"), ("CANCEL", "DONE")]


async def test_what_stripe_did_not_hear_for_a_day_is_given_up(shop: Billing, stripe: Between) -> None:
    subscription = await begun(shop, stripe)
    stripe.clear()
    stripe.faults += [(f"/{subscription.stripe_subscription_id}", instead(500))] * 4
    with pytest.raises(StripeUnavailable):
        await cancel_subscription(shop, mine(subscription))
    change = await SubscriptionChange.get()
    await SubscriptionChange.filter(id=change.id).update(created_at=change.created_at - timedelta(days=1))
    assert await finish_pending(shop, older_than=-timedelta(days=1)) == 1
    change = await SubscriptionChange.get()
    assert (change.status, change.failure) == ("FAILED", UNREACHED)


async def two_seats(billing: Billing, asked: Asked) -> Done[None]:
    held = await Subscription.get(id=asked.subscription_id)
    return await change_plan(billing, asked, PlanChange(str(held.price_id), 2, ProrationBehavior.ALWAYS_INVOICE))


@pytest.mark.parametrize("verb", [cancel_subscription, pause_subscription, two_seats])
async def test_what_stripe_did_although_it_was_not_heard_of_for_a_day_is_done(shop: Billing, stripe: Between, verb: Verb) -> None:
    subscription = await begun(shop, stripe)
    stripe.clear()
    stripe.faults += [("", afterwards(502)), *[("", instead(500))] * 3]
    with pytest.raises(StripeUnavailable):
        await verb(shop, mine(subscription))
    change = await SubscriptionChange.get()
    await SubscriptionChange.filter(id=change.id).update(created_at=change.created_at - timedelta(days=1))
    stripe.clear()
    assert await finish_pending(shop, older_than=-timedelta(days=1)) == 1
    assert [status for _, status in await changes(subscription)] == ["DONE"]
    assert stripe.posted == []
