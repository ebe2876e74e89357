"""The database itself refuses what cannot be: every CHECK, every unique key, every foreign key, on both engines."""

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tortoise.exceptions import IntegrityError, OperationalError

from models import (
    Allocation,
    AuditEntry,
    BillingInterval,
    CheckoutMode,
    CheckoutSession,
    CheckoutStatus,
    Checkpoint,
    CreditEntry,
    CreditEntryKind,
    CreditLot,
    Customer,
    Delivery,
    DeliveryStatus,
    DiscountDuration,
    Dispute,
    DisputeStatus,
    Email,
    EmailAddress,
    EmailKind,
    EmailStatus,
    Entitlement,
    Erasure,
    ErasureStatus,
    EventDestination,
    IdempotencyKey,
    Invoice,
    InvoiceLine,
    InvoiceOrigin,
    InvoiceStatus,
    Measure,
    OutboxEntry,
    OutboxKind,
    Payment,
    PaymentStatus,
    Plan,
    PlanKind,
    Price,
    PromotionCode,
    Receipt,
    ReceiptCounter,
    ReceiptKind,
    Refund,
    RefundReason,
    RefundRequest,
    RefundRequestStatus,
    RefundStatus,
    RetentionRun,
    RetentionStatus,
    Seller,
    StatisticsDelta,
    StatisticsRollup,
    Subscription,
    SubscriptionChange,
    SubscriptionChangeKind,
    SubscriptionChangeStatus,
    SubscriptionStatus,
    WebhookEvent,
    WebhookEventStatus,
)
from models.database import client, transaction
from models.record import Record
from tests.models.sound_rows import MOMENT, SOUND, entitlement_of_subscription, numbers, sound, sound_row

MIGRATIONS = Path(__file__).parents[2] / "models" / "migrations"


def one_of(column: str, words: Iterable[str]) -> str:
    return f'"{column}" IN ({", ".join(repr(str(word)) for word in words)})'


