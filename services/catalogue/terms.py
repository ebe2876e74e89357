"""A plan as it shall be, and what can be sold so."""

from dataclasses import dataclass

from models import BillingInterval, PlanKind
from services.credit_ledger import MAX_CREDITS
from services.errors import InvalidInput
from services.minimum_amounts import check_unit_amount
from services.text_input import MAX_CODE, checked_text, optional_text

MAX_PRICES = 50
"""Prices that a plan is saved with at once."""

MAX_TRIAL_DAYS = 730
"""Days of a trial, as Stripe has it."""

MAX_CREDIT_DAYS = 36_500
"""Days until credits expire, at most."""

MAX_INSTALMENTS = 520
"""Periods after which a subscription ends by itself, at most."""

MAX_FEATURES = 100
MAX_FEATURE = 128
"""Features of a plan, and characters of a feature's key."""

MAX_GROUP = 64
"""Characters of the name of a group of plans."""

LONGEST_COUNT = {BillingInterval.DAY: 1095, BillingInterval.WEEK: 156, BillingInterval.MONTH: 36, BillingInterval.YEAR: 3}
"""Intervals between two renewals: three years at most, as Stripe has it."""


@dataclass(frozen=True, slots=True)
class PriceTerms:
    """`unit_amount` in minor units; all else for a recurring plan alone, which ends by itself after so many `instalments` (periods)."""

    currency: str
    unit_amount: int
    interval: BillingInterval | None = None
    interval_count: int | None = None
    trial_days: int | None = None
    instalments: int | None = None


@dataclass(frozen=True, slots=True)
class PlanTerms:
    """A plan as it shall be: `prices` are all of its active ones; its credits expire after `credit_days`, its sales are the seller's.

    Of the plans of one `plan_group` a customer has one at a time; without a group a plan is one of its own.
    """

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
    plan_group: str | None = None


def check_terms(terms: PlanTerms) -> None:
    """Raise InvalidInput for a plan that cannot be sold so."""
    checked_text(terms.code, MAX_CODE, "code")
    checked_text(terms.name, 250, "name")
    optional_text(terms.description, 5000, "description")
    optional_text(terms.plan_group, MAX_GROUP, "planGroup")
    if not 0 <= terms.credits <= MAX_CREDITS:
        raise InvalidInput(f"Credits are 0 to {MAX_CREDITS}.", "credits")
    if terms.credit_days is not None and not 1 <= terms.credit_days <= MAX_CREDIT_DAYS:
        raise InvalidInput(f"Credits expire after 1 to {MAX_CREDIT_DAYS} days, or never.", "creditDays")
    _check_features(terms)
    if len(terms.prices) > MAX_PRICES:
        raise InvalidInput(f"A plan may have {MAX_PRICES} prices.", "prices")
    for place, price in enumerate(terms.prices):
        _check_price(terms.kind, price, str(place))
    slots = [(price.currency, price.interval, price.interval_count) for price in terms.prices]
    if len(set(slots)) < len(slots):
        raise InvalidInput("Two prices have the same currency and interval.", "prices")


def _check_features(terms: PlanTerms) -> None:
    if len(terms.features) > MAX_FEATURES:
        raise InvalidInput(f"A plan may have {MAX_FEATURES} features.", "features")
    for place, feature in enumerate(terms.features):
        checked_text(feature, MAX_FEATURE, "features", str(place))
    if len(set(terms.features)) < len(terms.features):
        raise InvalidInput("A feature is named twice.", "features")
    if terms.repeatable and terms.kind is PlanKind.SUBSCRIPTION:
        raise InvalidInput("Only a package may be bought again while it is held.", "repeatable")
    if terms.plan_group is not None and terms.kind is PlanKind.PACKAGE:
        raise InvalidInput("Only recurring plans exclude each other.", "planGroup")


def _check_price(kind: PlanKind, price: PriceTerms, place: str) -> None:
    check_unit_amount(price.unit_amount, price.currency, "prices", place, "unitAmount")
    if (kind is PlanKind.SUBSCRIPTION) != (price.interval is not None) or (price.interval is None) != (price.interval_count is None):
        raise InvalidInput("A recurring plan's price has an interval, a package's has none.", "prices", place, "interval")
    if price.interval and not 1 <= (price.interval_count or 0) <= LONGEST_COUNT[price.interval]:
        raise InvalidInput("A plan renews every three years at the latest.", "prices", place, "intervalCount")
    if price.trial_days is not None and (kind is PlanKind.PACKAGE or not 1 <= price.trial_days <= MAX_TRIAL_DAYS):
        raise InvalidInput(f"A recurring plan may be tried for 1 to {MAX_TRIAL_DAYS} days.", "prices", place, "trialDays")
    if price.instalments is not None and (kind is PlanKind.PACKAGE or not 1 <= price.instalments <= MAX_INSTALMENTS):
        raise InvalidInput(f"A recurring plan ends after 1 to {MAX_INSTALMENTS} periods, or never.", "prices", place, "instalments")
