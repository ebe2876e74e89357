"""Another price or quantity: what it costs is said before, and charged so; what cannot be changes nothing."""

import asyncio
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from models import AuditEntry, BillingInterval, Customer, Entitlement, Plan, PlanKind, Price, Subscription, SubscriptionChange
from models.money import Money
from services.billing import Billing
from services.catalogue import PlanTerms, PriceTerms, save_plan
from services.checkout import create_checkout_session
from services.errors import (
    AlreadySubscribed,
    AmountTooSmall,
    CardDeclined,
    InvalidInput,
    NotFound,
    PlanInactive,
    PriceUnavailable,
    Refusal,
    StripeUnavailable,
    SubscriptionAlreadyCanceled,
    SubscriptionNotActive,
)
from services.plan_changes import PlanChange, Preview, ProrationBehavior, change_plan, preview_change
from services.promotion_codes import PromotionTerms, create_promotion_code
from services.recovery import finish_pending
from services.subscription_changes import Asked
from services.subscriptions import cancel_subscription
from settings import OneSubscriptionPer
from tests.services.between import Between, instead
from tests.services.shop import ALICE, BOB, SUPPORT, checkout, price_of, subscribed
from tests.services.subscribers import DAY, MONTHLY, at, begun, heard, invoices, mine

TEAM = PlanTerms(
    code="team",
    kind=PlanKind.SUBSCRIPTION,
    name="Team",
    credits=100,
    features=("export", "audit"),
    prices=(PriceTerms("USD", 4_900, BillingInterval.MONTH, 1), PriceTerms("USD", 1, BillingInterval.MONTH, 3)),
)
NOW, LATER, NEVER = ProrationBehavior.ALWAYS_INVOICE, ProrationBehavior.CREATE_PRORATIONS, ProrationBehavior.NONE


async def team(billing: Billing) -> Price:
    await save_plan(billing, TEAM)
    plan = await Plan.get(code="team")
    return await Price.get(plan_id=plan.id, interval_count=1)


def usd(amount: int) -> Money:
    return Money(amount, "USD")


def asking(subscription: Subscription, change: PlanChange) -> Asked:
    """Its owner; staff for what they alone may give."""
    return Asked(SUPPORT, subscription.id, staff=True, key=None) if change.proration is NEVER else mine(subscription)


async def previewed(billing: Billing, subscription: Subscription, change: PlanChange) -> tuple[Preview, PlanChange]:
    """What it would cost, and the change that costs just that."""
    preview = await preview_change(billing, asking(subscription, change), change)
    dated = None if change.proration is NEVER else preview.proration_date
    return preview, PlanChange(change.price_id, change.quantity, change.proration, dated)


def share(subscription: Subscription, preview: Preview, amount: int) -> int:
    """What remains of an amount from the preview's date to the period's end, rounded half up."""
    start, end, then = at(subscription.current_period_start), at(subscription.current_period_end), at(preview.proration_date)
    return int(amount * Fraction(end - then, end - start) + Fraction(1, 2))


async def test_what_is_charged_now_is_what_was_said(shop: Billing, stripe: Between) -> None:
    subscription, price = await begun(shop, stripe), await team(shop)
    await stripe.sandbox.engine.advance(10 * DAY)
    preview, change = await previewed(shop, await heard(shop, subscription), PlanChange(price.id, 2, NOW))
    unused, remaining = share(subscription, preview, 1_900), share(subscription, preview, 9_800)
    assert (
        [line.amount for line in preview.lines if line.proration] == [usd(-unused), usd(remaining)] == [one.amount for one in preview.lines]
    )
    assert (preview.due_now, preview.next_invoice_total) == (usd(remaining - unused), usd(9_800))
    assert preview.next_invoice_at == subscription.current_period_end
    await change_plan(shop, asking(subscription, change), change)
    row = await heard(shop, subscription)
    assert (row.price_id, row.plan_id, row.quantity, row.monthly_amount) == (price.id, price.plan_id, 2, 9_800)
    assert await invoices(row) == [("PAID", 1_900, "subscription_create"), ("PAID", remaining - unused, "subscription_update")]
    told = await AuditEntry.get(action="subscription.change")
    assert told.changes == {
        "change": (await SubscriptionChange.get()).id,
        "price": [subscription.price_id, price.id],
        "quantity": [1, 2],
        "proration": "ALWAYS_INVOICE",
    }
    features = await Entitlement.filter(subscription_id=row.id, revoked_reason=None).order_by("feature")
    assert [held.feature for held in features] == ["audit", "export"]


