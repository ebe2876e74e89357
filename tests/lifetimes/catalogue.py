"""What is subscribed to in these tests, with amounts that make prorations round; and the terms of it by name."""

from dataclasses import dataclass

from models import BillingInterval, PlanKind, Price
from services.billing import Billing
from services.catalogue import PlanTerms, PriceTerms, save_plan
from services.promotion_codes import PromotionTerms, create_promotion_code
from tests.services.shop import SUPPORT

WEEK, MONTH, YEAR = BillingInterval.WEEK, BillingInterval.MONTH, BillingInterval.YEAR


@dataclass(frozen=True)
class Terms:
    """A price of a plan: `amount` minor units for every `count` of `interval`, after `trial` days, in so many `parts`."""

    plan: str
    currency: str
    amount: int
    interval: BillingInterval = MONTH
    count: int = 1
    trial: int | None = None
    parts: int | None = None


SOLO, TEAM, COURSE = "solo", "team", "course"
GROUPS = {SOLO: "seats", TEAM: "seats", COURSE: "course"}
"""Of which a customer has one each."""

CREDITS = {SOLO: 10, TEAM: 25, COURSE: 7}
FEATURES = {SOLO: {"export"}, TEAM: {"export", "audit"}, COURSE: {"lessons"}}

PRICES = (
    Terms(SOLO, "USD", 1_999),
    Terms(SOLO, "USD", 19_990, YEAR),
    Terms(SOLO, "USD", 503, WEEK, 3),
    Terms(SOLO, "JPY", 2_801),
    Terms(SOLO, "JPY", 29_003, YEAR),
    Terms(SOLO, "KWD", 6_130),
    Terms(SOLO, "KWD", 61_370, YEAR),
    Terms(TEAM, "USD", 4_907, trial=14),
    Terms(TEAM, "USD", 13_999, MONTH, 3),
    Terms(TEAM, "USD", 49_001, YEAR, trial=30),
    Terms(TEAM, "JPY", 7_013, trial=7),
    Terms(TEAM, "JPY", 20_011, MONTH, 3),
    Terms(TEAM, "KWD", 15_990),
    Terms(TEAM, "KWD", 46_010, MONTH, 3, trial=10),
    Terms(COURSE, "USD", 9_900, parts=4),
    Terms(COURSE, "JPY", 15_001, parts=3, trial=5),
    Terms(COURSE, "KWD", 31_450, MONTH, 2, parts=3),
)

CODES: dict[str, tuple[float, int | None]] = {"ONCE": (50.0, 1), "QUARTER": (33.33, 3), "FOREVER": (12.5, None)}
"""Promotion codes: per cent, and for how many months; None for ever."""

CHANGEABLE = tuple(terms for terms in PRICES if terms.parts is None)


def as_saved(terms: Terms) -> PriceTerms:
    return PriceTerms(terms.currency, terms.amount, terms.interval, terms.count, trial_days=terms.trial, instalments=terms.parts)


async def open_catalogue(billing: Billing) -> None:
    """Save all that is subscribed to."""
    for code, group in GROUPS.items():
        await save_plan(
            billing,
            PlanTerms(
                code,
                PlanKind.SUBSCRIPTION,
                code.title(),
                tuple(as_saved(terms) for terms in PRICES if terms.plan == code),
                credits=CREDITS[code],
                features=tuple(sorted(FEATURES[code])),
                plan_group=group,
            ),
        )
    for name, (percent, months) in CODES.items():
        once = PromotionTerms(name, percent, duration_in_months=months if months and months > 1 else None, forever=months is None)
        await create_promotion_code(billing, SUPPORT, once, None)


async def price_of(terms: Terms) -> Price:
    """Its row."""
    of_plan = Price.filter(plan__code=terms.plan, currency=terms.currency)
    return await of_plan.get(interval=terms.interval.value, interval_count=terms.count)
