"""What is sold: plans and their prices, ours first, then at Stripe."""

from dataclasses import dataclass
from typing import Any

from models import BillingInterval, Plan, PlanKind, Price
from models.database import transaction
from services import sellers
from services.billing import Billing
from services.credit_ledger import MAX_CREDITS
from services.errors import InvalidInput
from services.minimum_amounts import check_unit_amount
from services.publication import SHOWN, publish
from services.text_input import MAX_CODE, checked_text, optional_text

MAX_PRICES = 50
"""Prices that a plan is saved with at once."""

MAX_TRIAL_DAYS = 730
"""Days of a trial, as Stripe has it."""

MAX_CREDIT_DAYS = 36_500
"""Days until credits expire, at most."""

LONGEST_COUNT = {BillingInterval.DAY: 1095, BillingInterval.WEEK: 156, BillingInterval.MONTH: 36, BillingInterval.YEAR: 3}
"""Intervals between two renewals: three years at most, as Stripe has it."""


@dataclass(frozen=True, slots=True)
class PriceTerms:
    """`unit_amount` in minor units; `interval` and `interval_count` for a recurring plan alone."""

    currency: str
    unit_amount: int
    interval: BillingInterval | None = None
    interval_count: int | None = None
    trial_days: int | None = None


@dataclass(frozen=True, slots=True)
class PlanTerms:
    """A plan as it shall be: `prices` are all of its active ones; its credits expire after `credit_days`, its sales are the seller's."""

    code: str
    kind: PlanKind
    name: str
    prices: tuple[PriceTerms, ...]
    description: str | None = None
    credits: int = 0
    features: tuple[str, ...] = ()
    repeatable: bool = False
    active: bool = True
    credit_days: int | None = None
    seller_id: str | None = None


async def save_plan(billing: Billing, terms: PlanTerms) -> str:
    """Make the plan of that code what the terms say, here and at Stripe, and return its id; saving the same twice changes nothing.

    A price is never changed: one that is no longer among the terms is deactivated, and new terms are a new price. Raises InvalidInput, and
    the Refusals of the gateway; after these the rows are there and `publish` goes on.
    """
    check_terms(terms)
    async with transaction():
        if terms.seller_id is not None:
            await sellers.require(terms.seller_id, "sellerId")
        plan = await _saved(terms)
        await _save_prices(plan, terms)
    await publish(billing, plan.id)
    return str(plan.id)


def check_terms(terms: PlanTerms) -> None:
    """Raise InvalidInput for a plan that cannot be sold so."""
    checked_text(terms.code, MAX_CODE, "code")
    checked_text(terms.name, 250, "name")
    optional_text(terms.description, 5000, "description")
    if not 0 <= terms.credits <= MAX_CREDITS:
        raise InvalidInput(f"Credits are 0 to {MAX_CREDITS}.", "credits")
    if terms.credit_days is not None and not 1 <= terms.credit_days <= MAX_CREDIT_DAYS:
        raise InvalidInput(f"Credits expire after 1 to {MAX_CREDIT_DAYS} days, or never.", "creditDays")
    if len(terms.prices) > MAX_PRICES:
        raise InvalidInput(f"A plan may have {MAX_PRICES} prices.", "prices")
    for place, price in enumerate(terms.prices):
        _check_price(terms.kind, price, str(place))
    slots = [(price.currency, price.interval, price.interval_count) for price in terms.prices]
    if len(set(slots)) < len(slots):
        raise InvalidInput("Two prices have the same currency and interval.", "prices")


def _check_price(kind: PlanKind, price: PriceTerms, place: str) -> None:
    check_unit_amount(price.unit_amount, price.currency, "prices", place, "unitAmount")
    if (kind is PlanKind.SUBSCRIPTION) != (price.interval is not None) or (price.interval is None) != (price.interval_count is None):
        raise InvalidInput("A recurring plan's price has an interval, a package's has none.", "prices", place, "interval")
    if price.interval and not 1 <= (price.interval_count or 0) <= LONGEST_COUNT[price.interval]:
        raise InvalidInput("A plan renews every three years at the latest.", "prices", place, "intervalCount")
    if price.trial_days is not None and (kind is PlanKind.PACKAGE or not 1 <= price.trial_days <= MAX_TRIAL_DAYS):
        raise InvalidInput(f"A recurring plan may be tried for 1 to {MAX_TRIAL_DAYS} days.", "prices", place, "trialDays")


async def _saved(terms: PlanTerms) -> Plan:
    content: dict[str, Any] = {
        "name": terms.name,
        "description": terms.description,
        "credits": terms.credits,
        "features": list(terms.features),
        "repeatable": terms.repeatable,
        "active": terms.active,
        "credit_days": terms.credit_days,
        "seller_id": terms.seller_id,
    }
    await Plan.bulk_create([Plan(code=terms.code, kind=terms.kind.value, **content)], ignore_conflicts=True)
    plan = await Plan.filter(code=terms.code).select_for_update().get()
    if plan.kind != terms.kind:
        raise InvalidInput("A plan stays of its kind: make another one.", "kind")
    if any(getattr(plan, name) != content[name] for name in SHOWN):
        plan.published = False
    await plan.update_from_dict(content).save(update_fields=[*content, "published"])
    return plan


async def _save_prices(plan: Plan, terms: PlanTerms) -> None:
    wanted = {_terms_key(price): price for price in terms.prices}
    for price in await Price.filter(plan_id=plan.id, active=True):
        if wanted.pop(_terms_of(price), None) is None:
            price.active = price.published = False
            await price.save(update_fields=["active", "published"])
    for new in wanted.values():
        await Price(plan_id=plan.id, **_columns(new)).save(force_create=True)


def _columns(terms: PriceTerms) -> dict[str, Any]:
    return {
        "currency": terms.currency,
        "unit_amount": terms.unit_amount,
        "interval": terms.interval and terms.interval.value,
        "interval_count": terms.interval_count,
        "trial_days": terms.trial_days,
    }


def _terms_key(terms: PriceTerms) -> tuple[Any, ...]:
    return tuple(_columns(terms).values())


def _terms_of(price: Price) -> tuple[Any, ...]:
    return (price.currency, price.unit_amount, price.interval, price.interval_count, price.trial_days)
