"""Statistics as they are told, in Python's words; docs/statistics.md states what each of them means."""

from dataclasses import dataclass, field

from models.money import Money
from services.statistics.reading import Span


@dataclass(slots=True)
class StatisticsPoint:
    """One day's, in minor units of `currency`."""

    date: str
    currency: str
    gross_amount: int = 0
    refunded_amount: int = 0
    lost_amount: int = 0
    succeeded: int = 0
    failed: int = 0

    @property
    def gross(self) -> Money:
        """What came in."""
        return Money(self.gross_amount, self.currency)

    @property
    def refunded(self) -> Money:
        """What was given back."""
        return Money(self.refunded_amount, self.currency)

    @property
    def lost_to_disputes(self) -> Money:
        """What banks took back for good."""
        return Money(self.lost_amount, self.currency)


@dataclass(slots=True)
class CurrencyStatistics(StatisticsPoint):
    """A range's, which is so many days `length`; `date` is empty, and `days` are those on which anything was counted."""

    recurring: int = 0
    waited: int = 0
    waiting: int = 0
    days: dict[str, StatisticsPoint] = field(default_factory=dict)
    length: int = 0

    @property
    def net(self) -> Money:
        """What is left."""
        return Money(self.gross_amount - self.refunded_amount - self.lost_amount, self.currency)

    @property
    def monthly_recurring_revenue(self) -> Money:
        """What running subscriptions bring a month, as they stand now."""
        return Money(self.recurring, self.currency)

    @property
    def success_rate(self) -> float | None:
        """Of the payments that came to an end, those that came in; None when none did."""
        ended = self.succeeded + self.failed
        return self.succeeded / ended if ended else None

    @property
    def refund_rate(self) -> float | None:
        """Of what came in, what was given back; None when nothing came in."""
        return self.refunded_amount / self.gross_amount if self.gross_amount else None

    @property
    def average_seconds_to_pay(self) -> float | None:
        """From the payment's beginning to its success; None when nobody paid."""
        return self.waited / self.waiting / 1000 if self.waiting else None


@dataclass(slots=True)
class WebhookDelivery:
    """What became of the events that came in the range."""

    received: int = 0
    processed: int = 0
    failed: int = 0
    ignored: int = 0
    stale: int = 0
    p95_milliseconds: float | None = None


@dataclass(frozen=True, slots=True)
class FailureReason:
    """How many payments failed so."""

    code: str
    count: int


@dataclass(slots=True)
class Statistics:
    """All of it; `span` are the days that were counted."""

    span: Span
    currencies: list[CurrencyStatistics]
    active_subscriptions: int
    new_subscriptions: int
    canceled_subscriptions: int
    active_before: int
    webhooks: WebhookDelivery
    failure_reasons: list[FailureReason]

    @property
    def churn_rate(self) -> float | None:
        """Of the subscriptions that ran when the range began, how many as many ended in it; None when none ran."""
        return self.canceled_subscriptions / self.active_before if self.active_before else None
