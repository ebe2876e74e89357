"""Which mails there are, and which changes of rows they come of.

A thing that is older than NEWS when it is first heard of, as by a backfill, mails nobody.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from models import (
    COME_BACK,
    ENDED,
    PAID,
    SETTLED,
    Dispute,
    EmailKind,
    Payment,
    PaymentStatus,
    Refund,
    RefundRequest,
    RefundRequestStatus,
    RefundStatus,
    Subscription,
    SubscriptionStatus,
)
from models.record import Record
from services.deliveries.events import Event, moved
from services.row_change import Change

NEWS = timedelta(days=7)
"""How old something may be to be told."""

STARTED = frozenset({SubscriptionStatus.TRIALING, SubscriptionStatus.ACTIVE})
NOT_BEGUN = frozenset({None, SubscriptionStatus.INCOMPLETE})
"""Statuses of a subscription that its customer has, and of one that they have not got yet."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """Something to be told about a row; `cause` with the kind's name before it is what it is told once for.

    `unplanned`: not to be told of a subscription of instalments, which is to end from its beginning on.
    """

    kind: EmailKind
    row: Record
    cause: str
    unplanned: bool = False


def occasions_of(changes: Iterable[Change], told: Iterable[Event], now: datetime) -> list[Occasion]:
    """What changes in this order, and what is told beside them, come to; each of its row as it was last written. `now` is aware."""
    kept = [one for one in changes if type(one.row) in TELLING]
    last = {one.row.id: one.row for one in kept}
    latest = (replace(one, row=last[one.row.id]) for one in kept)
    found = [occasion for one in latest for occasion in TELLING[type(one.row)](one, now - NEWS)]
    return found + [occasion for event in told for occasion in _told(event, now)]


def decided(row: RefundRequest) -> list[Occasion]:
    """What a customer is told of a refund request that was just closed; of one that they withdrew, nothing."""
    answered = row.status in {RefundRequestStatus.APPROVED, RefundRequestStatus.REJECTED}
    return [Occasion(EmailKind.REFUND_REQUEST_DECIDED, row, row.id)] if answered else []


def given_up(row: Record, now: datetime) -> Occasion:
    """What administrators are told of work that was given up: once a day for each kind of row, by the first."""
    work = type(row)._meta.db_table  # noqa: SLF001 - Tortoise names the table nowhere else
    return Occasion(EmailKind.ADMIN_WORK_GIVEN_UP, row, f"{work} {now.astimezone(UTC):%Y-%m-%d}")


def _payment(one: Change, oldest: datetime) -> Iterator[Occasion]:
    row, (before, now) = one.row, moved(one) or (None, None)
    assert isinstance(row, Payment)  # noqa: S101 - as TELLING has it
    paid, news = now in PAID and before not in PAID, (row.succeeded_at or row.created_at) >= oldest
    if paid and news:
        yield Occasion(EmailKind.WELCOME, row, str(row.customer_id))
        yield Occasion(EmailKind.RECEIPT, row, row.id)
    attributed = one.before is not None and "seller_id" in one.before and row.status in PAID
    if (paid or attributed) and news:
        yield Occasion(EmailKind.SALE, row, row.id)
    if now == PaymentStatus.FAILED and (one.before is not None or row.created_at >= oldest):
        if row.subscription_id is None:
            yield Occasion(EmailKind.PAYMENT_FAILED, row, row.id)
        yield Occasion(EmailKind.ADMIN_PAYMENT_FAILED, row, row.id)


def _refund(one: Change, oldest: datetime) -> Iterator[Occasion]:
    _, now = moved(one) or (None, None)
    if now == RefundStatus.SUCCEEDED and (one.before is not None or one.row.created_at >= oldest):
        yield Occasion(EmailKind.REFUND_CONFIRMED, one.row, one.row.id)
        yield Occasion(EmailKind.SALE_REFUNDED, one.row, one.row.id)
    if now in COME_BACK and (one.before is not None or one.row.created_at >= oldest):
        yield Occasion(EmailKind.ADMIN_REFUND_FAILED, one.row, one.row.id)


def _dispute(one: Change, oldest: datetime) -> Iterator[Occasion]:
    before, now = moved(one) or (None, None)
    if one.before is None and one.row.created_at >= oldest:
        yield Occasion(EmailKind.ADMIN_DISPUTE_OPENED, one.row, one.row.id)
    if now in SETTLED and before not in SETTLED and (one.before is not None or one.row.created_at >= oldest):
        yield Occasion(EmailKind.ADMIN_DISPUTE_CLOSED, one.row, f"{one.row.id} {now}")


def _subscription(one: Change, oldest: datetime) -> Iterator[Occasion]:
    row, (before, now) = one.row, moved(one) or (None, None)
    assert isinstance(row, Subscription)  # noqa: S101 - as TELLING has it
    if now in STARTED and before in NOT_BEGUN and row.created_at >= oldest:
        yield Occasion(EmailKind.WELCOME, row, row.customer_id)
        yield Occasion(EmailKind.SUBSCRIPTION_STARTED, row, row.id)
    if now == SubscriptionStatus.PAST_DUE and (row.past_due_since or row.created_at) >= oldest:
        yield Occasion(EmailKind.SUBSCRIPTION_PAYMENT_FAILED, row, f"{row.id} {row.current_period_start}")
    if now == SubscriptionStatus.CANCELED and before != SubscriptionStatus.INCOMPLETE and (row.ended_at or row.created_at) >= oldest:
        yield Occasion(EmailKind.SUBSCRIPTION_ENDED, row, row.id)
    elif row.status not in ENDED and row.cancel_at and (one.before is None or "cancel_at" in one.before):
        first = one.before is None or one.before["cancel_at"] is None
        if one.before is not None or row.created_at >= oldest:
            yield Occasion(EmailKind.SUBSCRIPTION_ENDING, row, f"{row.id} {row.stripe_version}", unplanned=first)


def _told(event: Event, now: datetime) -> list[Occasion]:
    row = event.row
    if not isinstance(row, Subscription) or event.type != "subscription.trial_will_end":
        return []
    if row.trial_ends_at is None or row.trial_ends_at <= now:
        return []
    return [Occasion(EmailKind.TRIAL_ENDING, row, f"{row.id} {row.trial_ends_at}")]


TELLING: dict[type[Record], Callable[[Change, datetime], Iterable[Occasion]]] = {
    Payment: _payment,
    Refund: _refund,
    Dispute: _dispute,
    Subscription: _subscription,
}
"""Kind of row -> what one change of it comes to, unless it is older than the given moment."""