async def test_what_waits_for_the_next_invoice_is_what_was_said(shop: Billing, stripe: Between) -> None:
    subscription, price = await begun(shop, stripe), await team(shop)
    await stripe.sandbox.engine.advance(10 * DAY)
    preview, change = await previewed(shop, subscription, PlanChange(price.id))
    unused, remaining = share(subscription, preview, 1_900), share(subscription, preview, 4_900)
    assert (preview.due_now, preview.next_invoice_total) == (usd(0), usd(4_900 + remaining - unused))
    await change_plan(shop, asking(subscription, change), change)
    assert await invoices(await heard(shop, subscription)) == [("PAID", 1_900, "subscription_create")]
    await stripe.sandbox.engine.advance(25 * DAY)
    assert (await invoices(await heard(shop, subscription)))[1:] == [("PAID", preview.next_invoice_total.amount, "subscription_cycle")]


async def test_without_prorations_the_new_price_counts_from_the_next_period(shop: Billing, stripe: Between) -> None:
    subscription, price = await begun(shop, stripe), await team(shop)
    await stripe.sandbox.engine.advance(10 * DAY)
    preview, change = await previewed(shop, subscription, PlanChange(price.id, proration=NEVER))
    assert (preview.due_now, preview.next_invoice_total) == (usd(0), usd(4_900))
    await change_plan(shop, asking(subscription, change), change)
    await stripe.sandbox.engine.advance(25 * DAY)
    assert (await invoices(await heard(shop, subscription)))[1:] == [("PAID", 4_900, "subscription_cycle")]


async def test_nobody_gives_themselves_more_for_the_rest_of_a_period(shop: Billing, stripe: Between) -> None:
    """Less may wait for the next period, also by its owner, and another period is paid for anyway."""
    subscription, price = await begun(shop, stripe, **MONTHLY, quantity=3), await team(shop)
    held, yearly = str(subscription.price_id), await price_of("pro", "USD", "YEAR")
    stripe.clear()
    for change in (PlanChange(price.id, 3, NEVER), PlanChange(price.id, 2, NEVER), PlanChange(held, 4, NEVER)):
        for verb in (change_plan, preview_change):
            with pytest.raises(InvalidInput) as refused:
                await verb(shop, mine(subscription), change)
            assert refused.value.field == ("proration",)
    assert (stripe.posted, await SubscriptionChange.all().count()) == ([], 0)
    for allowed in (PlanChange(price.id, 1, NEVER), PlanChange(held, 2, NEVER), PlanChange(yearly.id, 3, NEVER)):
        await preview_change(shop, mine(subscription), allowed)
        await change_plan(shop, mine(subscription), allowed)
        subscription = await heard(shop, subscription)
    assert [row[1] for row in await invoices(subscription)] == [5_700, 57_000]


@pytest.mark.parametrize("proration", ProrationBehavior)
async def test_another_interval_begins_a_period_now(shop: Billing, stripe: Between, proration: ProrationBehavior) -> None:
    subscription, price = await begun(shop, stripe), await price_of("pro", "USD", "YEAR")
    await stripe.sandbox.engine.advance(10 * DAY)
    preview, change = await previewed(shop, subscription, PlanChange(price.id, proration=proration))
    unused = 0 if proration is NEVER else share(subscription, preview, 1_900)
    assert (preview.due_now, preview.next_invoice_total) == (usd(19_000 - unused), usd(19_000))
    await change_plan(shop, asking(subscription, change), change)
    row = await heard(shop, subscription)
    assert (await invoices(row))[1:] == [("PAID", 19_000 - unused, "subscription_update")]
    assert row.monthly_amount == 1_583
    assert row.current_period_end is not None
    assert preview.next_invoice_at is not None
    assert abs(row.current_period_end - preview.next_invoice_at) < timedelta(seconds=30)


