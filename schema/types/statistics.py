"""What happened in a range of days."""

import strawberry

from resolvers.declarations import Bounded, Derived
from resolvers.statistics import MAX_POINTS, series, webhook_delivery
from schema.fields import declare
from schema.scalars import CurrencyCode
from schema.types.filters import DateTimeRange
from schema.types.money import Money


@strawberry.type(description="What happened on one day.")
class StatisticsPoint:
    """Reads off services.statistics.results.StatisticsPoint."""

    date: str = strawberry.field(description="YYYY-MM-DD, in the configured time zone.")
    gross: Money
    refunded: Money
    lost_to_disputes: Money
    succeeded: int
    failed: int


@strawberry.type(description="What happened in one currency.")
class CurrencyStatistics:
    """Reads off services.statistics.results.CurrencyStatistics."""

    currency: CurrencyCode
    gross: Money = strawberry.field(description="What came in, on the day on which it did.")
    refunded: Money = strawberry.field(description="What was given back, on the day on which the refund was made.")
    lost_to_disputes: Money = strawberry.field(description="What banks took back for good, on the day on which the dispute began.")
    net: Money = strawberry.field(description="gross less refunded and lostToDisputes.")
    monthly_recurring_revenue: Money = strawberry.field(
        description="What subscriptions bring a month as they stand now, whatever the range."
    )
    succeeded: int
    failed: int = strawberry.field(description="Payments whose last attempt failed, on the day on which they began.")
    success_rate: float | None = strawberry.field(description="succeeded / (succeeded + failed); null when neither.")
    refund_rate: float | None = strawberry.field(description="refunded / gross; null when nothing came in.")
    average_seconds_to_pay: float | None = strawberry.field(description="From a payment's beginning to its success; not of subscriptions.")
    series: list[StatisticsPoint] = declare(
        Bounded(series, MAX_POINTS),
        description=f"The days on which anything happened, in order; of a range of {MAX_POINTS} days at most.",
    )


@strawberry.type(description="What became of Stripe's events that came in the range; of the whole service.")
class WebhookDelivery:
    """Reads off services.statistics.results.WebhookDelivery."""

    received: int
    processed: int
    failed: int
    ignored: int
    stale: int
    p95_milliseconds: float | None = strawberry.field(
        name="p95Milliseconds",
        description="In which 95 of 100 were handled, rounded up to one of four steps of a doubling; null when none was.",
    )


@strawberry.type(description="Why payments failed.")
class FailureReason:
    """Reads off services.statistics.results.FailureReason."""

    code: str = strawberry.field(description="The bank's code where it gave one, else Stripe's.")
    count: int


@strawberry.type(description="What happened in a range of whole days of the configured time zone.")
class Statistics:
    """Reads off services.statistics.results.Statistics."""

    currencies: list[CurrencyStatistics] = strawberry.field(description="By currency: money in different currencies is never added up.")
    active_subscriptions: int = strawberry.field(description="Begun and not ended when the range ends.")
    new_subscriptions: int
    canceled_subscriptions: int = strawberry.field(description="Ended in the range.")
    churn_rate: float | None = strawberry.field(
        description="canceledSubscriptions / those that ran when the range began; null when none did."
    )
    webhook_delivery: WebhookDelivery = declare(Derived((), webhook_delivery), description="For staff.")
    failure_reasons: list[FailureReason]


@strawberry.input(description="Which days, and whose sales.")
class StatisticsFilter:
    """For resolvers.statistics."""

    range: DateTimeRange = strawberry.field(
        description="Widened to whole days; until now, and from 30 days before, where it does not say. Ten years at most."
    )
    seller_id: strawberry.ID | None = strawberry.UNSET
