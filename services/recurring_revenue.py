"""What a subscription brings a month: its items' prices times quantities, normalised. Discounts are not taken off."""

from collections.abc import Iterable
from fractions import Fraction

from models import SubscriptionStatus
from services.stripe_shapes import Recurring

EARNING = frozenset({SubscriptionStatus.ACTIVE, SubscriptionStatus.PAST_DUE})
"""Subscriptions that count, unless nothing is collected: a trial brings nothing yet, one that is unpaid nothing any more."""

A_MONTH: dict[str, Fraction] = {"day": Fraction(365, 12), "week": Fraction(52, 12), "month": Fraction(1), "year": Fraction(1, 12)}
"""How often an interval (Stripe's word) comes in a month."""


def monthly_amount(items: Iterable[Recurring]) -> int:
    """Minor units a month, rounded half up once for all items; an interval that nobody knows counts nothing."""
    return int(sum(map(_monthly, items), Fraction(0)) + Fraction(1, 2))


def _monthly(item: Recurring) -> Fraction:
    return item.unit_amount * item.quantity * A_MONTH.get(item.interval, Fraction(0)) / item.interval_count
