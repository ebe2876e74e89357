"""Sums that are kept while payments, refunds, disputes and subscriptions change are what counting all rows comes to."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models import (
    Checkpoint,
    Customer,
    Dispute,
    Payment,
    Refund,
    Seller,
    StatisticsDelta,
    StatisticsRollup,
    Subscription,
    WebhookEvent,
)
from models.database import transaction
from models.record import Record
from services.journal import change, count, create, journal
from services.statistics.days import day_of
from services.statistics.folding import fold
from services.statistics.recounting import adopt, differences, rebuild
from services.statistics.report import report, span_of
from services.time_zones import zone_of
from tests.emptied import empty

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Kiritimati")
CHANGES_OF_CLOCKS = (datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 3, 8, tzinfo=UTC))
"""In Berlin twice, and in New York."""

MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)
KINDS: tuple[type[Record], ...] = (
    *(StatisticsDelta, StatisticsRollup, Checkpoint, WebhookEvent, Refund, Dispute, Payment, Subscription, Seller, Customer),
)


async def written(row: Record) -> None:
    async with transaction(), journal():
        await create(row)


async def changed(row: Record, **facts: Any) -> None:
    async with transaction(), journal():
        await change(row, facts)


async def seen(row: WebhookEvent, **facts: Any) -> None:
    """As the inbox writes events."""
    async with transaction(), journal():
        before = {column: getattr(row, column) for column in facts} if row._saved_in_db else None
        row.update_from_dict(facts)
        await row.save(force_create=before is None)
        count(row, before)


async def sums() -> list[tuple[Any, ...]]:
    columns = ("seller_key", "measure", "day", "currency", "detail", "number", "amount")
    return sorted(one for one in await StatisticsRollup.all().values_list(*columns) if any(one[-2:]))


async def whole(zone: str) -> None:
    """Nothing differs, before and after all is folded."""
    async with transaction():
        assert await differences(zone_of(zone)) == []
    while await fold(zone_of(zone), 7):
        pass
    async with transaction():
        assert await differences(zone_of(zone)) == []
    assert await StatisticsDelta.all().count() == 0


def paid(moment: datetime, **more: Any) -> Payment:
    values = {
        "amount": 4900,
        "currency": "USD",
        "status": "SUCCEEDED",
        "created_at": moment,
        "succeeded_at": moment + timedelta(seconds=90),
    }
    return Payment(**values | more)


async def test_a_payment_counts_on_the_day_on_which_it_came_in(database: str) -> None:
    late = paid(MOMENT, succeeded_at=MOMENT + timedelta(days=3), currency="EUR", amount=1000)
    seller = await Seller.create(external_id="carol", name="Carol")
    for row in (paid(MOMENT), late, paid(MOMENT, seller_id=seller.id, amount=100)):
        await written(row)
    assert await StatisticsRollup.all().count() == 0
    await whole("UTC")
    assert await sums() == [
        ("", "SUCCEEDED", "2026-03-01", "USD", "", 2, 5000),
        ("", "SUCCEEDED", "2026-03-04", "EUR", "", 1, 1000),
        ("", "WAITED", "2026-03-01", "USD", "", 2, 180_000),
        ("", "WAITED", "2026-03-04", "EUR", "", 1, 3 * 86_400_000),
        (seller.id, "SUCCEEDED", "2026-03-01", "USD", "", 1, 100),
        (seller.id, "WAITED", "2026-03-01", "USD", "", 1, 90_000),
    ]


async def test_a_failure_counts_until_the_payment_succeeds_after_all(database: str) -> None:
    row = Payment(amount=4900, currency="USD", created_at=MOMENT)
    await written(row)
    assert await StatisticsDelta.all().count() == 0
    await changed(row, status="FAILED", failure_code="card_declined", failure_decline_code="insufficient_funds")
    await whole("UTC")
    assert await sums() == [("", "FAILED", "2026-03-01", "USD", "insufficient_funds", 1, 0)]
    await changed(row, failure_decline_code=None)
    await whole("UTC")
    assert await sums() == [("", "FAILED", "2026-03-01", "USD", "card_declined", 1, 0)]
    await changed(row, status="CANCELED")
    await whole("UTC")
    assert await sums() == [("", "FAILED", "2026-03-01", "USD", "card_declined", 1, 0)]
    await changed(row, status="SUCCEEDED", failure_code=None, succeeded_at=MOMENT + timedelta(hours=13))
    await whole("UTC")
    assert await sums() == [
        ("", "SUCCEEDED", "2026-03-02", "USD", "", 1, 4900),
        ("", "WAITED", "2026-03-02", "USD", "", 1, 13 * 3_600_000),
    ]


async def test_what_is_left_open_is_no_failure(database: str) -> None:
    await written(Payment(amount=4900, currency="USD", created_at=MOMENT, status="CANCELED"))
    await written(Payment(amount=4900, currency="USD", created_at=MOMENT, status="REQUIRES_ACTION"))
    assert await StatisticsDelta.all().count() == 0


async def test_refunds_and_lost_disputes_count_on_their_own_days_and_not_when_they_come_to_nothing(database: str) -> None:
    payment = paid(MOMENT, subscription_id=None)
    await written(payment)
    refund = Refund(payment_id=payment.id, amount=900, currency="USD", created_at=MOMENT + timedelta(days=1))
    dispute = Dispute(
        payment_id=payment.id, amount=4900, currency="USD", created_at=MOMENT + timedelta(days=2), reason="fraudulent",
        status="NEEDS_RESPONSE", stripe_status="needs_response", stripe_dispute_id="dp_1",
    )  # fmt: skip
    await written(refund)
    await written(dispute)
    await whole("UTC")
    assert [one[1] for one in await sums()] == ["SUCCEEDED", "WAITED"]
    await changed(refund, status="SUCCEEDED")
    await changed(dispute, status="LOST")
    await whole("UTC")
    assert [one[1:] for one in await sums()][:2] == [
        ("LOST", "2026-03-03", "USD", "", 1, 4900),
        ("REFUNDED", "2026-03-02", "USD", "", 1, 900),
    ]
    await changed(refund, status="FAILED")
    await changed(dispute, status="WON")
    await whole("UTC")
    assert [one[1] for one in await sums()] == ["SUCCEEDED", "WAITED"]


async def test_subscriptions_are_counted_when_they_begin_and_end_and_what_they_bring_as_it_stands(database: str) -> None:
    customer = await Customer.create(external_id="alice")
    row = Subscription(customer_id=customer.id, status="INCOMPLETE", stripe_subscription_id="sub_1", currency="USD", created_at=MOMENT)
    await written(row)
    assert await StatisticsDelta.all().count() == 0
    await changed(row, status="TRIALING")
    await whole("UTC")
    assert await sums() == [("", "STARTED", "2026-03-01", "", "", 1, 0)]
    await changed(row, status="ACTIVE", monthly_amount=1900)
    await whole("UTC")
    assert await sums() == [("", "RECURRING", "1970-01-01", "USD", "", 1, 1900), ("", "STARTED", "2026-03-01", "", "", 1, 0)]
    await changed(row, status="CANCELED", monthly_amount=0, ended_at=MOMENT + timedelta(days=40))
    await whole("UTC")
    assert await sums() == [("", "ENDED", "2026-04-10", "", "", 1, 0), ("", "STARTED", "2026-03-01", "", "", 1, 0)]


async def test_what_is_changed_twice_in_a_transaction_counts_as_it_ends(database: str) -> None:
    row = Payment(amount=4900, currency="USD", created_at=MOMENT)
    async with transaction(), journal():
        await create(row)
        await change(row, {"status": "FAILED", "failure_code": "expired_card"})
        again = await Payment.get(id=row.id)
        await change(again, {"status": "SUCCEEDED", "failure_code": None, "succeeded_at": MOMENT})
        await change(row, {"amount": 100})
    deltas = await StatisticsDelta.all().order_by("measure").values_list("measure", "number", "amount")
    assert deltas == [("SUCCEEDED", 1, 100), ("WAITED", 1, 0)]
    await whole("UTC")
    row = await Payment.get(id=row.id)
    async with transaction(), journal():
        await change(row, {"amount": 700})
        await change(row, {"amount": 800})
    assert await StatisticsDelta.all().values_list("measure", "number", "amount") == [("SUCCEEDED", 0, 700)]


async def test_what_is_undone_counts_for_nothing(database: str) -> None:
    async def cut_off() -> None:
        async with transaction(), journal():
            await create(paid(MOMENT))
            raise ConnectionError

    with pytest.raises(ConnectionError):
        await cut_off()
    assert (await Payment.all().count(), await StatisticsDelta.all().count()) == (0, 0)


async def test_events_count_by_what_became_of_them(database: str) -> None:
    row = WebhookEvent(stripe_event_id="evt_1", type="x", payload="{}", occurred_at=MOMENT, received_at=MOMENT)
    await seen(row, status="FAILED")
    await whole("UTC")
    assert await sums() == [("", "WEBHOOK", "2026-03-01", "", "FAILED:", 1, 0)]
    await seen(row, status="PROCESSED", processed_at=MOMENT + timedelta(milliseconds=7))
    await whole("UTC")
    assert await sums() == [("", "WEBHOOK", "2026-03-01", "", "PROCESSED:12", 1, 0)]


def test_a_range_that_ends_at_midnight_does_not_touch_the_day_that_begins_then() -> None:
    zone = zone_of("Europe/Berlin")
    midnight = datetime(2026, 3, 30, tzinfo=zone)
    assert span_of(midnight - timedelta(days=1), midnight, zone) == ("2026-03-29", "2026-03-29")
    assert span_of(midnight, midnight + timedelta(microseconds=1), zone) == ("2026-03-30", "2026-03-30")


async def test_a_day_is_one_of_the_time_zone(database: str) -> None:
    before_midnight = datetime(2026, 3, 28, 22, 59, 30, tzinfo=UTC)  # 23:59:30 in Berlin; the clocks go forward in that night
    for hours in (0, 1, 23, 24):
        moment = before_midnight + timedelta(hours=hours)
        await written(paid(moment, succeeded_at=moment))
    await whole("Europe/Berlin")
    found = [(day, number) for _, measure, day, _, _, number, _ in await sums() if measure == "SUCCEEDED"]
    assert found == [("2026-03-28", 1), ("2026-03-29", 2), ("2026-03-30", 1)]
    assert day_of(before_midnight, zone_of("Asia/Kathmandu")) == "2026-03-29"


moments = st.builds(
    lambda around, minutes: around + timedelta(minutes=minutes), st.sampled_from(CHANGES_OF_CLOCKS), st.integers(-3000, 3000)
)
currencies = st.sampled_from(("USD", "EUR", "JPY"))
acts = st.lists(
    st.tuples(st.sampled_from(("payment", "fail", "succeed", "refund", "dispute", "begin", "end", "attribute", "event", "fold")),
              moments, currencies, st.integers(0, 5000)),
    min_size=5, max_size=40,
)  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(story=acts, seed=st.integers(0, 2**32), zone=st.sampled_from(ZONES))
async def test_sums_are_what_a_recount_comes_to(database: str, story: Sequence[Any], seed: int, zone: str) -> None:
    await empty(*KINDS)
    life = Life(Random(seed), zone)  # noqa: S311 - not a secret
    life.seller = await Seller.create(external_id="carol", name="Carol")
    life.customer = await Customer.create(external_id="alice")
    for act in story:
        await life.do(*act)
    await whole(zone)
    assert await rebuild(zone) == []


class Life:
    """Whatever may happen, in whatever order: a thing is told of late, again, or as it was long before."""

    seller: Seller
    customer: Customer

    def __init__(self, chance: Random, zone: str) -> None:
        self.chance, self.zone = chance, zone
        self.rows: dict[type[Record], list[Any]] = {Payment: [], Subscription: [], Refund: [], Dispute: [], WebhookEvent: []}
        self.number = 0

    async def do(self, what: str, moment: datetime, currency: str, amount: int) -> None:
        await getattr(self, what)(moment, currency, amount)

    def one(self, kind: type[Record]) -> Any:
        return self.chance.choice(self.rows[kind]) if self.rows[kind] else None

    async def make(self, row: Record) -> None:
        self.rows[type(row)].append(row)
        await written(row)

    async def turn(self, kind: type[Record], **facts: Any) -> None:
        if row := self.one(kind):
            await changed(row, **facts)

    def next(self) -> int:
        self.number += 1
        return self.number

    async def payment(self, moment: datetime, currency: str, amount: int) -> None:
        seller = self.chance.choice((None, self.seller.id))
        await self.make(Payment(amount=amount, currency=currency, created_at=moment, seller_id=seller))

    async def fail(self, _moment: datetime, _currency: str, amount: int) -> None:
        await self.turn(Payment, status="FAILED", failure_code="card_declined", failure_decline_code=self.chance.choice((None, "fraud")))

    async def succeed(self, moment: datetime, currency: str, amount: int) -> None:
        await self.turn(Payment, status="SUCCEEDED", amount=amount, currency=currency, succeeded_at=moment)

    async def refund(self, moment: datetime, currency: str, amount: int) -> None:
        if self.rows[Refund] and self.chance.random() < 0.5:
            await self.turn(Refund, status=self.chance.choice(("SUCCEEDED", "FAILED", "PENDING")))
        elif payment := self.one(Payment):
            status = self.chance.choice(("PENDING", "SUCCEEDED"))
            await self.make(Refund(payment_id=payment.id, amount=amount, currency=currency, created_at=moment, status=status))

    async def dispute(self, moment: datetime, currency: str, amount: int) -> None:
        if self.rows[Dispute] and self.chance.random() < 0.5:
            await self.turn(Dispute, status=self.chance.choice(("LOST", "WON")))
        elif payment := self.one(Payment):
            told = {"status": "NEEDS_RESPONSE", "stripe_status": "x", "reason": "x", "stripe_dispute_id": f"dp_{self.next()}"}
            await self.make(Dispute(payment_id=payment.id, amount=amount, currency=currency, created_at=moment, **told))

    async def begin(self, moment: datetime, currency: str, amount: int) -> None:
        told = {"status": self.chance.choice(("TRIALING", "INCOMPLETE")), "stripe_subscription_id": f"sub_{self.next()}"}
        await self.make(Subscription(customer_id=self.customer.id, currency=currency, created_at=moment, **told))

    async def end(self, moment: datetime, _currency: str, amount: int) -> None:
        if self.chance.random() < 0.5:
            await self.turn(Subscription, status="ACTIVE", monthly_amount=amount)
        else:
            await self.turn(Subscription, status="CANCELED", monthly_amount=0, ended_at=moment)

    async def attribute(self, _moment: datetime, _currency: str, amount: int) -> None:
        await self.turn(self.chance.choice((Payment, Subscription, Refund, Dispute)), seller_id=self.seller.id)

    async def event(self, moment: datetime, _currency: str, amount: int) -> None:
        row = self.one(WebhookEvent) if self.chance.random() < 0.5 else None
        if row is None:
            row = WebhookEvent(
                stripe_event_id=f"evt_{self.next()}", type="x", payload="{}", occurred_at=moment, received_at=moment, status="FAILED"
            )
            self.rows[WebhookEvent].append(row)
        done = row.received_at + timedelta(milliseconds=amount)
        await seen(
            row, status=self.chance.choice(("FAILED", "PROCESSED", "STALE", "IGNORED")), processed_at=self.chance.choice((None, done))
        )

    async def fold(self, _moment: datetime, _currency: str, amount: int) -> None:
        await fold(zone_of(self.zone), amount % 5 + 1)


async def test_many_payments_at_once_lose_nothing_while_others_fold_and_recount(database: str) -> None:
    rows = [paid(MOMENT + timedelta(hours=number), amount=number) for number in range(40)]
    await adopt("UTC")

    async def folding() -> None:
        for _ in range(15):
            await fold(zone_of("UTC"), 5)
            await asyncio.sleep(0)

    work = [*(written(row) for row in rows), folding(), folding(), rebuild("UTC"), rebuild("UTC")]
    found = await asyncio.gather(*work)
    assert found[-2:] == [[], []]
    await whole("UTC")
    told = await report(span_of(MOMENT, MOMENT + timedelta(days=3), zone_of("UTC")), zone_of("UTC"))
    (dollars,) = told.currencies
    assert (dollars.succeeded, dollars.gross.amount) == (40, sum(range(40)))


async def test_what_was_there_before_is_counted_by_the_first_round_and_another_time_zone_by_the_next(database: str) -> None:
    midnight = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    await paid(midnight, succeeded_at=midnight).save(force_create=True)
    assert await sums() == []
    for zone, day in (("UTC", "2026-03-01"), ("Europe/Berlin", "2026-03-02"), ("UTC", "2026-03-01")):
        await adopt(zone)
        await whole(zone)
        assert [(one[1], one[2]) for one in await sums()] == [("SUCCEEDED", day), ("WAITED", day)]
        assert (await Checkpoint.get(name="statistics")).position == {"time_zone": zone}
        before = await StatisticsRollup.all().count()
        await adopt(zone)
        assert (await StatisticsRollup.all().count(), await StatisticsDelta.all().count()) == (before, 0)


async def test_sums_that_are_wrong_are_found_and_mended(database: str) -> None:
    seller = await Seller.create(external_id="carol", name="Carol")
    for seller_id in (None, seller.id):
        await written(paid(MOMENT, seller_id=seller_id))
    await whole("Pacific/Kiritimati")
    right = await sums()
    await StatisticsRollup.filter(measure="SUCCEEDED", seller_key=seller.id).update(amount=1, number=7)
    await StatisticsRollup.filter(measure="WAITED", seller_key="").delete()
    wrong = await sums()
    assert [(one.cell[:2], one.kept, one.right) for one in await rebuild("Pacific/Kiritimati", dry=True)] == [
        (("", "WAITED"), (0, 0), (2, 180_000)),
        ((seller.id, "SUCCEEDED"), (7, 1), (1, 4900)),
    ]
    assert (await sums(), await StatisticsDelta.all().count()) == (wrong, 0)
    assert len(await rebuild("Pacific/Kiritimati")) == 2
    await whole("Pacific/Kiritimati")
    assert await sums() == right
    assert await rebuild("Pacific/Kiritimati") == []
