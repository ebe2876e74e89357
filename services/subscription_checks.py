"""What is wrong with subscriptions that run, or needs somebody: each is read at Stripe, compared, mended where it can be, and judged."""

import asyncio
from calendar import monthrange
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from models import LIVE, Customer, Plan, Price, Subscription, SubscriptionChange, SubscriptionStatus
from services import stripe_fields as fields
from services import stripe_shapes as shapes
from services.abreast import abreast
from services.billing import Billing
from services.errors import Refusal
from services.instalments import plan_end, planned_end
from services.mirror.subscription import status_of
from services.plan_groups import excluding
from services.reconciliation.comparison import Finding, Verdict, compare
from services.stripe_fields import Json

PAGE = 100
"""Subscriptions of one page."""

INCOMPLETE_FOR = timedelta(days=1)
"""Stripe lets the first payment wait for 23 hours (docs.stripe.com/billing/subscriptions/overview#requires-action)."""

CHANGING_FOR = timedelta(hours=1)
"""A change that waits longer for Stripe is not being brought there."""

CHARGED = ("default_payment_method", "customer.invoice_settings.default_payment_method")
"""What is read along with a subscription: what it will be charged to."""

RENEWING = frozenset({SubscriptionStatus.ACTIVE, SubscriptionStatus.TRIALING, SubscriptionStatus.PAST_DUE})
"""Subscriptions that Stripe is going to charge."""


class Trouble(StrEnum):
    """DIFFERENT, ENDLESS (instalments without an end at Stripe) are mended unless the check is dry; the rest needs somebody."""

    DIFFERENT = "DIFFERENT"
    MISSING = "MISSING"
    FAILED = "FAILED"
    UNPAID = "UNPAID"
    PAST_GRACE = "PAST_GRACE"
    INCOMPLETE = "INCOMPLETE"
    NO_PAYMENT_METHOD = "NO_PAYMENT_METHOD"
    CARD_EXPIRES = "CARD_EXPIRES"
    ENDLESS = "ENDLESS"
    SECOND_OF_GROUP = "SECOND_OF_GROUP"
    CHANGE_PENDING = "CHANGE_PENDING"


@dataclass(frozen=True, slots=True)
class Found:
    """One trouble of one subscription; `customer` is the host's id of who has it, `mended` whether it is over now."""

    trouble: Trouble
    subscription: str
    stripe_id: str
    customer: str
    detail: str
    mended: bool = False


@dataclass(slots=True)
class Checked:
    """How far the check has come."""

    total: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    ended: bool = False


async def check_subscriptions(
    billing: Billing, *, dry: bool, stop: asyncio.Event, found: Callable[[Found], None], told: Callable[[Checked], None]
) -> Checked:
    """Check every live subscription, the oldest first; `dry` changes nothing. `told` is called after each page.

    When `stop` is set the check ends behind the page at hand. Raises the gateway's retryable Refusals.
    """
    checked, after = Checked(), ""
    while not stop.is_set():
        rows = await Subscription.filter(status__in=sorted(LIVE), id__gt=after).order_by("id").limit(PAGE).prefetch_related("customer")
        for troubles in await abreast(rows, lambda row: _check(billing, row, dry=dry)):
            for one in troubles:
                checked.counts[one.trouble.value] += 1
                found(one)
        checked.total += len(rows)
        told(checked)
        if len(rows) < PAGE:
            checked.ended = True
            break
        after = rows[-1].id
    return checked


async def _check(billing: Billing, row: Subscription, *, dry: bool) -> list[Found]:
    told = await billing.stripe.retrieve("subscription", row.stripe_subscription_id, *CHARGED)
    if told is None:
        return [_of(row, Trouble.MISSING, "Stripe has no such subscription any more")]
    compared = await compare(billing, "subscription", told, dry=dry)
    troubles = _compared(row, compared, dry=dry)
    if compared.verdict is Verdict.FAILED or status_of(told.object) not in LIVE:
        return troubles
    now = datetime.fromtimestamp(told.version, UTC)
    troubles += _standing(billing, row, told.object, now) + _payable(row, told.object)
    return troubles + await _instalments(billing, row, told.object, dry=dry) + await _beside(billing, row) + await _changing(row)


def _compared(row: Subscription, compared: Finding, *, dry: bool) -> list[Found]:
    if compared.verdict is Verdict.FAILED:
        return [_of(row, Trouble.FAILED, str(compared.error))]
    columns = sorted({one.column for one in compared.differences if one.row_id == row.id})
    other = "" if columns else "what follows from it"
    told = ", ".join(columns) or other
    return [_of(row, Trouble.DIFFERENT, f"other at Stripe: {told}", mended=not dry)] if compared.differences else []