PAID_OF_TOTAL = '"amount_paid" >= 0 AND ("amount_paid" <= "total" OR "origin" = \'SUBSCRIPTION\')'
CURRENCY = 'length("currency") = 3 AND "currency" = upper("currency")'
REFUNDED = '"amount_refunded" >= 0 AND "amount_refunded" <= "amount"'
RECURRING = '("interval" IS NULL) = ("interval_count" IS NULL)'
VERSION = '"stripe_version" >= 0'
VERSIONS = '"intent_version" >= 0 AND "charge_version" >= 0 AND "invoice_version" >= 0'
ONE_DISCOUNT = '("percent_off" IS NULL) <> ("amount_off" IS NULL)'
COUPON_VERSIONS = '"stripe_version" >= 0 AND "coupon_version" >= 0'
ONE_THING = '("price_id" IS NULL) <> ("invoice_id" IS NULL)'
CHANGED = '("kind" = \'CHANGE\') = ("price_id" IS NOT NULL AND "quantity" IS NOT NULL)'
FORGOTTEN = '"status" = \'PENDING\' OR ("email" IS NULL AND "name" IS NULL AND "stripe_customer_id" IS NULL)'
NOBODY: dict[str, Any] = dict.fromkeys(("external_id", "email", "name", "stripe_customer_id"))
PENDING = "(\"status\" = 'PENDING') = "
REFUSED: list[tuple[type[Record], dict[str, Any], str]] = [
    (Customer, {"external_id": ""}, 'length("external_id") > 0'),
    (Customer, {"stripe_version": -1}, VERSION),
    (Checkpoint, {"name": ""}, 'length("name") > 0'),
    (Plan, {"kind": "COURSE"}, one_of("kind", PlanKind)),
    (Plan, {"kind": "package"}, one_of("kind", PlanKind)),
    (Plan, {"credits": -1}, '"credits" >= 0'),
    (Price, {"currency": "usd"}, CURRENCY),
    (Price, {"currency": "US"}, CURRENCY),
    (Price, {"unit_amount": -1}, '"unit_amount" >= 0'),
    (Price, {"interval": "DECADE"}, one_of("interval", BillingInterval)),
    (Price, {"interval": None}, RECURRING),
    (Price, {"interval_count": None}, RECURRING),
    (Price, {"interval_count": 0}, '"interval_count" > 0'),
    (Price, {"trial_days": -1}, '"trial_days" >= 0'),
    (Plan, {"stripe_version": -1}, VERSION),
    (Price, {"stripe_version": -1}, VERSION),
    (Subscription, {"status": "DEAD"}, one_of("status", SubscriptionStatus)),
    (Subscription, {"quantity": 0}, '"quantity" >= 1'),
    (Subscription, {"currency": "usd"}, CURRENCY),
    (Subscription, {"monthly_amount": -1}, '"monthly_amount" >= 0'),
    (Subscription, {"stripe_version": -1}, VERSION),
    (Payment, {"status": "PAID"}, one_of("status", PaymentStatus)),
    (Payment, {"amount": -1, "amount_refunded": 0}, '"amount" >= 0'),
    (Payment, {"amount_refunded": -1}, REFUNDED),
    (Payment, {"amount_refunded": 101}, REFUNDED),
    (Payment, {"currency": "Usd"}, CURRENCY),
    (Payment, {"currency": ""}, CURRENCY),
    (Payment, {"quantity": 0}, '"quantity" >= 1'),
    (Payment, {"intent_version": -1}, VERSIONS),
    (Payment, {"charge_version": -1}, VERSIONS),
    (Payment, {"invoice_version": -1}, VERSIONS),
    (CheckoutSession, {"mode": "SETUP"}, one_of("mode", CheckoutMode)),
    (CheckoutSession, {"status": "LOST"}, one_of("status", CheckoutStatus)),
    (CheckoutSession, {"quantity": 0}, '"quantity" >= 1'),
    (CheckoutSession, {"stripe_version": -1}, VERSION),
    (Refund, {"status": "DONE"}, one_of("status", RefundStatus)),
    (Refund, {"reason": "BORED"}, one_of("reason", RefundReason)),
    (Refund, {"amount": -1}, '"amount" >= 0'),
    (Refund, {"currency": "usd"}, CURRENCY),
    (Refund, {"stripe_version": -1}, VERSION),
    (RetentionRun, {"status": "STOPPED"}, one_of("status", RetentionStatus)),
    (RetentionRun, {"status": "DONE"}, '("status" = \'DONE\') = ("done_at" IS NOT NULL)'),
    (Erasure, {"status": "BEGUN"}, one_of("status", ErasureStatus)),
    (Erasure, {"status": "DONE", **NOBODY}, '("status" = \'DONE\') = ("done_at" IS NOT NULL)'),
    (Erasure, {"external_id": None}, PENDING + '("external_id" IS NOT NULL)'),
    (Erasure, {"status": "DONE", "done_at": MOMENT, **NOBODY, "email": "a@example.test"}, FORGOTTEN),
    (Erasure, {"status": "DONE", "done_at": MOMENT, **NOBODY, "name": "A"}, FORGOTTEN),
    (Erasure, {"status": "DONE", "done_at": MOMENT, **NOBODY, "stripe_customer_id": "cus_1"}, FORGOTTEN),
    (Dispute, {"status": "DRAWN"}, one_of("status", DisputeStatus)),
    (Dispute, {"amount": -1}, '"amount" >= 0'),
    (Dispute, {"currency": "usd"}, CURRENCY),
    (Dispute, {"stripe_version": -1}, VERSION),
    (PromotionCode, {"percent_off": 5.0}, ONE_DISCOUNT),
    (PromotionCode, {"amount_off": None, "currency": None}, ONE_DISCOUNT),
    (PromotionCode, {"percent_off": 100.5, "amount_off": None, "currency": None}, '"percent_off" > 0 AND "percent_off" <= 100'),
    (PromotionCode, {"percent_off": 0.0, "amount_off": None, "currency": None}, '"percent_off" > 0 AND "percent_off" <= 100'),
    (PromotionCode, {"amount_off": 0}, '"amount_off" > 0'),
    (PromotionCode, {"currency": None}, '("amount_off" IS NULL) = ("currency" IS NULL)'),
    (PromotionCode, {"currency": "usd"}, CURRENCY),
    (PromotionCode, {"duration": "TWICE"}, one_of("duration", DiscountDuration)),
    (PromotionCode, {"times_redeemed": -1}, '"times_redeemed" >= 0'),
    (PromotionCode, {"stripe_version": -1}, COUPON_VERSIONS),
    (PromotionCode, {"coupon_version": -1}, COUPON_VERSIONS),
    (CheckoutSession, {"price_id": None}, ONE_THING),
    (Plan, {"credit_days": 0}, '"credit_days" > 0'),
    (Plan, {"plan_group": ""}, 'length("plan_group") > 0'),
    (Price, {"instalments": 0}, '"instalments" > 0'),
    (SubscriptionChange, {"kind": "END"}, one_of("kind", SubscriptionChangeKind)),
    (SubscriptionChange, {"quantity": 0}, '"quantity" >= 1'),
    (SubscriptionChange, {"kind": "PAUSE"}, CHANGED),
    (SubscriptionChange, {"price_id": None}, CHANGED),
    (SubscriptionChange, {"quantity": None}, CHANGED),
    (SubscriptionChange, {"status": "LOST"}, one_of("status", SubscriptionChangeStatus)),
    (SubscriptionChange, {"pending_subscription_id": None}, PENDING + '("pending_subscription_id" IS NOT NULL)'),
    (Seller, {"external_id": ""}, 'length("external_id") > 0'),
    (Seller, {"name": ""}, 'length("name") > 0'),
    (Invoice, {"origin": "OTHER"}, one_of("origin", InvoiceOrigin)),
    (Invoice, {"status": "LATE"}, one_of("status", InvoiceStatus)),
    (Invoice, {"currency": "usd"}, CURRENCY),
    (Invoice, {"amount_paid": 101}, PAID_OF_TOTAL),
    (Invoice, {"amount_paid": -1}, PAID_OF_TOTAL),
    (Invoice, {"stripe_version": -1}, VERSION),
    (Invoice, {"attempts": -1}, '"attempts" >= 0'),
    (InvoiceLine, {"quantity": 0}, '"quantity" >= 1'),
    (InvoiceLine, {"currency": "usd"}, CURRENCY),
    (InvoiceLine, {"amount_paid": -1}, '"amount_paid" >= 0'),
    (InvoiceLine, {"discount": -1}, '"discount" >= 0'),
    (Allocation, {"amount": 0}, '"amount" > 0'),
    (CreditEntry, {"kind": "GIFT"}, one_of("kind", CreditEntryKind)),
    (CreditEntry, {"amount": 0}, '"amount" <> 0'),
    (CreditLot, {"granted": 0, "remaining": 0, "withdrawn": 0, "expired": 0}, '"granted" > 0'),
    (CreditLot, {"remaining": -1}, '"remaining" >= 0 AND "remaining" <= "granted"'),
    (CreditLot, {"remaining": 11}, '"remaining" >= 0 AND "remaining" <= "granted"'),
    (CreditLot, {"withdrawn": 9}, '"withdrawn" >= 0 AND "expired" >= 0 AND "withdrawn" + "expired" <= "granted"'),
    (Entitlement, {"payment_id": None}, '("payment_id" IS NULL) <> ("subscription_id" IS NULL)'),
    (RefundRequest, {"status": "LOST"}, one_of("status", RefundRequestStatus)),
    (RefundRequest, {"pending_payment_id": None}, PENDING + '("pending_payment_id" IS NOT NULL)'),
    (RefundRequest, {"decided_at": MOMENT}, PENDING + '("decided_at" IS NULL)'),
    (RefundRequest, {"amount": 0}, '"amount" > 0'),
    (RefundRequest, {"currency": "usd"}, CURRENCY),
    (OutboxEntry, {"kind": "OTHER"}, one_of("kind", OutboxKind)),
    (OutboxEntry, {"attempts": -1}, '"attempts" >= 0'),
    (StatisticsDelta, {"measure": "LUCK"}, one_of("measure", Measure)),
    (StatisticsRollup, {"measure": "LUCK"}, one_of("measure", Measure)),
    (StatisticsRollup, {"day": "2026-1-1"}, 'length("day") = 10'),
    (EventDestination, {"url": ""}, 'length("url") > 0'),
    (EventDestination, {"secret": None}, '("secret" IS NULL) = ("deleted_at" IS NOT NULL)'),
    (EventDestination, {"former_secret": "whsec_b2xk"}, '("former_secret" IS NULL) = ("former_secret_until" IS NULL)'),
    (Delivery, {"status": "LOST", "next_attempt_at": None}, one_of("status", DeliveryStatus)),
    (Delivery, {"position": 0}, '"position" > 0'),
    (Delivery, {"attempts": -1}, '"attempts" >= 0'),
    (Delivery, {"next_attempt_at": None}, "(\"status\" IN ('PENDING', 'FAILED')) = (\"next_attempt_at\" IS NOT NULL)"),
    (Seller, {"receipt_prefix": ""}, 'length("receipt_prefix") > 0'),
    (Receipt, {"kind": "BILL", "refund_id": None}, one_of("kind", ReceiptKind)),
    (Receipt, {"sequence": 0}, '"sequence" > 0'),
    (Receipt, {"kind": "RECEIPT"}, '("kind" = \'CREDIT_NOTE\') = ("refund_id" IS NOT NULL)'),
    (Receipt, {"cause_id": "other"}, '"cause_id" = COALESCE("refund_id", "payment_id")'),
    (Receipt, {"series": "house"}, '"series" = COALESCE("seller_id", \'house\')'),
    (ReceiptCounter, {"kind": "BILL"}, one_of("kind", ReceiptKind)),
    (ReceiptCounter, {"highest": 0}, '"highest" > 0'),
    (Email, {"kind": "SPAM"}, one_of("kind", EmailKind)),
    (Email, {"status": "LOST", "next_attempt_at": None}, one_of("status", EmailStatus)),
    (Email, {"position": 0}, '"position" > 0'),
    (Email, {"attempts": -1}, '"attempts" >= 0'),
    (Email, {"recipient": ""}, 'length("recipient") > 0'),
    (Email, {"next_attempt_at": None}, "(\"status\" IN ('PENDING', 'FAILED')) = (\"next_attempt_at\" IS NOT NULL)"),
    (Email, {"recipient": None}, '("recipient" IS NOT NULL) OR ("next_attempt_at" IS NULL)'),
    (Email, {"status": "SENT", "next_attempt_at": None}, '("sent_at" IS NOT NULL) OR ("status" <> \'SENT\')'),
    (EmailAddress, {"address": ""}, 'length("address") > 0'),
    (EmailAddress, {"undeliverable_since": MOMENT}, '("undeliverable_since" IS NULL) = ("undeliverable_reason" IS NULL)'),
    (WebhookEvent, {"status": "LOST"}, one_of("status", WebhookEventStatus)),
    (WebhookEvent, {"attempts": -1}, '"attempts" >= 0'),
]
SETS: list[tuple[type[Record], str, type[StrEnum]]] = [
    (Plan, "kind", PlanKind),
    (Price, "interval", BillingInterval),
    (Subscription, "status", SubscriptionStatus),
    (Payment, "status", PaymentStatus),
    (CheckoutSession, "mode", CheckoutMode),
    (CheckoutSession, "status", CheckoutStatus),
    (Refund, "status", RefundStatus),
    (Refund, "reason", RefundReason),
    (Dispute, "status", DisputeStatus),
    (PromotionCode, "duration", DiscountDuration),
    (Invoice, "origin", InvoiceOrigin),
    (Invoice, "status", InvoiceStatus),
    (OutboxEntry, "kind", OutboxKind),
    (StatisticsDelta, "measure", Measure),
    (StatisticsRollup, "measure", Measure),
    (Email, "kind", EmailKind),
    (WebhookEvent, "status", WebhookEventStatus),
]
UNIQUE: list[tuple[type[Record], tuple[str, ...]]] = [
    (Allocation, ("line_id", "payment_id")),
    (Checkpoint, ("name",)),
    (CreditEntry, ("cause",)),
    (CreditLot, ("payment_id",)),
    (CreditLot, ("invoice_id",)),
    (Entitlement, ("payment_id", "feature")),
    (Entitlement, ("subscription_id", "feature")),
    (Erasure, ("customer_id",)),
    (Erasure, ("stripe_digest",)),
    (Invoice, ("reference_key",)),
    (Invoice, ("stripe_invoice_id",)),
    (InvoiceLine, ("invoice_id", "position")),
    (InvoiceLine, ("stripe_line_id",)),
    (OutboxEntry, ("kind", "subject_id")),
    (Delivery, ("destination_id", "event_id")),
    (Delivery, ("object_id", "destination_id", "position")),
    (Delivery, ("cause",)),
    (Email, ("cause",)),
    (Email, ("object_id", "recipient", "position")),
    (EmailAddress, ("address",)),
    (Receipt, ("cause_id",)),
    (Receipt, ("series", "kind", "year", "sequence")),
    (ReceiptCounter, ("series", "kind", "year")),
    (RefundRequest, ("pending_payment_id",)),
    (RefundRequest, ("refund_id",)),
    (SubscriptionChange, ("pending_subscription_id",)),
    (Seller, ("external_id",)),
    (StatisticsRollup, ("seller_key", "measure", "day", "currency", "detail")),
    (CheckoutSession, ("payment_id",)),
    (CheckoutSession, ("stripe_session_id",)),
    (Customer, ("external_id",)),
    (Customer, ("stripe_customer_id",)),
    (Dispute, ("stripe_dispute_id",)),
    (IdempotencyKey, ("actor", "mutation", "key")),
    (Payment, ("stripe_charge_id",)),
    (Payment, ("stripe_invoice_id",)),
    (Payment, ("stripe_payment_intent_id",)),
    (Plan, ("code",)),
    (Plan, ("stripe_product_id",)),
    (Price, ("stripe_price_id",)),
    (PromotionCode, ("stripe_promotion_code_id",)),
    (Refund, ("stripe_refund_id",)),
    (Subscription, ("stripe_subscription_id",)),
    (WebhookEvent, ("stripe_event_id",)),
]


