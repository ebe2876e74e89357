"""Statistics of a range of days, of all sales or of one seller's, as docs/statistics.md states them."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, tzinfo

from models import EVERYBODY, Measure, WebhookEventStatus
from services.errors import InvalidInput
from services.statistics.counting import milliseconds_of
from services.statistics.days import day_of
from services.statistics.reading import Part, Span, Sum, read_sums
from services.statistics.results import CurrencyStatistics, FailureReason, Statistics, StatisticsPoint, WebhookDelivery

MAX_DAYS = 3660
"""Days of a range: ten years."""

DEFAULT_DAYS = 30
"""Days of a range without a beginning."""

EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)
"""Times beyond count as these."""


def span_of(since: datetime | None, until: datetime | None, zone: tzinfo) -> Span:
    """The whole days that a range touches: until now, and of the 30 days before, where it does not say. Raises InvalidInput."""
    end = min(max(until or datetime.now(UTC), EARLIEST), LATEST)
    begin = min(max(since, EARLIEST), LATEST) if since else end - timedelta(days=DEFAULT_DAYS)
    if begin >= end:
        raise InvalidInput("The range ends before it begins.", "filter", "range")
    span = Span(day_of(begin, zone), day_of(end - timedelta(microseconds=1), zone))
    if length_of(span) > MAX_DAYS:
        raise InvalidInput(f"A range has {MAX_DAYS} days at most.", "filter", "range")
    return span


def length_of(span: Span) -> int:
    """Days of a range."""
    return (date.fromisoformat(span.last) - date.fromisoformat(span.first)).days + 1


async def report(span: Span, zone: tzinfo, seller: str = EVERYBODY, *, by_day: bool = True) -> Statistics:
    """The statistics of a range, with its days or without; one statement, whatever its length."""
    sums = await read_sums(span, zone, seller, by_day=by_day)
    started, ended = (_number(sums, Part.RANGE, measure) for measure in (Measure.STARTED, Measure.ENDED))
    before = _number(sums, Part.BEFORE, Measure.STARTED) - _number(sums, Part.BEFORE, Measure.ENDED)
    return Statistics(
        span=span,
        currencies=_currencies(sums, length_of(span)),
        active_subscriptions=before + started - ended,
        new_subscriptions=started,
        canceled_subscriptions=ended,
        active_before=before,
        webhooks=_webhooks(sums),
        failure_reasons=_reasons(sums),
    )


def _number(sums: list[Sum], part: Part, measure: Measure) -> int:
    return sum(one.number for one in sums if one.part is part and one.measure == measure)


def _currencies(sums: Iterable[Sum], length: int) -> list[CurrencyStatistics]:
    found: dict[str, CurrencyStatistics] = {}
    for one in sums:
        if not one.currency:
            continue
        whole = found.get(one.currency) or found.setdefault(one.currency, CurrencyStatistics("", one.currency, length=length))
        if one.part is Part.DAY:
            _book(whole.days.get(one.day) or whole.days.setdefault(one.day, StatisticsPoint(one.day, one.currency)), one)
        else:
            _book(whole, one)
    return [_known(found[currency]) for currency in sorted(found) if not _is_nothing(found[currency])]


def _book(point: StatisticsPoint, one: Sum) -> None:
    match one.measure:
        case Measure.SUCCEEDED:
            point.succeeded += one.number
            point.gross_amount += one.amount
        case Measure.FAILED:
            point.failed += one.number
        case Measure.REFUNDED:
            point.refunded_amount += one.amount
        case Measure.LOST:
            point.lost_amount += one.amount
    if isinstance(point, CurrencyStatistics):
        match one.measure:
            case Measure.WAITED:
                point.waiting += one.number
                point.waited += one.amount
            case Measure.RECURRING:
                point.recurring += one.amount


def _is_nothing(point: StatisticsPoint) -> bool:
    """Whether nothing was counted after all: what was once counted there has moved to another day."""
    numbers = (point.gross_amount, point.refunded_amount, point.lost_amount, point.succeeded, point.failed)
    return not any(numbers) and not (isinstance(point, CurrencyStatistics) and point.recurring)


def _known(whole: CurrencyStatistics) -> CurrencyStatistics:
    whole.days = {day: point for day, point in whole.days.items() if not _is_nothing(point)}
    return whole


def _reasons(sums: Iterable[Sum]) -> list[FailureReason]:
    counts: Counter[str] = Counter()
    for one in sums:
        if one.part is Part.RANGE and one.measure == Measure.FAILED:
            counts[one.detail] += one.number
    return [FailureReason(code, number) for code, number in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])) if number]


def _webhooks(sums: Iterable[Sum]) -> WebhookDelivery:
    told, steps = WebhookDelivery(), Counter[int]()
    for one in sums:
        if one.measure != Measure.WEBHOOK:
            continue
        status, _, step = one.detail.partition(":")
        told.received += one.number
        name = WebhookEventStatus(status).value.lower()
        setattr(told, name, getattr(told, name) + one.number)
        if step:
            steps[int(step)] += one.number
    told.p95_milliseconds = _percentile(steps, 95)
    return told


def _percentile(steps: Counter[int], part: int) -> float | None:
    """The least step that so many of a hundred do not exceed."""
    wanted, passed = -(-sum(steps.values()) * part // 100), 0
    for step in sorted(steps):
        passed += steps[step]
        if passed >= wanted and passed:
            return milliseconds_of(step)
    return None