@pytest.mark.parametrize(("months", "following"), [(None, 0), (11, 0), (13, 9_500)])
async def test_a_discount_that_is_over_by_then_is_not_taken_off_the_next_invoice(
    shop: Billing, stripe: Between, engine: str, months: int | None, following: int
) -> None:
    """Half is taken off the year that is charged now, unless it was taken off the first month alone."""
    terms = PromotionTerms(f"half-{months}-{engine}", percent_off=50.0, duration_in_months=months)
    await create_promotion_code(shop, SUPPORT, terms, None)
    subscription, yearly = await begun(shop, stripe, **MONTHLY, promotion_code=terms.code), await price_of("pro", "USD", "YEAR")
    once = months is None
    preview, change = await previewed(shop, subscription, PlanChange(yearly.id, proration=NEVER))
    assert (preview.due_now, preview.next_invoice_total) == (usd(19_000 if once else 9_500), usd(19_000 - following))
    await change_plan(shop, asking(subscription, change), change)
    await stripe.sandbox.engine.advance(366 * DAY)
    assert (await invoices(await heard(shop, subscription)))[1:] == [
        ("PAID", preview.due_now.amount, "subscription_update"),
        ("PAID", preview.next_invoice_total.amount, "subscription_cycle"),
    ]


async def test_what_is_given_back_now_pays_later_invoices(shop: Billing, stripe: Between) -> None:
    subscription, price = await begun(shop, stripe, **MONTHLY, quantity=5), await team(shop)
    preview, change = await previewed(shop, subscription, PlanChange(price.id, 1, NOW))
    assert preview.due_now.amount < 0
    await change_plan(shop, asking(subscription, change), change)
    row = await heard(shop, subscription)
    assert (await invoices(row))[1:] == [("PAID", preview.due_now.amount, "subscription_update")]
    await stripe.sandbox.engine.advance(32 * DAY)
    told = await shop.stripe.retrieve("customer", str((await Customer.get(id=row.customer_id)).stripe_customer_id))
    assert told is not None
    assert told.object["balance"] == min(0, preview.due_now.amount + 4_900)


async def test_a_declined_card_changes_nothing(shop: Billing, stripe: Between) -> None:
    subscription, price = await begun(shop, stripe), await team(shop)
    await let_fail(shop, stripe, subscription)
    before = await stripe_s(shop, subscription)
    for _ in range(2):
        with pytest.raises(CardDeclined):
            await change_plan(shop, mine(subscription, key="key"), PlanChange(price.id, proration=NOW))
    assert await stripe_s(shop, subscription) == before
    row = await heard(shop, subscription)
    assert (row.price_id, row.status, await invoices(row)) == (subscription.price_id, "ACTIVE", [("PAID", 1_900, "subscription_create")])
    change = await SubscriptionChange.get()
    assert (change.status, change.failure) == ("FAILED", "Your card was declined.")


async def let_fail(billing: Billing, stripe: Between, subscription: Subscription) -> None:
    """Give the subscription a card that attaches, and is declined when it is charged."""
    customer = str((await Customer.get(id=subscription.customer_id)).stripe_customer_id)
    made: Any = {"type": "card", "card": {"number": "4000000000000341", "exp_month": 12, "exp_year": 2055, "cvc": "123"}}
    method = await billing.stripe.call("x", lambda client: client.v1.payment_methods.create_async(made))
    named = method.object["id"]
    await billing.stripe.call("x", lambda client: client.v1.payment_methods.attach_async(named, {"customer": customer}))
    stripe_id = subscription.stripe_subscription_id
    await billing.stripe.call("x", lambda client: client.v1.subscriptions.update_async(stripe_id, {"default_payment_method": named}))


async def stripe_s(billing: Billing, subscription: Subscription) -> dict[str, Any]:
    told = await billing.stripe.retrieve("subscription", subscription.stripe_subscription_id)
    assert told is not None
    return told.object