def test_every_check_of_the_migrations_has_a_case() -> None:
    text = "".join(path.read_text() for path in sorted(MIGRATIONS.glob("0*.py")))
    of_tables = {}
    for table, body in re.findall(r'CREATE TABLE "(\w+)" \((.*?)\n\)"""', text, re.DOTALL):
        of_tables[table] = {(table, check) for check in re.findall(r"^    CHECK \((.*)\),?$", body, re.MULTILINE)}
    declared = set().union(*of_tables.values())
    added = re.findall(r'ALTER TABLE "(\w+)" ADD COLUMN "(\w+)" .* CHECK \((.*)\)\'', text)
    dropped = set(re.findall(r'ALTER TABLE "(\w+)" DROP COLUMN "(\w+)"', text))
    declared |= {(table, check) for table, column, check in added if (table, column) not in dropped}
    assert {(kind._meta.db_table, check) for kind, _, check in REFUSED} == declared


def said_by_sqlite(check: str) -> str:
    """SQLite takes a name that a CHECK begins with for all of it."""
    name = re.match(r'"(\w+)"', check)
    return name[1] if name else check


@pytest.mark.parametrize(("kind", "wrong", "check"), REFUSED, ids=[f"{kind.__name__}-{wrong}" for kind, wrong, _ in REFUSED])
async def test_a_check_refuses(database: str, engine: str, kind: type[Record], wrong: dict[str, Any], check: str) -> None:
    right = await sound(kind)
    before = await kind.all().count()
    with pytest.raises(IntegrityError) as refusal:
        await kind.create(**right | wrong)
    if engine == "sqlite":
        assert str(refusal.value) == f"CHECK constraint failed: {said_by_sqlite(check)}"
    else:
        assert isinstance(refusal.value.__cause__, asyncpg.CheckViolationError)
    assert await kind.all().count() == before
    row = await kind.create(**right)
    with pytest.raises(IntegrityError):
        await kind.filter(id=row.id).update(**wrong)
    kept = await kind.get(id=row.id)
    assert {name: getattr(kept, name) for name in wrong} == {name: getattr(row, name) for name in wrong}


