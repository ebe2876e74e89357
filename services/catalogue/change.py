"""What saving a plan changes of it: found here, whether it is then written or only shown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from models import BillingInterval, Plan, Price
from services.catalogue.terms import PlanTerms, PriceTerms

COLUMNS = ("name", "description", "plan_group", "credits", "credit_days", "features", "repeatable", "seller_id", "active")
"""What of a plan may change."""

Terms = tuple[Any, ...]
"""A price's terms as they can be compared: its columns in the order of `PriceTerms`."""


@dataclass(frozen=True, slots=True)
class PlanChange:
    """`columns` are [before, after] of what differs; prices whose terms stay are in neither list."""

    columns: dict[str, list[Any]] = field(default_factory=dict)
    offered: tuple[PriceTerms, ...] = ()
    withdrawn: tuple[Price, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.columns or self.offered or self.withdrawn)

    def told(self) -> dict[str, Any]:
        """As JSON, for the audit log."""
        prices = {"offered": [list(terms_key(price)) for price in self.offered], "withdrawn": [list(terms_of(p)) for p in self.withdrawn]}
        return self.columns | {name: listed for name, listed in prices.items() if listed}


def change_of(plan: Plan | None, prices: Sequence[Price], terms: PlanTerms) -> PlanChange:
    """From the plan and its active prices to the terms; without a plan everything is new."""
    wanted = content_of(terms)
    former = {name: plan and getattr(plan, name) for name in COLUMNS}
    columns = {name: [former[name], wanted[name]] for name in COLUMNS if former[name] != wanted[name]}
    held = {terms_of(price) for price in prices}
    kept = {terms_key(price) for price in terms.prices}
    return PlanChange(
        columns,
        tuple(price for price in terms.prices if terms_key(price) not in held),
        tuple(price for price in prices if terms_of(price) not in kept),
    )


def archiving_of(plan: Plan, prices: Iterable[Price]) -> PlanChange:
    """From the plan and its active prices to one that nobody can buy."""
    return PlanChange({"active": [True, False]} if plan.active else {}, (), tuple(prices))


def content_of(terms: PlanTerms) -> dict[str, Any]:
    """The plan's columns."""
    return {name: getattr(terms, name) for name in COLUMNS} | {"features": list(terms.features)}


def columns_of(terms: PriceTerms) -> dict[str, Any]:
    """The price's columns."""
    return {
        "currency": terms.currency,
        "unit_amount": terms.unit_amount,
        "interval": terms.interval and terms.interval.value,
        "interval_count": terms.interval_count,
        "trial_days": terms.trial_days,
        "instalments": terms.instalments,
    }


def price_terms(price: Price) -> PriceTerms:
    """What a row costs."""
    interval = BillingInterval(price.interval) if price.interval else None
    return PriceTerms(price.currency, price.unit_amount, interval, price.interval_count, price.trial_days, price.instalments)


def terms_key(terms: PriceTerms) -> Terms:
    """The terms, to be compared."""
    return tuple(columns_of(terms).values())


def terms_of(price: Price) -> Terms:
    """A row's terms, to be compared."""
    return terms_key(price_terms(price))