async def test_what_cannot_be_changes_nothing(shop: Billing, stripe: Between) -> None:
    subscription, price = await begun(shop, stripe), await team(shop)
    small = await Price.get(plan_id=price.plan_id, interval_count=3)
    yen, package = await price_of("pro", "JPY", "MONTH"), await price_of("course", "USD")
    held = str(subscription.price_id)
    refused: list[tuple[PlanChange, type[Refusal], str]] = [
        (PlanChange("prc_unknown"), NotFound, "priceId"),
        (PlanChange("\0"), InvalidInput, "priceId"),
        (PlanChange(yen.id), InvalidInput, "priceId"),
        (PlanChange(package.id), InvalidInput, "priceId"),
        (PlanChange(held), InvalidInput, "priceId"),
        (PlanChange(held, 1), InvalidInput, "priceId"),
        (PlanChange(price.id, 0), InvalidInput, "quantity"),
        (PlanChange(price.id, 10_001), InvalidInput, "quantity"),
        (PlanChange(small.id), AmountTooSmall, "quantity"),
        (PlanChange(price.id, proration=NEVER, proration_date=datetime.now(UTC)), InvalidInput, "prorationDate"),
        (PlanChange(price.id, proration_date=datetime(2020, 1, 1, tzinfo=UTC)), InvalidInput, "prorationDate"),
    ]
    stripe.clear()
    for change, refusal, field in refused:
        for verb in (change_plan, preview_change):
            with pytest.raises(refusal) as told:
                await verb(shop, mine(subscription), change)
            assert told.value.field == (field,), change
    for verb in (change_plan, preview_change):
        for asked in (mine(subscription, BOB), Asked(ALICE, "sbn_unknown", staff=True, key=None)):
            with pytest.raises(NotFound):
                await verb(shop, asked, PlanChange(price.id))
    assert (await SubscriptionChange.all().count(), await AuditEntry.filter(action="subscription.change").count()) == (0, 0)
    assert stripe.posted == []