@pytest.mark.parametrize(("kind", "column", "words"), SETS, ids=[f"{kind.__name__}-{column}" for kind, column, _ in SETS])
async def test_every_word_of_a_set_is_taken(database: str, kind: type[Record], column: str, words: type[StrEnum]) -> None:
    row = await sound_row(kind)
    for word in words:
        await kind.filter(id=row.id).update(**{column: word.value})
        assert getattr(await kind.get(id=row.id), column) == word.value


async def test_every_unique_key_of_the_models_has_a_case(database: str) -> None:
    declared: set[tuple[type[Record], tuple[str, ...]]] = set()
    for kind in SOUND:
        columns = kind._meta.fields_db_projection
        declared |= {(kind, (name,)) for name in columns if kind._meta.fields_map[name].unique and name != "id"}
        declared |= {(kind, tuple(names)) for names in kind._meta.unique_together}
    assert declared == set(UNIQUE)


WITHOUT: dict[tuple[type[Record], tuple[str, ...]], dict[str, Any]] = {
    (Email, ("object_id", "recipient", "position")): {"status": "SUPPRESSED", "next_attempt_at": None},
    (RefundRequest, ("pending_payment_id",)): {"status": "WITHDRAWN", "decided_at": MOMENT},
    (SubscriptionChange, ("pending_subscription_id",)): {"status": "DONE"},
}
"""What else rows without a unique key have."""

