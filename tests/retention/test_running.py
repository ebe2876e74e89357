"""What is old and closed goes, whole; what is younger or open stays, whole; and everything that is left still adds up."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tortoise.exceptions import IntegrityError
from tortoise.queryset import QuerySet

from models import (
    AuditEntry,
    CheckoutSession,
    CreditEntry,
    CreditLot,
    Customer,
    Delivery,
    Dispute,
    Email,
    Entitlement,
    IdempotencyKey,
    Invoice,
    Payment,
    Receipt,
    Refund,
    RefundRequest,
    RetentionRun,
    Subscription,
    SubscriptionChange,
    WebhookEvent,
)
from models.database import client
from models.record import Record
from services.credits import Booking, use_credits
from services.retention import books, records, running
from services.retention.tally import Tally
from services.statistics.folding import fold
from services.statistics.recounting import rebuild
from services.time_zones import zone_of
from settings import Environment, Settings
from tests.erasure.person import everything, kinds
from tests.retention.history import KEPT, OLD, SETTINGS, STAYING, THIS_YEAR, WHOLE, History, clean, history, make, sizes
from tests.services.shop import SUPPORT

Wanting = Callable[[History], Awaitable[Any]]


async def test_an_old_year_goes_and_the_next_stays(database: str) -> None:
    old = await history(OLD)
    before = await sizes(kinds())
    kept = await history(KEPT)
    both = await sizes(kinds())
    await rebuild("UTC")
    counted = await clean(dry=True)
    assert counted.counts == WHOLE | dict.fromkeys(("delivery", "email", "idempotency_key", "webhook_event"), 2)
    done = await clean()
    assert done.counts == counted.counts
    left = await sizes(kinds())
    recorded = {"delivery", "email", "idempotency_key", "webhook_event"}
    for table in both.keys() - {"retention_run", "statistics_delta", "statistics_rollup", "checkpoint", "audit_entry"} - recorded:
        assert left[table] == both[table] - WHOLE.get(table, 0), table
    assert [left[table] for table in sorted(recorded)] == [0, 0, 0, 0]
    assert {row.id for row in await Payment.all()} == {row.id for row in await Payment.filter(customer_id=kept.customer.id)}
    assert await CreditEntry.filter(customer_id=kept.customer.id).count() == 4
    assert before["payment"] == 3
    for table, number in STAYING.items():
        (kind,) = (kind for kind in kinds() if kind._meta.db_table == table)
        of = kind.filter(id=old.customer.id) if table == "customer" else kind.filter(customer_id=old.customer.id)
        assert await of.count() == number, table


async def test_statistics_add_up_afterwards(database: str) -> None:
    await history(OLD)
    await history(KEPT)
    await rebuild("UTC")
    await fold(zone_of("UTC"), 10_000)
    await clean()
    assert await rebuild("UTC", dry=True) == []
    await fold(zone_of("UTC"), 10_000)
    assert await rebuild("UTC", dry=True) == []


async def test_what_was_never_counted_is_counted_before_it_goes(database: str) -> None:
    await history(OLD)
    await history(KEPT)
    await clean()
    assert await rebuild("UTC", dry=True) == []


async def test_a_balance_is_the_sum_of_what_is_left(database: str) -> None:
    old = await history(OLD)
    await history(KEPT, await Customer.get(id=old.customer.id))
    await clean()
    row = await Customer.get(id=old.customer.id)
    entries = await CreditEntry.filter(customer_id=row.id).order_by("id")
    assert [(entry.amount, entry.balance_after, entry.kind) for entry in entries] == [
        (30, 30, "GRANT"),
        (40, 70, "PURCHASE"),
        (60, 130, "RENEWAL"),
        (40, 170, "GRANT"),
        (-110, 60, "USE"),
    ]
    assert (entries[0].created_at, entries[0].payment_id, entries[0].description) == (
        old.at + timedelta(seconds=3),
        None,
        "Carried forward",
    )
    assert row.credit_balance == 60 == sum(entry.amount for entry in entries)
    assert sum(lot.remaining for lot in await CreditLot.filter(customer_id=row.id)) == 60
    await use_credits(SUPPORT, Booking(row.external_id, 60, "all"), "key")
    assert (await Customer.get(id=row.id)).credit_balance == 0


async def test_a_debt_is_carried_forward_and_nothing_is_left_of_nothing(database: str) -> None:
    at = datetime(OLD, 3, 1, tzinfo=UTC)
    for amounts in ((10, -25), (10, -10)):
        owner = await make(Customer, at, external_id=f"user {amounts}", credit_balance=sum(amounts))
        balance = 0
        for place, amount in enumerate(amounts):
            balance += amount
            kind = "GRANT" if amount > 0 else "USE"
            told = {"amount": amount, "balance_after": balance, "kind": kind}
            await make(CreditEntry, at + timedelta(seconds=place), customer_id=owner.id, **told)
    assert (await clean()).counts == {"credit_entry": 3}
    (entry,) = await CreditEntry.all()
    assert (entry.amount, entry.balance_after, entry.kind) == (-15, -15, "USE")


async def test_again_there_is_nothing_to_do(database: str) -> None:
    await history(OLD)
    await clean()
    before = await everything()
    assert (await clean(dry=True)).counts == {}
    assert await everything() == before
    assert (await clean()).counts == {}
    runs = await RetentionRun.all().order_by("id")
    assert [(row.status, row.counts) for row in runs] == [("DONE", WHOLE), ("DONE", {})]
    entries = await AuditEntry.filter(action="retention.run").order_by("id")
    limit = datetime(KEPT, 1, 1, tzinfo=UTC).isoformat()
    assert [(entry.actor, entry.object_id, entry.changes["deleted"]) for entry in entries] == [
        ("cli", runs[0].id, WHOLE),
        ("cli", runs[1].id, {}),
    ]
    assert entries[0].changes["before"] == {"books": limit, "audit": limit}


async def test_a_dry_run_changes_nothing(database: str) -> None:
    await history(OLD)
    before = await everything()
    assert (await clean(dry=True)).counts == WHOLE
    assert await everything() == before


async def test_for_ever_is_for_ever(database: str) -> None:
    await history(OLD)
    years: dict[str, Any] = {"retention_books_years": 0, "retention_audit_years": 0}
    days: dict[str, Any] = {"retention_event_days": 0, "retention_email_days": 0, "event_delivery_days": 0}
    settings = Settings(environment=Environment.TEST, **years, **days)
    assert (await clean(settings)).counts == {"idempotency_key": 1}


async def test_years_end_in_the_time_zone_of_receipts(database: str) -> None:
    at = datetime(KEPT, 1, 1, 7, tzinfo=UTC)
    known: dict[str, Any] = {"currency": "USD", "status": "FAILED", "amount": 100}
    await make(Payment, at, **known)
    settings = Settings(environment=Environment.TEST, receipt_time_zone="America/Los_Angeles")
    assert (await clean(SETTINGS, dry=True)).counts == {}
    assert (await clean(settings, dry=True)).counts == {"payment": 1}


async def test_the_audit_log_and_the_books_go_by_settings_of_their_own(database: str) -> None:
    await history(OLD)
    settings = Settings(environment=Environment.TEST, retention_books_years=8, retention_audit_years=7)
    counts = (await clean(settings)).counts
    assert {name: counts[name] for name in ("audit_entry", "payment", "credit_entry")} == {
        "audit_entry": 1,
        "payment": 0,
        "credit_entry": 0,
    }


YOUNG = datetime(KEPT, 1, 1, tzinfo=UTC)


async def _late_refund(of: History) -> None:
    await make(Refund, YOUNG, payment_id=of.package.id, customer_id=of.customer.id, amount=1, currency="USD", status="SUCCEEDED")


async def _late_receipt(of: History) -> None:
    await Receipt.filter(payment_id=of.package.id).update(created_at=YOUNG)


PACKAGE = {"payment", "refund", "receipt", "refund_request", "dispute", "entitlement", "credit_lot", "checkout_session"}
ISSUED = {"invoice", "invoice_line", "allocation", "payment", "receipt"}
ENDED = {"subscription", "subscription_change", "entitlement", "checkout_session"}
RENEWED = {"invoice", "invoice_line", "payment", "receipt", "credit_lot"} | ENDED
OPEN: list[tuple[str, Wanting, set[str]]] = [
    ("a payment on its way", lambda of: Payment.filter(id=of.package.id).update(status="PROCESSING"), PACKAGE),
    ("a payment of a later year", lambda of: Payment.filter(id=of.package.id).update(succeeded_at=YOUNG), PACKAGE),
    ("a refund on its way", lambda _: Refund.all().update(status="PENDING"), PACKAGE),
    ("a refund of a later year", _late_refund, PACKAGE),
    ("a dispute that is open", lambda _: Dispute.all().update(status="UNDER_REVIEW"), PACKAGE),
    (
        "a request that is open",
        lambda of: RefundRequest.all().update(status="PENDING", decided_at=None, pending_payment_id=of.package.id),
        PACKAGE,
    ),
    ("a receipt of a later year", _late_receipt, PACKAGE),
    ("a right for life", lambda _: Entitlement.filter(feature="course").update(active_until=datetime(9999, 1, 1, tzinfo=UTC)), PACKAGE),
    ("credits that are left", lambda of: CreditLot.filter(payment_id=of.package.id).update(remaining=1), PACKAGE),
    ("a page of a later year", lambda of: CheckoutSession.filter(payment_id=of.package.id).update(created_at=YOUNG), PACKAGE),
    ("an invoice to be paid", lambda of: Invoice.filter(id=of.invoice.id).update(status="PARTIALLY_PAID"), ISSUED),
    ("an invoice paid in a later year", lambda of: Payment.filter(invoice_id=of.invoice.id).update(succeeded_at=YOUNG), ISSUED),
    ("a subscription that lives", lambda _: Subscription.all().update(status="ACTIVE", ended_at=None), ENDED),
    ("a subscription that ended later", lambda _: Subscription.all().update(ended_at=YOUNG), ENDED),
    ("a change under way", lambda of: SubscriptionChange.all().update(status="PENDING", pending_subscription_id=of.subscription.id), ENDED),
    ("a right beyond its end", lambda _: Entitlement.filter(feature="pro").update(active_until=YOUNG), ENDED),
    ("a renewal paid later", lambda of: Payment.filter(invoice_id=of.renewal.id).update(succeeded_at=YOUNG), RENEWED),
    ("credits of a period", lambda of: CreditLot.filter(invoice_id=of.renewal.id).update(remaining=1), RENEWED),
]
"""What is left open; the tables of which rows stay because of it."""


@pytest.mark.parametrize(("named", "leave", "staying"), OPEN, ids=[named for named, *_ in OPEN])
async def test_what_is_open_stays_whole(database: str, named: str, leave: Wanting, staying: set[str]) -> None:
    of = await history(OLD)
    before = await sizes(kinds())
    await leave(of)
    counted = (await clean(dry=True)).counts
    done = (await clean()).counts
    assert done == counted
    fewer = {table for table, number in WHOLE.items() if done[table] < number}
    assert fewer == staying, named
    left = await sizes(kinds())
    for table in WHOLE.keys() - {"audit_entry", "refund"}:
        assert left[table] == before[table] - done[table], table


async def test_credits_that_were_booked_in_a_later_year_keep_their_payment(database: str) -> None:
    of = await history(OLD)
    booked = {"amount": -1, "balance_after": 29, "kind": "REFUND", "payment_id": of.package.id}
    await make(CreditEntry, YOUNG, customer_id=of.customer.id, **booked)
    assert (await clean()).counts["payment"] == 2
    assert [row.id for row in await Payment.all()] == [of.package.id]
    assert await Receipt.filter(payment_id=of.package.id).count() == 2


async def test_records_that_wait_stay(database: str) -> None:
    await history(OLD)
    now = datetime.now(UTC)
    await WebhookEvent.all().update(status="FAILED", next_attempt_at=now)
    await Delivery.all().update(status="FAILED", next_attempt_at=now, delivered_at=None)
    await Email.all().update(status="FAILED", next_attempt_at=now, sent_at=None)
    await IdempotencyKey.all().update(answer=None)
    counts = (await clean()).counts
    assert [counts[name] for name in ("webhook_event", "delivery", "email", "idempotency_key")] == [0, 0, 0, 0]
    await WebhookEvent.all().update(next_attempt_at=None)
    await Delivery.all().update(status="DEAD", next_attempt_at=None)
    await Email.all().update(status="DEAD", next_attempt_at=None)
    assert (await clean()).counts == {"webhook_event": 1, "delivery": 1, "email": 1}


async def test_what_is_sent_again_just_before_it_would_go_stays(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await history(OLD)
    remove = books.delete

    async def delayed(kind: type[Record], rows: QuerySet[Any]) -> int:
        for waiting in (Delivery, Email, WebhookEvent):
            if kind is waiting:
                again: dict[str, Any] = {"status": "FAILED", "next_attempt_at": datetime.now(UTC)}
                await kind.all().update(**again, **({"delivered_at": None} if kind is Delivery else {}))
        return await remove(kind, rows)

    monkeypatch.setattr(records, "delete", delayed)
    counts = (await clean()).counts
    assert counts["idempotency_key"] > 0
    assert not {"delivery", "email", "webhook_event"} & counts.keys()


async def test_batches(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        await history(OLD)
    monkeypatch.setattr(books, "BATCH", 2)
    monkeypatch.setattr("services.retention.ledger.BATCH", 2)
    monkeypatch.setattr("services.retention.records.BATCH", 2)
    assert (await clean()).counts == {table: 3 * number for table, number in WHOLE.items()}


async def test_stopped_it_goes_on(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        await history(OLD)
    monkeypatch.setattr(books, "BATCH", 1)
    stop, batches = asyncio.Event(), 0

    def told(_: Tally) -> None:
        nonlocal batches
        batches += 1
        if batches == 7:
            stop.set()

    stopped = await running.run(SETTINGS, dry=False, stop=stop, told=told)
    row = await RetentionRun.get()
    assert (row.status, row.counts) == ("RUNNING", dict(stopped.counts))
    assert 0 < stopped.counts.total() < 3 * sum(WHOLE.values())
    begun: list[int] = []

    def went_on(so_far: Tally) -> None:
        begun.append(so_far.counts.total())

    done = await running.run(SETTINGS, dry=False, stop=asyncio.Event(), told=lambda _: None, begun=went_on)
    assert begun == [stopped.counts.total()]
    assert done.counts == {table: 3 * number for table, number in WHOLE.items()}
    assert (await RetentionRun.get()).status == "DONE"


async def test_cut_off_before_each_commit_nothing_is_counted_twice(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        await history(OLD)
    monkeypatch.setattr(books, "BATCH", 1)
    keep, cut = Tally._kept, 0
    met: set[int] = set()

    async def kept(self: Tally, run: RetentionRun, work: Any) -> Any:
        async def failing() -> Any:
            nonlocal cut
            counts = await work()
            if self.counts.total() not in met:
                met.add(self.counts.total())
                cut += 1
                raise ConnectionAbortedError
            return counts

        return await keep(self, run, failing)

    monkeypatch.setattr(Tally, "_kept", kept)
    while not await RetentionRun.filter(status="DONE").exists():
        try:
            done = (await clean()).counts
        except ConnectionAbortedError:
            continue
        assert done == {table: 2 * number for table, number in WHOLE.items()}
    assert cut > 10
    assert (await RetentionRun.get()).counts == {table: 2 * number for table, number in WHOLE.items()}


async def test_a_row_that_comes_in_between_keeps_the_batch(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dispute that is heard of after the batch was looked at: the foreign key refuses, and the batch is looked at again."""
    of = await history(OLD)
    whole, raced = books.UNITS[0].whole, 0

    async def racing(ids: list[str]) -> Any:
        nonlocal raced
        raced += 1
        rows = await whole(ids)
        return rows if raced > 1 else [(kind, found) for kind, found in rows if kind is not Dispute]

    monkeypatch.setattr(books, "UNITS", (books.Unit(Payment, books.UNITS[0].closed, racing), *books.UNITS[1:]))
    assert (await clean()).counts == WHOLE
    assert raced == 2
    assert await Payment.filter(id=of.package.id).count() == 0


