"""Statistics as text with bars, and as JSON."""

import sys
from typing import Any

from models.money import Money
from services.statistics.report import length_of
from services.statistics.results import CurrencyStatistics, Statistics, StatisticsPoint

BAR = 40
"""Characters of the longest bar."""

DAYS_SHOWN, MONTHS_SHOWN = 62, 1200
"""Ranges of so many days at most have a bar for each day, or each month; longer ones for each year."""


def as_text(told: Statistics, time_zone: str) -> str:
    """For people to read."""
    lines = [f"{told.span.first} to {told.span.last}, {time_zone}", ""]
    for currency in told.currencies:
        lines += [*_currency(currency), "", *_bars(currency, length_of(told.span)), ""]
    lines += _counts(told)
    lines += [f"failed with {reason.code}: {reason.count}" for reason in told.failure_reasons]
    return "\n".join(lines) + "\n"


def _counts(told: Statistics) -> list[str]:
    events = told.webhooks
    p95 = "-" if events.p95_milliseconds is None else f"{events.p95_milliseconds:g} ms"
    subscriptions = f"{told.active_subscriptions} active, {told.new_subscriptions} new, {told.canceled_subscriptions} ended"
    handled = f"{events.processed} processed, {events.failed} failed, {events.ignored} ignored, {events.stale} stale"
    return [
        f"subscriptions: {subscriptions}, churn {_rate(told.churn_rate)}",
        f"webhooks: {events.received} received, {handled}, 95 of 100 in {p95}",
    ]


def _currency(whole: CurrencyStatistics) -> list[str]:
    seconds = "-" if whole.average_seconds_to_pay is None else f"{whole.average_seconds_to_pay:.1f} s"
    rows = (
        ("gross", whole.gross, "succeeded", str(whole.succeeded)),
        ("refunded", whole.refunded, "failed", str(whole.failed)),
        ("lost to disputes", whole.lost_to_disputes, "success rate", _rate(whole.success_rate)),
        ("net", whole.net, "refund rate", _rate(whole.refund_rate)),
        ("monthly recurring", whole.monthly_recurring_revenue, "paid after", seconds),
    )
    return [whole.currency, *(f"  {name:<18} {amount.decimal:>14}   {other:<13} {value:>9}" for name, amount, other, value in rows)]


def _bars(whole: CurrencyStatistics, length: int) -> list[str]:
    """A bar for the gross of each day, month or year on which anything came in."""
    kept = 10 if length <= DAYS_SHOWN else 7 if length <= MONTHS_SHOWN else 4
    sums: dict[str, int] = {}
    for day in sorted(whole.days):
        sums[day[:kept]] = sums.get(day[:kept], 0) + whole.days[day].gross_amount
    most = max(sums.values(), default=0)
    return [f"  {name}  {_bar(amount, most):<{BAR}}  {Money(amount, whole.currency).decimal}" for name, amount in sums.items() if amount]


def _bar(amount: int, most: int) -> str:
    block = "█" if "utf" in (sys.stdout.encoding or "").lower() else "#"
    return block * max(1, round(BAR * amount / most))


def _rate(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.1%}"


def as_json(told: Statistics) -> dict[str, Any]:
    """In the words of GraphQL, amounts in minor units."""
    events = told.webhooks
    return {
        "since": told.span.first,
        "until": told.span.last,
        "currencies": [_whole(currency) for currency in told.currencies],
        "activeSubscriptions": told.active_subscriptions,
        "newSubscriptions": told.new_subscriptions,
        "canceledSubscriptions": told.canceled_subscriptions,
        "churnRate": told.churn_rate,
        "webhookDelivery": {
            "received": events.received,
            "processed": events.processed,
            "failed": events.failed,
            "ignored": events.ignored,
            "stale": events.stale,
            "p95Milliseconds": events.p95_milliseconds,
        },
        "failureReasons": [{"code": reason.code, "count": reason.count} for reason in told.failure_reasons],
    }


def _whole(whole: CurrencyStatistics) -> dict[str, Any]:
    return {
        "currency": whole.currency,
        **_numbers(whole),
        "net": whole.net.amount,
        "monthlyRecurringRevenue": whole.recurring,
        "successRate": whole.success_rate,
        "refundRate": whole.refund_rate,
        "averageSecondsToPay": whole.average_seconds_to_pay,
        "series": [{"date": day, **_numbers(whole.days[day])} for day in sorted(whole.days)],
    }


def _numbers(point: StatisticsPoint) -> dict[str, int]:
    return {
        "gross": point.gross_amount,
        "refunded": point.refunded_amount,
        "lostToDisputes": point.lost_amount,
        "succeeded": point.succeeded,
        "failed": point.failed,
    }