IN_TURN: dict[tuple[type[Record], tuple[str, ...]], tuple[Callable[..., Any], Callable[..., Any]]] = {
    (Entitlement, ("payment_id", "feature")): (SOUND[Entitlement], entitlement_of_subscription),
    (Entitlement, ("subscription_id", "feature")): (entitlement_of_subscription, SOUND[Entitlement]),
}
"""Where a row has one key or the other: values with the key, and without."""


@pytest.mark.parametrize(("kind", "names"), UNIQUE, ids=[f"{kind.__name__}-{'-'.join(names)}" for kind, names in UNIQUE])
async def test_a_unique_key_refuses_a_second_row(database: str, kind: type[Record], names: tuple[str, ...]) -> None:
    having, lacking = IN_TURN.get((kind, names), (SOUND[kind], None))
    first, right = await kind.create(**await having(next(numbers))), await having(next(numbers))
    before = await kind.all().count()
    taken = {name: getattr(first, name) for name in names}
    others = {name: value for name, value in right.items() if f"{name}_id" not in names}
    with pytest.raises(IntegrityError):
        async with transaction():
            await kind.create(**others | taken)
    assert await kind.all().count() == before
    nullable = {name: None for name in names if kind._meta.fields_map[name].null}
    if nullable:  # many rows may be without
        for _ in range(2):
            values = {name: value for name, value in (await sound(kind)).items() if f"{name}_id" not in names} | nullable
            values |= WITHOUT.get((kind, names), {})
            await kind.create(**(await lacking(next(numbers)) if lacking else values))
    else:
        await kind.create(**right)