async def test_the_ledgers_give_away_nothing_else(database: str, engine: str) -> None:
    await history(OLD)
    await history(KEPT)
    year_ago = datetime.now(UTC) - timedelta(days=360)
    await make(AuditEntry, year_ago, actor="x", action="x.y", object_id="x")
    await RetentionRun.create(books_before=datetime(KEPT, 1, 1, tzinfo=UTC), audit_before=datetime.now(UTC))
    before = await everything()
    for kind, table in ((AuditEntry, "audit_entry"), (CreditEntry, "credit_entry")):
        (youngest,) = await kind.all().order_by("-created_at").limit(1)
        for refused in (kind.all().delete(), kind.filter(id=youngest.id).delete(), kind.all().update(created_at=youngest.created_at)):
            with pytest.raises(IntegrityError, match=f"{table} only grows"):
                await refused
        if engine == "postgres":
            with pytest.raises(IntegrityError, match="only grows"):
                await client().execute_query(f'TRUNCATE "{table}"')
    assert await everything() == before
    await RetentionRun.all().update(status="DONE", done_at=datetime.now(UTC))
    for kind in (AuditEntry, CreditEntry):
        (oldest,) = await kind.all().order_by("created_at").limit(1)
        with pytest.raises(IntegrityError, match="only grows"):
            await kind.filter(id=oldest.id).delete()
    assert THIS_YEAR - KEPT == 7
