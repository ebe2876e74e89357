"""Billing periods: calendar months and years keep the day of the anchor, or the month's last day (Stripe's billing cycle rules)."""

import calendar
from datetime import UTC, datetime, timedelta

from sandbox.shapes import Json
from sandbox.transaction import Transaction

TRIAL_NOTICE = 3 * 86400
"""Seconds before a trial's end at which it is announced; a shorter trial is announced when it begins."""

UPCOMING_NOTICE = 7 * 86400
"""Seconds before a period's end at which the next invoice is announced; shorter periods are not announced."""


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


def end_of_period(subscription: Json) -> int:
    """Return when the period that runs now ends (UTC seconds); the earliest where items differ."""
    ends: list[int] = [entry["current_period_end"] for entry in subscription["items"]["data"]]
    return min(ends)


def next_period(subscription: Json) -> Json:
    """Return a subscription as it will be in the period after the one that runs now."""
    items = subscription["items"]
    data = [entry | _following(subscription, entry) for entry in items["data"]]
    return subscription | {"items": items | {"data": data}}


def _following(subscription: Json, entry: Json) -> Json:
    start = entry["current_period_end"]
    end = period_end(start, entry["price"]["recurring"], subscription["billing_cycle_anchor"])
    return {"current_period_start": start, "current_period_end": end}


def ends_with_period(subscription: Json) -> bool:
    """Say whether a subscription's planned end comes no later than its period's."""
    return subscription["cancel_at"] is not None and subscription["cancel_at"] <= end_of_period(subscription)


def next_change(subscription: Json) -> int:
    """Return when (UTC seconds) something happens to a running subscription: its end, its period's, or that of paused collection."""
    resumes = (subscription["pause_collection"] or {}).get("resumes_at")
    return min(at for at in (end_of_period(subscription), subscription["cancel_at"], resumes) if at is not None)


def plan_ahead(tx: Transaction, subscription: Json) -> None:
    """Schedule what comes next for a subscription that has begun: its next change, and what is announced before it."""
    resting = subscription["status"] in {"canceled", "incomplete_expired", "paused"}
    tx.schedule(subscription["id"], subscription["cancel_at"] if resting else next_change(subscription))
    trial = subscription["trial_end"] if subscription["status"] == "trialing" else None
    _notice(tx, subscription, "trial_will_end", trial and trial - TRIAL_NOTICE)
    _notice(
        tx, subscription, "upcoming", None if resting or ends_with_period(subscription) else end_of_period(subscription) - UPCOMING_NOTICE
    )


def _notice(tx: Transaction, subscription: Json, name: str, at: int | None) -> None:
    tx.schedule(f"{subscription['id']}/{name}", at if at is not None and at > tx.now else None)