async def test_a_reference_to_nothing_is_refused(database: str) -> None:
    for kind in SOUND:
        for relation in sorted(kind._meta.fk_fields | kind._meta.o2o_fields):
            values = {name: value for name, value in (await sound(kind)).items() if name != relation}
            before = await kind.all().count()
            with pytest.raises(IntegrityError):
                await kind.create(**values | {f"{relation}_id": "cust_00000000000000000000000000"})
            assert await kind.all().count() == before


async def test_a_parent_cannot_be_deleted_under_its_children(database: str) -> None:
    for kind in (
        Receipt,
        Refund,
        CheckoutSession,
        Dispute,
        PromotionCode,
        Allocation,
        CreditEntry,
        CreditLot,
        Entitlement,
        RefundRequest,
        SubscriptionChange,
        Delivery,
        Email,
    ):
        await sound_row(kind)
    counts = {kind: await kind.all().count() for kind in SOUND}
    referred = 0
    for child in SOUND:
        for relation in child._meta.fk_fields | child._meta.o2o_fields:
            async for row in child.filter(**{f"{relation}_id__not_isnull": True}).prefetch_related(relation):
                referred += 1
                with pytest.raises(IntegrityError):
                    await getattr(row, relation).delete()
    assert referred == 291
    assert {kind: await kind.all().count() for kind in SOUND} == counts


