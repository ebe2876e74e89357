"""What is wrong with subscriptions that run: each trouble is found, what can be is mended, and a dry check changes nothing."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from models import AuditEntry, BillingInterval, Customer, Plan, Price, Subscription, SubscriptionChange
from sandbox.transaction import Transaction
from services.billing import Billing
from services.errors import StripeUnavailable
from services.subscription_checks import Checked, Found, Trouble, check_subscriptions
from tests.reconciliation.command import Command
from tests.services.between import Between, instead
from tests.services.shop import BOB, price_of
from tests.services.subscribers import DAY, MONTHLY, begun, heard


async def checked(billing: Billing, *, dry: bool = True) -> list[Found]:
    found: list[Found] = []
    told: list[Checked] = []
    answer = await check_subscriptions(billing, dry=dry, stop=asyncio.Event(), found=found.append, told=told.append)
    assert (answer.ended, answer.counts.total()) == (True, len(found))
    assert told[-1] is answer
    return found


async def troubles(billing: Billing, *, dry: bool = True) -> list[tuple[str, str, bool]]:
    return [(one.trouble.value, one.detail, one.mended) for one in await checked(billing, dry=dry)]


async def card_of(billing: Billing, subscription: Subscription, number: str, **expiry: Any) -> None:
    """Let the subscription be charged to another card."""
    customer = str((await Customer.get(id=subscription.customer_id)).stripe_customer_id)
    card: dict[str, Any] = {"number": number, "exp_month": 12, "exp_year": 2055, "cvc": "123"} | expiry
    made: Any = {"type": "card", "card": card}
    named = (await billing.stripe.call("x", lambda client: client.v1.payment_methods.create_async(made))).object["id"]
    await billing.stripe.call("x", lambda client: client.v1.payment_methods.attach_async(named, {"customer": customer}))
    stripe_id = subscription.stripe_subscription_id
    await billing.stripe.call("x", lambda client: client.v1.subscriptions.update_async(stripe_id, {"default_payment_method": named}))


async def test_nothing_is_wrong_with_what_is_right(shop: Billing, stripe: Between) -> None:
    await begun(shop, stripe)
    assert await troubles(shop) == []
    assert await troubles(shop, dry=False) == []


async def test_what_differs_is_mended(shop: Billing, stripe: Between) -> None:
    subscription = await begun(shop, stripe)
    await Subscription.filter(id=subscription.id).update(quantity=7, status="TRIALING", stripe_version=0)
    detail = "other at Stripe: quantity, status"
    assert await troubles(shop) == [("DIFFERENT", detail, False)]
    assert (await Subscription.get(id=subscription.id)).quantity == 7
    (found,) = await checked(shop, dry=False)
    assert found == Found(Trouble.DIFFERENT, subscription.id, subscription.stripe_subscription_id, "alice", detail, mended=True)
    assert await troubles(shop) == []
    assert await AuditEntry.filter(action="subscription.reconcile", object_id=subscription.id).count() == 1


async def test_what_ended_without_our_knowing_is_ended(shop: Billing, stripe: Between) -> None:
    subscription = await begun(shop, stripe)
    stripe_id = subscription.stripe_subscription_id
    await shop.stripe.call("x", lambda client: client.v1.subscriptions.cancel_async(stripe_id))
    await Subscription.filter(id=subscription.id).update(stripe_version=0)
    assert [one[0] for one in await troubles(shop, dry=False)] == ["DIFFERENT"]
    assert (await Subscription.get(id=subscription.id)).status == "CANCELED"
    assert await troubles(shop) == []


async def test_what_is_gone_at_stripe_is_said(shop: Billing, stripe: Between) -> None:
    subscription = await begun(shop, stripe)
    await Subscription.filter(id=subscription.id).update(stripe_subscription_id="sub_gone")
    assert await troubles(shop, dry=False) == [("MISSING", "Stripe has no such subscription any more", False)]


async def test_what_is_not_paid(shop: Billing, stripe: Between) -> None:
    subscription = await begun(shop, stripe)
    await card_of(shop, subscription, "4000000000000341")
    await stripe.sandbox.engine.advance(32 * DAY)
    row = await heard(shop, subscription)
    assert (row.status, await troubles(shop)) == ("PAST_DUE", [])
    await stripe.sandbox.engine.advance(7 * DAY)
    row = await heard(shop, subscription)
    began = f"{row.current_period_start:%Y-%m-%d}"
    assert await troubles(shop) == [("PAST_GRACE", f"past due since {began}: it entitles no more", False)]


@pytest.mark.parametrize(
    ("expiry", "found"),
    [
        ({"exp_month": 12, "exp_year": 2055}, []),
        ({"exp_month": 0, "exp_year": 0}, ["CARD_EXPIRES"]),
    ],
)
async def test_a_card_that_expires_before_the_renewal(shop: Billing, stripe: Between, expiry: dict[str, int], found: list[str]) -> None:
    """A yearly subscription, whose card expires in three months."""
    subscription = await begun(shop, stripe, **MONTHLY | {"interval": BillingInterval.YEAR})
    await stripe.sandbox.engine.advance(15 * DAY)
    now = datetime.fromtimestamp(stripe.sandbox.clock.now(), UTC) + timedelta(days=90)
    given = {name: value or getattr(now, {"exp_month": "month", "exp_year": "year"}[name]) for name, value in expiry.items()}
    await card_of(shop, await heard(shop, subscription), "4242424242424242", **given)
    row = await heard(shop, subscription)
    assert [one[0] for one in await troubles(shop)] == found
    stripe_id = row.stripe_subscription_id
    await shop.stripe.call("x", lambda client: client.v1.subscriptions.update_async(stripe_id, {"cancel_at_period_end": True}))
    await heard(shop, row)
    assert await troubles(shop) == []


async def test_nothing_to_charge(shop: Billing, stripe: Between) -> None:
    subscription = await begun(shop, stripe)
    told = await shop.stripe.retrieve("subscription", subscription.stripe_subscription_id)
    assert told is not None
    method = told.object["default_payment_method"]
    await shop.stripe.call("x", lambda client: client.v1.payment_methods.detach_async(method))
    row = await heard(shop, subscription)
    assert (row.stripe_payment_method_id, (await Customer.get(id=row.customer_id)).stripe_payment_method_id) == (None, None)
    renewal = f"{row.current_period_end:%Y-%m-%d}"
    assert await troubles(shop) == [("NO_PAYMENT_METHOD", f"there is nothing to charge at the renewal of {renewal}", False)]


async def test_instalments_without_an_end_get_one(shop: Billing, stripe: Between) -> None:
    subscription = await begun(shop, stripe)
    await Price.filter(id=subscription.price_id).update(instalments=3)
    assert [one[::2] for one in await troubles(shop)] == [("ENDLESS", False)]
    assert (await heard(shop, subscription)).cancel_at is None
    assert [one[::2] for one in await troubles(shop, dry=False)] == [("ENDLESS", True)]
    assert (await heard(shop, subscription)).cancel_at is not None
    assert await troubles(shop) == []


async def test_two_of_a_group_and_a_change_that_waits(shop: Billing, stripe: Between) -> None:
    first = await begun(shop, stripe)
    other = await begun(shop, stripe, caller=BOB)
    await Subscription.filter(id=other.id).update(customer_id=first.customer_id)
    await Plan.filter(code="pro").update(plan_group="tier")
    made = datetime.now(UTC) - timedelta(hours=2)
    change = SubscriptionChange(kind="PAUSE", subscription_id=first.id, pending_subscription_id=first.id, customer_id=first.customer_id)
    change.created_at = made
    await change.save(force_create=True)
    earlier, later = sorted((first.id, other.id))
    found = sorted((one.trouble.value, one.subscription, one.detail) for one in await checked(shop))
    assert found == [
        ("CHANGE_PENDING", first.id, f"PAUSE waits since {made:%Y-%m-%d %H:%M}"),
        ("SECOND_OF_GROUP", later, f"runs beside {earlier}"),
    ]


@pytest.mark.parametrize("status", ["unpaid", "incomplete"])
async def test_what_waits_for_somebody(shop: Billing, stripe: Between, status: str) -> None:
    subscription = await begun(shop, stripe)
    stripe_id = subscription.stripe_subscription_id

    def become(tx: Transaction) -> None:
        held = tx.get("subscription", stripe_id)
        tx.save(held | {"status": status, "created": held["created"] - 2 * DAY})

    await stripe.sandbox.run(become)
    await Subscription.filter(id=subscription.id).update(status=status.upper(), stripe_version=0)
    (found,) = [one for one in await checked(shop) if one.trouble is not Trouble.DIFFERENT]
    assert (found.trouble, found.mended, found.subscription) == (status.upper(), False, subscription.id)


async def test_stripe_down_ends_it(shop: Billing, stripe: Between) -> None:
    await begun(shop, stripe)
    stripe.reads += [("/v1/subscriptions/", instead(500))] * 4
    with pytest.raises(StripeUnavailable):
        await troubles(shop)


async def test_stopped_it_says_so(shop: Billing, stripe: Between) -> None:
    await begun(shop, stripe)
    stop = asyncio.Event()
    stop.set()
    answer = await check_subscriptions(shop, dry=True, stop=stop, found=lambda _: None, told=lambda _: None)
    assert (answer.ended, answer.total) == (False, 0)


async def test_the_command(shop: Billing, stripe: Between, tmp_path: Path, database: str) -> None:
    subscription = await begun(shop, stripe)
    command = Command(tmp_path, database, stripe.base)
    ended = await command.run("subscriptions", "check")
    assert (ended.code, ended.out) == (0, "")
    assert ended.told == "billgraph: 1 subscriptions checked: nothing found\n"
    await Price.filter(id=(await price_of("pro", "USD", "MONTH")).id).update(instalments=3)
    ended = await command.run("subscriptions", "check", "--dry-run", "--json")
    line = json.loads(ended.out)
    assert (ended.code, line["trouble"], line["subscription"], line["mended"]) == (1, "ENDLESS", subscription.id, False)
    assert ended.told.endswith("nothing was changed: without --dry-run what can be is mended\n")
    ended = await command.run("subscriptions", "check")
    assert ended.code == 1
    assert ended.out.splitlines()[0].split() == ["WHAT", "SUBSCRIPTION", "STRIPE", "ID", "CUSTOMER", "DETAIL"]
    assert ended.out.splitlines()[1].endswith("(mended)")
    assert (await command.run("subscriptions", "check")).code == 0
