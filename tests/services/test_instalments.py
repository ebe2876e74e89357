"""What is paid in so many parts ends by itself, whatever happens in between."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import BillingInterval, Price, Subscription, SubscriptionChange
from services.billing import Billing
from services.errors import InvalidInput
from services.instalments import periods_later, plan_end
from services.outbox_tasks import TASKS
from services.outbox_worker import drain
from services.plan_changes import PlanChange, change_plan
from services.subscriptions import cancel_subscription, pause_subscription, resume_subscription
from tests.services.between import Between
from tests.services.shop import price_of
from tests.services.subscribers import DAY, MONTHLY, begun, heard, invoices, mine


async def in_parts(billing: Billing, stripe: Between, parts: int = 3, interval: BillingInterval = BillingInterval.MONTH) -> Subscription:
    """A subscription to a price of so many parts, whose end was planned as the worker does."""
    price = await price_of("pro", "USD", interval)
    await Price.filter(id=price.id).update(instalments=parts)
    subscription = await begun(billing, stripe, **MONTHLY | {"interval": interval})
    assert await drain(billing, TASKS, 100) == 2  # its end, and what else is open for the plan
    return await heard(billing, subscription)


async def test_after_the_last_part_it_ends(shop: Billing, stripe: Between) -> None:
    subscription = await in_parts(shop, stripe)
    assert subscription.cancel_at == periods_later(began(subscription), await price_of("pro", "USD", "MONTH"), 3)
    assert not subscription.cancel_at_period_end
    for month in range(1, 3):
        await stripe.sandbox.engine.advance(31 * DAY)
        row = await heard(shop, subscription)
        assert (row.status, len(await invoices(row)), row.cancel_at_period_end) == ("ACTIVE", 1 + month, month == 2)
    await stripe.sandbox.engine.advance(31 * DAY)
    row = await heard(shop, subscription)
    assert (row.status, row.ended_at) == ("CANCELED", subscription.cancel_at)
    assert await invoices(row) == [("PAID", 1_900, "subscription_create"), *[("PAID", 1_900, "subscription_cycle")] * 2]


def began(subscription: Subscription) -> datetime:
    assert subscription.current_period_start is not None
    return subscription.current_period_start


async def test_a_trial_comes_before_the_first_part(shop: Billing, stripe: Between) -> None:
    subscription = await in_parts(shop, stripe, 2, BillingInterval.YEAR)
    assert subscription.trial_ends_at is not None
    assert subscription.cancel_at == subscription.trial_ends_at.replace(year=subscription.trial_ends_at.year + 2)


async def test_what_its_owner_planned_goes_first_and_taken_back_it_ends_as_before(shop: Billing, stripe: Between) -> None:
    subscription = await in_parts(shop, stripe)
    await cancel_subscription(shop, mine(subscription))
    row = await heard(shop, subscription)
    assert (row.cancel_at, row.cancel_at_period_end) == (subscription.current_period_end, True)
    await plan_end(shop, subscription.id)
    assert (await heard(shop, subscription)).cancel_at == row.cancel_at
    for _ in range(2):
        await resume_subscription(shop, mine(subscription))
        again = await heard(shop, subscription)
        assert (again.cancel_at, again.cancel_at_period_end) == (subscription.cancel_at, False)
        await cancel_subscription(shop, mine(subscription))
        assert (await heard(shop, subscription)).cancel_at == row.cancel_at


async def test_taken_back_at_stripe_its_end_is_planned_again(shop: Billing, stripe: Between) -> None:
    subscription = await in_parts(shop, stripe)
    stripe_id, none = subscription.stripe_subscription_id, {"cancel_at": ""}
    asked: Any = none
    await shop.stripe.call("x", lambda client: client.v1.subscriptions.update_async(stripe_id, asked))
    assert (await heard(shop, subscription)).cancel_at is None
    assert await drain(shop, TASKS, 100) == 1
    assert (await heard(shop, subscription)).cancel_at == subscription.cancel_at


async def test_one_that_should_have_ended_ends_now(shop: Billing, stripe: Between) -> None:
    subscription = await begun(shop, stripe)
    await stripe.sandbox.engine.advance(100 * DAY)
    await Price.filter(id=subscription.price_id).update(instalments=2)
    await plan_end(shop, subscription.id)
    assert (await heard(shop, subscription)).status == "CANCELED"
    await plan_end(shop, subscription.id)


async def test_it_runs_as_it_was_begun(shop: Billing, stripe: Between) -> None:
    subscription, other = await in_parts(shop, stripe), await price_of("pro", "USD", "YEAR")
    for change in (PlanChange(other.id), PlanChange(str(subscription.price_id), 2)):
        with pytest.raises(InvalidInput) as refused:
            await change_plan(shop, mine(subscription), change)
        assert refused.value.field == ("priceId",)
    await Price.filter(id=subscription.price_id).update(instalments=None)
    await Price.filter(id=other.id).update(instalments=12)
    with pytest.raises(InvalidInput):
        await change_plan(shop, mine(subscription), PlanChange(other.id))


async def test_it_does_not_rest_before_its_end_is_planned_either(shop: Billing, stripe: Between) -> None:
    """Its parts would be counted anew from when it goes on."""
    await Price.filter(id=(await price_of("pro", "USD", "MONTH")).id).update(instalments=3)
    subscription = await begun(shop, stripe)
    assert subscription.cancel_at is None
    stripe.clear()
    with pytest.raises(InvalidInput):
        await pause_subscription(shop, mine(subscription))
    assert (await SubscriptionChange.all().count(), stripe.posted) == (0, [])


MONTHS = {"MONTH": 1, "YEAR": 12}


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2032, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001 - given a time zone beside it
    st.sampled_from(sorted(MONTHS)),
    st.integers(1, 6),
    st.integers(1, 40),
)
def test_months_are_counted_from_the_first_day(anchor: datetime, interval: str, count: int, periods: int) -> None:
    later = periods_later(anchor, Price(interval=interval, interval_count=count), periods)
    months = (later.year - anchor.year) * 12 + later.month - anchor.month
    assert months == MONTHS[interval] * count * periods
    assert (later.time(), later.day <= anchor.day) == (anchor.time(), True)
    if later.day < anchor.day:  # the last of its month
        assert (later + timedelta(days=1)).day == 1


def test_weeks_and_days_are_so_many_seconds() -> None:
    anchor = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert (periods_later(anchor, Price(interval="WEEK", interval_count=2), 3) - anchor).days == 42
    assert (periods_later(anchor, Price(interval="DAY", interval_count=1), 10) - anchor).days == 10