async def test_text_that_cannot_be_stored_changes_nothing_beside_it(database: str, engine: str) -> None:
    """Input is checked above; whatever gets here is refused whole, or kept whole as SQLite keeps NUL."""
    texts = ["a\x00b", "\ud800", "'||CHAR(0)||'", "\x00"]
    kept = []
    for text in texts:
        with suppress(UnicodeEncodeError, OperationalError):
            async with transaction():
                await Customer.create(external_id=f"user {text}", name=text)
            kept.append(text)
    assert kept == {"sqlite": ["a\x00b", "'||CHAR(0)||'", "\x00"], "postgres": ["'||CHAR(0)||'"]}[engine]
    rows = await client().read('SELECT "name", "external_id" FROM "customer" ORDER BY "id"')
    assert [tuple(row) for row in rows] == [(text, f"user {text}") for text in kept]


@pytest.mark.parametrize("kind", [AuditEntry, CreditEntry])
async def test_a_ledger_only_grows(database: str, engine: str, kind: type[Record]) -> None:
    row = await sound_row(kind)
    table, before = kind._meta.db_table, await kind.all().values()
    for refused in (kind.filter(id=row.id).update(created_at=MOMENT), kind.filter(id=row.id).delete(), kind.all().delete()):
        with pytest.raises(IntegrityError, match=f"{table} only grows"):
            await refused
    if engine == "postgres":
        with pytest.raises(IntegrityError, match="only grows"):
            await client().execute_query(f'TRUNCATE "{table}"')
    if engine == "sqlite":
        for again in ({"id": row.id}, {"cause": row.cause} if isinstance(row, CreditEntry) else {"id": row.id}):
            await _refuse_replacing(kind, row, again)
    assert await kind.all().values() == before
    for word in CreditEntryKind if kind is CreditEntry else ():
        assert (await kind.create(**await sound(kind) | {"kind": word.value})).kind == word  # type: ignore[attr-defined]  # of entries


async def _refuse_replacing(kind: type[Record], row: Any, again: dict[str, Any]) -> None:
    """SQLite deletes what it replaces without asking the triggers of deletion."""
    table = kind._meta.db_table
    columns = [name for name in kind._meta.db_fields if name not in {"id", "cause"}]
    named = {"id": "'x'"} | {name: f"'{value}'" for name, value in again.items()}
    names = ", ".join(f'"{name}"' for name in [*named, *columns])
    values = ", ".join([*named.values(), *(f'"{name}"' for name in columns)])
    found = f'SELECT {values} FROM "{table}" WHERE "id" = \'{row.id}\''  # noqa: S608 - names of the model's own
    with pytest.raises(IntegrityError, match=f"{table} only grows"):
        await client().execute_query(f'INSERT OR REPLACE INTO "{table}" ({names}) {found}')
