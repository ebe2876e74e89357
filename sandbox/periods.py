"""Billing periods: calendar months and years keep the day of the anchor, or the month's last day (Stripe's billing cycle rules)."""

import calendar
from datetime import UTC, datetime, timedelta

from sandbox.shapes import Json


def period_end(start: int, recurring: Json, anchor: int) -> int:
    """Return the end (UTC seconds) of the period that starts at `start`, for a price's `recurring` hash and the cycle's anchor."""
    count, interval = recurring["interval_count"], recurring["interval"]
    if interval in {"day", "week"}:
        return int((datetime.fromtimestamp(start, UTC) + timedelta(days=count * (7 if interval == "week" else 1))).timestamp())
    months = count * (12 if interval == "year" else 1)
    return _add_months(start, months, datetime.fromtimestamp(anchor, UTC).day)


def _add_months(start: int, months: int, day: int) -> int:
    at = datetime.fromtimestamp(start, UTC)
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return int(at.replace(year=year, month=month + 1, day=min(day, last)).timestamp())


def next_change(subscription: Json) -> int:
    """Return when (UTC seconds) something happens to a running subscription: its planned end, or the end of its period."""
    ends: list[int] = [entry["current_period_end"] for entry in subscription["items"]["data"]]
    return min(ends if subscription["cancel_at"] is None else [*ends, subscription["cancel_at"]])