def _standing(billing: Billing, row: Subscription, subscription: Json, now: datetime) -> list[Found]:
    """By Stripe's status and clock."""
    status, (began, _) = status_of(subscription), shapes.period(subscription)
    if status is SubscriptionStatus.UNPAID:
        return [_of(row, Trouble.UNPAID, f"not paid since {began:%Y-%m-%d}, and not charged any more")]
    grace = timedelta(days=billing.settings.past_due_grace_days)
    if status is SubscriptionStatus.PAST_DUE and began + grace < now:
        return [_of(row, Trouble.PAST_GRACE, f"past due since {began:%Y-%m-%d}: it entitles no more")]
    made = fields.moment(subscription, "created")
    if status is SubscriptionStatus.INCOMPLETE and made + INCOMPLETE_FOR < now:
        return [_of(row, Trouble.INCOMPLETE, f"its first payment waits since {made:%Y-%m-%d %H:%M}")]
    return []


def _payable(row: Subscription, subscription: Json) -> list[Found]:
    """Whether the next renewal can be charged, as far as is known before."""
    (_, renewal), end = shapes.period(subscription), shapes.ends_at(subscription)
    charged = fields.text(subscription, "collection_method") == "charge_automatically" and status_of(subscription) in RENEWING
    if not charged or (end is not None and end <= renewal):
        return []
    settings = fields.part(subscription, "customer", "invoice_settings")
    method = fields.part(subscription, "default_payment_method") or fields.part(settings, "default_payment_method")
    if not method and shapes.payment_method(fields.part(subscription, "customer")) is None:
        return [_of(row, Trouble.NO_PAYMENT_METHOD, f"there is nothing to charge at the renewal of {renewal:%Y-%m-%d}")]
    expires = _expires(fields.part(method, "card"))
    if expires is not None and expires < renewal:
        return [_of(row, Trouble.CARD_EXPIRES, f"the card expires before the renewal of {renewal:%Y-%m-%d}")]
    return []


def _expires(card: Json) -> datetime | None:
    """The end of the month in which a card expires."""
    year, month = fields.optional_integer(card, "exp_year"), fields.optional_integer(card, "exp_month")
    if year is None or month is None or not (1 <= month <= 12 and 2000 <= year <= 9998):
        return None
    return datetime(year, month, monthrange(year, month)[1], tzinfo=UTC) + timedelta(days=1)


async def _instalments(billing: Billing, row: Subscription, subscription: Json, *, dry: bool) -> list[Found]:
    price = await Price.get_or_none(id=row.price_id) if row.price_id else None
    if price is None or price.instalments is None or shapes.ends_at(subscription) is not None:
        return []
    if status_of(subscription) is SubscriptionStatus.INCOMPLETE:
        return []
    end = await planned_end(row, subscription)
    try:
        if not dry:
            await plan_end(billing, row.id)
    except Refusal as refusal:
        if refusal.retryable:
            raise
        return [_of(row, Trouble.ENDLESS, f"Stripe does not take its end of {end:%Y-%m-%d}: {refusal.message}")]
    return [_of(row, Trouble.ENDLESS, f"Stripe knew no end of its instalments: {end:%Y-%m-%d}", mended=not dry)]


async def _beside(billing: Billing, row: Subscription) -> list[Found]:
    plan = await Plan.get_or_none(id=row.plan_id) if row.plan_id else None
    plans = await excluding(billing.settings.one_subscription_per, plan) if plan else []
    others = Subscription.filter(customer_id=row.customer_id, plan_id__in=plans, status__in=sorted(LIVE), id__lt=row.id)
    first = await others.order_by("id").first() if plans else None
    return [_of(row, Trouble.SECOND_OF_GROUP, f"runs beside {first.id}")] if first else []


async def _changing(row: Subscription) -> list[Found]:
    before = datetime.now(UTC) - CHANGING_FOR
    change = await SubscriptionChange.get_or_none(pending_subscription_id=row.id, created_at__lt=before)
    return [_of(row, Trouble.CHANGE_PENDING, f"{change.kind} waits since {change.created_at:%Y-%m-%d %H:%M}")] if change else []


def _of(row: Subscription, trouble: Trouble, detail: str, *, mended: bool = False) -> Found:
    customer: Customer = row.customer
    return Found(trouble, row.id, row.stripe_subscription_id, customer.external_id, detail, mended)