async def test_the_date_is_that_of_a_preview_of_just_before(shop: Billing, stripe: Between) -> None:
    """One of the period's end would make a dear plan cost nothing until then, one of its beginning give back what was used."""
    subscription, price = await begun(shop, stripe), await team(shop)
    await stripe.sandbox.engine.advance(10 * DAY)
    preview, change = await previewed(shop, subscription, PlanChange(price.id, proration=NOW))
    start, end = subscription.current_period_start, subscription.current_period_end
    assert start is not None
    assert end is not None
    minutes = [preview.proration_date - timedelta(minutes=61), preview.proration_date + timedelta(minutes=1)]
    far = [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
    stripe.clear()
    for date in [start, end, end - timedelta(seconds=1), *minutes, *far]:
        for verb in (change_plan, preview_change):
            with pytest.raises(InvalidInput) as refused:
                await verb(shop, mine(subscription), PlanChange(price.id, proration=NOW, proration_date=date))
            assert refused.value.field == ("prorationDate",), date
    assert (await SubscriptionChange.all().count(), stripe.posted) == (0, [])
    await stripe.sandbox.engine.advance(3_000)
    await change_plan(shop, asking(subscription, change), change)
    paid = (await invoices(await heard(shop, subscription)))[1][1]
    assert paid == preview.due_now.amount


async def test_nobody_is_credited_for_what_came_before_the_last_change(shop: Billing, stripe: Between) -> None:
    subscription, price = await begun(shop, stripe), await team(shop)
    await stripe.sandbox.engine.advance(10 * DAY)
    held = str(subscription.price_id)
    preview, _ = await previewed(shop, subscription, PlanChange(price.id))
    await stripe.sandbox.engine.advance(1_800)
    await change_plan(shop, mine(subscription), PlanChange(price.id, proration=NOW))
    for verb in (change_plan, preview_change):
        with pytest.raises(InvalidInput) as refused:
            await verb(shop, mine(subscription), PlanChange(held, proration=NOW, proration_date=preview.proration_date))
        assert refused.value.field == ("prorationDate",)
    await change_plan(shop, mine(subscription), PlanChange(held, proration=NOW))
    (_, (_, charged, _), (_, credited, _)) = await invoices(await heard(shop, subscription))
    assert abs(charged + credited) <= 1


async def test_a_change_that_was_cut_off_costs_what_it_did_when_it_was_asked(shop: Billing, stripe: Between) -> None:
    subscription, price = await begun(shop, stripe), await team(shop)
    await stripe.sandbox.engine.advance(10 * DAY)
    preview, _ = await previewed(shop, subscription, PlanChange(price.id, proration=NOW))
    stripe.faults += [(f"/{subscription.stripe_subscription_id}", instead(500))] * 4
    with pytest.raises(StripeUnavailable):
        await change_plan(shop, mine(subscription), PlanChange(price.id, proration=NOW))
    await stripe.sandbox.engine.advance(5 * DAY)
    assert await finish_pending(shop, older_than=-timedelta(days=1)) == 1
    paid = (await invoices(await heard(shop, subscription)))[1][1]
    assert abs(paid - preview.due_now.amount) <= 1


@pytest.mark.parametrize(
    ("state", "refusal"),
    [
        ({"status": "CANCELED"}, SubscriptionNotActive),
        ({"status": "UNPAID"}, SubscriptionNotActive),
        ({"status": "PAUSED"}, SubscriptionNotActive),
        ({"status": "INCOMPLETE"}, SubscriptionNotActive),
        ({"cancel_at": datetime(2055, 1, 1, tzinfo=UTC)}, SubscriptionAlreadyCanceled),
    ],
)
async def test_one_that_rests_or_ends_is_not_changed(shop: Billing, stripe: Between, state: dict[str, Any], refusal: type[Refusal]) -> None:
    subscription, price = await begun(shop, stripe), await team(shop)
    await Subscription.filter(id=subscription.id).update(**state)
    for verb in (change_plan, preview_change):
        with pytest.raises(refusal):
            await verb(shop, mine(subscription), PlanChange(price.id))


async def test_a_price_that_is_no_longer_sold_is_kept_but_not_taken(shop: Billing, stripe: Between) -> None:
    subscription, price = await begun(shop, stripe), await team(shop)
    await Price.filter(id__in=[price.id, subscription.price_id]).update(active=False)
    with pytest.raises(PriceUnavailable):
        await change_plan(shop, mine(subscription), PlanChange(price.id))
    await Plan.filter(id__in=[price.plan_id, subscription.plan_id]).update(active=False)
    with pytest.raises(PlanInactive):
        await change_plan(shop, mine(subscription), PlanChange(price.id))
    await change_plan(shop, mine(subscription), PlanChange(str(subscription.price_id), 3))
    assert (await heard(shop, subscription)).quantity == 3


async def test_one_that_ends_can_have_more_seats_until_then(shop: Billing, stripe: Between) -> None:
    subscription = await begun(shop, stripe)
    await cancel_subscription(shop, mine(subscription))
    await change_plan(shop, mine(subscription), PlanChange(str(subscription.price_id), 2, NOW))
    row = await heard(shop, subscription)
    assert (row.quantity, row.cancel_at_period_end, len(await invoices(row))) == (2, True, 2)


async def test_the_same_key_changes_and_charges_once(shop: Billing, stripe: Between) -> None:
    subscription, price = await begun(shop, stripe), await team(shop)
    for _ in range(3):
        await change_plan(shop, mine(subscription, key="key"), PlanChange(price.id, proration=NOW))
    assert len(await invoices(await heard(shop, subscription))) == 2
    assert await SubscriptionChange.all().count() == 1


async def test_after_a_price_of_nothing_a_period_begins_now(shop: Billing, stripe: Between) -> None:
    await save_plan(shop, PlanTerms("free", TEAM.kind, "Free", (PriceTerms("USD", 0, BillingInterval.MONTH, 1),)))
    subscription, price = await begun(shop, stripe, **MONTHLY | {"plan_code": "free"}), await team(shop)
    await stripe.sandbox.engine.advance(10 * DAY)
    preview, change = await previewed(shop, subscription, PlanChange(price.id))
    assert (preview.due_now, preview.next_invoice_total) == (usd(4_900), usd(4_900))
    await change_plan(shop, asking(subscription, change), change)
    row = await heard(shop, subscription)
    assert (await invoices(row))[1:] == [("PAID", 4_900, "subscription_update")]
    assert at(row.current_period_start) > at(subscription.current_period_start)


async def test_in_a_trial_nothing_is_due(shop: Billing, stripe: Between) -> None:
    subscription = await begun(shop, stripe, plan_code="pro", currency="USD", interval=BillingInterval.YEAR)
    assert subscription.status == "TRIALING"
    price = await team(shop)
    preview, change = await previewed(shop, subscription, PlanChange(price.id, proration=NOW))
    assert (preview.due_now, preview.next_invoice_total, preview.next_invoice_at) == (usd(0), usd(4_900), subscription.current_period_end)
    await change_plan(shop, asking(subscription, change), change)
    row = await heard(shop, subscription)
    assert (row.status, row.price_id, await invoices(row)) == ("TRIALING", price.id, [("PAID", 0, "subscription_create")])


async def test_of_a_group_one_is_had(shop: Billing, stripe: Between) -> None:
    """Alice has pro, and something of another group: that is not changed to what excludes pro."""
    first, price = await begun(shop, stripe), await team(shop)
    other = await begun(shop, stripe, plan_code="team", currency="USD", interval=BillingInterval.MONTH)
    await Plan.filter(code__in=["pro", "course"]).update(plan_group="tier")
    await save_plan(shop, PlanTerms("plus", TEAM.kind, "Plus", prices=(PriceTerms("USD", 900, BillingInterval.MONTH, 1),)))
    await Plan.filter(code="plus").update(plan_group="tier")
    plus = await price_of("plus", "USD", "MONTH")
    for verb in (change_plan, preview_change):
        with pytest.raises(AlreadySubscribed) as refused:
            await verb(shop, mine(other), PlanChange(plus.id))
        assert refused.value.field == ("priceId",)
    await change_plan(shop, mine(first), PlanChange(plus.id))
    assert (await heard(shop, first)).plan_id == plus.plan_id
    with pytest.raises(AlreadySubscribed):
        await begun(shop, stripe)
    assert (await Subscription.filter(status="ACTIVE").count(), price.plan_id == other.plan_id) == (2, True)


async def test_two_changes_at_once_do_not_end_in_one_group(shop: Billing, stripe: Between) -> None:
    first, _ = await begun(shop, stripe), await team(shop)
    other = await begun(shop, stripe, plan_code="team", currency="USD", interval=BillingInterval.MONTH)
    for code in ("plus", "more"):
        await save_plan(shop, PlanTerms(code, TEAM.kind, code, prices=(PriceTerms("USD", 900, BillingInterval.MONTH, 1),)))
    await Plan.filter(code__in=["plus", "more"]).update(plan_group="new")
    plus, more = await price_of("plus", "USD", "MONTH"), await price_of("more", "USD", "MONTH")
    answers = await asyncio.gather(
        change_plan(shop, mine(first), PlanChange(plus.id)),
        change_plan(shop, mine(other), PlanChange(more.id)),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, AlreadySubscribed) for answer in answers) == 1
    assert await Subscription.filter(plan_id__in=[plus.plan_id, more.plan_id]).count() == 1


@pytest.mark.parametrize("per", OneSubscriptionPer)
async def test_what_excludes_what_is_a_setting(shop: Billing, stripe: Between, per: OneSubscriptionPer) -> None:
    customer = await Customer.create(external_id="alice")
    await subscribed(ALICE, customer.id)
    await team(shop)
    await Plan.filter(code__in=["pro", "team"]).update(plan_group="tier")
    ruled = Billing(shop.settings.model_copy(update={"one_subscription_per": per}), shop.stripe)
    for code, refused in (("pro", per != OneSubscriptionPer.NONE), ("team", per == OneSubscriptionPer.GROUP)):
        choice = {"plan_code": code, "currency": "USD", "interval": BillingInterval.MONTH}
        if refused:
            with pytest.raises(AlreadySubscribed):
                await create_checkout_session(ruled, ALICE, checkout(**choice))
        else:
            await create_checkout_session(ruled, ALICE, checkout(**choice))
