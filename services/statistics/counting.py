"""What a row counts for, worked out from that row alone: so a change of it is what it counts for now, less what it counted for before."""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from models import (
    EVERYBODY,
    PAID,
    Dispute,
    DisputeStatus,
    Measure,
    Payment,
    PaymentStatus,
    Refund,
    RefundStatus,
    Subscription,
    SubscriptionStatus,
    WebhookEvent,
)
from models.record import Record
from services.statistics.days import NOW_MINUTE, minute_of

UNKNOWN_REASON = "unknown"
"""The code of a failure for which none was told."""

NOT_BEGUN = frozenset({SubscriptionStatus.INCOMPLETE, SubscriptionStatus.INCOMPLETE_EXPIRED})
"""Subscriptions whose first payment never came in, or has yet to."""

STEPS = 4
"""Steps of a time's doubling: times are counted rounded up to one."""


class Key(NamedTuple):
    """What a number is of; `seller` is EVERYBODY where it is nobody's sale."""

    minute: int
    seller: str
    measure: str
    currency: str = ""
    detail: str = ""


class Counted(NamedTuple):
    """A key with how many, and how much of it."""

    key: Key
    number: int
    amount: int = 0


class Sums(dict[Key, tuple[int, int]]):
    """Numbers and amounts by key; what comes to nothing is left out."""

    def add(self, counted: Iterable[Counted], sign: int = 1) -> None:
        """Add what is counted, or with -1 take it off."""
        for key, number, amount in counted:
            before = self.get(key, (0, 0))
            after = (before[0] + sign * number, before[1] + sign * amount)
            if any(after):
                self[key] = after
            else:
                self.pop(key, None)


def count(kind: type[Record], row: Any) -> Iterator[Counted]:
    """What a row of this kind, or anything with its columns, counts for; nothing for kinds that are not counted."""
    counting = COUNTINGS.get(kind)
    return counting(row) if counting else iter(())


def _payment(row: Any) -> Iterator[Counted]:
    seller = row.seller_id or EVERYBODY
    if row.status in PAID:
        minute = minute_of(row.succeeded_at or row.created_at)
        yield Counted(Key(minute, seller, Measure.SUCCEEDED.value, row.currency), 1, int(row.amount))
        if row.subscription_id is None and row.succeeded_at is not None:
            waited = max(0, round((row.succeeded_at - row.created_at).total_seconds() * 1000))
            yield Counted(Key(minute, seller, Measure.WAITED.value, row.currency), 1, waited)
    elif row.status == PaymentStatus.FAILED or (row.status == PaymentStatus.CANCELED and row.failure_code):
        reason = row.failure_decline_code or row.failure_code or UNKNOWN_REASON
        yield Counted(Key(minute_of(row.created_at), seller, Measure.FAILED.value, row.currency, reason), 1)


def _refund(row: Any) -> Iterator[Counted]:
    if row.status == RefundStatus.SUCCEEDED:
        yield Counted(Key(minute_of(row.created_at), row.seller_id or EVERYBODY, Measure.REFUNDED.value, row.currency), 1, int(row.amount))


def _dispute(row: Any) -> Iterator[Counted]:
    if row.status == DisputeStatus.LOST:
        yield Counted(Key(minute_of(row.created_at), row.seller_id or EVERYBODY, Measure.LOST.value, row.currency), 1, int(row.amount))


def _subscription(row: Any) -> Iterator[Counted]:
    seller = row.seller_id or EVERYBODY
    if row.status not in NOT_BEGUN:
        yield Counted(Key(minute_of(row.created_at), seller, Measure.STARTED.value), 1)
    if row.status == SubscriptionStatus.CANCELED:
        yield Counted(Key(minute_of(row.ended_at or row.canceled_at or row.created_at), seller, Measure.ENDED.value), 1)
    if row.monthly_amount and row.currency:
        yield Counted(Key(NOW_MINUTE, seller, Measure.RECURRING.value, row.currency), 1, int(row.monthly_amount))


def _webhook_event(row: Any) -> Iterator[Counted]:
    yield Counted(Key(minute_of(row.received_at), EVERYBODY, Measure.WEBHOOK.value, detail=f"{row.status}:{_step(row)}"), 1)


def _step(row: Any) -> str:
    """Into which step the time falls in which an event was handled."""
    if row.processed_at is None:
        return ""
    milliseconds = (row.processed_at - row.received_at).total_seconds() * 1000
    return str(max(0, math.ceil(STEPS * math.log2(milliseconds)))) if milliseconds > 1 else "0"


def milliseconds_of(step: int) -> float:
    """The longest time of a step."""
    return float(round(2 ** (step / STEPS), 1))


COUNTINGS: dict[type[Record], Callable[[Any], Iterator[Counted]]] = {
    Payment: _payment,
    Refund: _refund,
    Dispute: _dispute,
    Subscription: _subscription,
    WebhookEvent: _webhook_event,
}
"""Kinds of rows that count for something."""

COLUMNS: dict[type[Record], tuple[str, ...]] = {
    Payment: (
        *("id", "created_at", "seller_id", "status", "succeeded_at", "amount", "currency"),
        *("subscription_id", "failure_code", "failure_decline_code"),
    ),
    Refund: ("id", "created_at", "seller_id", "status", "amount", "currency"),
    Dispute: ("id", "created_at", "seller_id", "status", "amount", "currency"),
    Subscription: ("id", "created_at", "seller_id", "status", "ended_at", "canceled_at", "monthly_amount", "currency"),
    WebhookEvent: ("id", "received_at", "processed_at", "status"),
}
"""The columns that what a row counts for follows from."""
