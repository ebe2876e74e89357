"""Subscriptions that are paid in so many periods and then end by themselves: Stripe is told the end once they have begun."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta

from models import ENDED, BillingInterval, Price, Subscription
from services import stripe_fields as fields
from services import stripe_shapes as shapes
from services.billing import Billing
from services.mirror import write
from services.snapshot import Snapshot
from services.stripe_fields import Json
from services.stripe_gateway import Request

MONTHS = {BillingInterval.MONTH: 1, BillingInterval.YEAR: 12}
DAYS = {BillingInterval.DAY: 1, BillingInterval.WEEK: 7}
"""Length of an interval."""


async def plan_end(billing: Billing, subscription_id: str) -> None:
    """Tell Stripe when a subscription of instalments ends, unless it ends before; one that should have ended already ends now.

    Not inside a transaction, and safe to run again. Raises the gateway's Refusals.
    """
    row = await Subscription.get(id=subscription_id)
    told = await billing.stripe.retrieve("subscription", row.stripe_subscription_id)
    if told is None or fields.text(told.object, "status").upper() in ENDED:
        return
    end = await planned_end(row, told.object)
    if end is not None and shapes.ends_at(told.object) is None:
        told = await billing.stripe.call("subscription.plan_end", _ending(row, told, end))
    await write(billing, told)


def _ending(row: Subscription, told: Snapshot, end: datetime) -> Request:
    stripe_id, at = row.stripe_subscription_id, int(end.timestamp())
    if at <= told.version:
        return lambda client: client.v1.subscriptions.cancel_async(stripe_id)
    return lambda client: client.v1.subscriptions.update_async(stripe_id, {"cancel_at": at, "proration_behavior": "none"})


async def in_instalments(row: Subscription) -> bool:
    """Whether it ends by itself once so many periods are paid, also where Stripe was not told yet."""
    price = await Price.get_or_none(id=row.price_id) if row.price_id else None
    return price is not None and price.instalments is not None


async def planned_end(row: Subscription, subscription: Json) -> datetime | None:
    """When the instalments of a subscription, as Stripe has it, are paid: so many periods after it was first billed; None without any."""
    price = await Price.get_or_none(id=row.price_id) if row.price_id else None
    if price is None or price.instalments is None:
        return None
    begun = fields.moment(subscription, "billing_cycle_anchor")
    trial_end = fields.optional_moment(subscription, "trial_end")
    return periods_later(max(begun, trial_end or begun), price, price.instalments)


def periods_later(anchor: datetime, price: Price, periods: int) -> datetime:
    """So many of a recurring price's periods after the anchor.

    A month without the anchor's day has its last instead (docs.stripe.com/billing/subscriptions/billing-cycle).
    """
    interval, count = BillingInterval(str(price.interval)), periods * int(price.interval_count or 1)
    if interval in DAYS:
        return anchor + timedelta(days=DAYS[interval] * count)
    years, month = divmod(anchor.month - 1 + MONTHS[interval] * count, 12)
    day = min(anchor.day, monthrange(anchor.year + years, month + 1)[1])
    return anchor.astimezone(UTC).replace(year=anchor.year + years, month=month + 1, day=day)
