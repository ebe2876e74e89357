"""Nobody is erased while something of them is open, and then nothing is changed; and what was begun is finished, once."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any

import pytest
from tortoise.exceptions import IntegrityError

from models import AuditEntry, CreditEntry, Customer, Dispute, Erasure, IdempotencyKey, Invoice, Payment, Refund, WebhookEvent
from models.database import client, transaction
from services.billing import Billing
from services.credits import Booking, grant_credits, use_credits
from services.erasure import erasing
from services.erasure.erasing import ACTION, Step, erase, erase_customer
from services.erasure.traces import Traces
from services.errors import CustomerNotErasable, InvalidInput, NotFound, Refusal, StripeUnavailable
from services.idempotency import Done
from services.invoices import InvoiceTerms, LineTerms, create_invoice
from services.payment_intents import create_payment_intent
from services.recovery import KEY_LIFETIME, finish_pending
from services.refund_requests import Asked, request_refund
from tests.erasure.person import ADMIN, EXTERNAL_ID, books, live, places
from tests.erasure.person import everything as all_rows
from tests.models.sound_rows import sound_row
from tests.services.between import Between, instead
from tests.services.conftest import settings_for
from tests.services.shop import ALICE, SUPPORT, course, paid
from tests.services.subscribers import begun

Opening = Callable[[Billing, Between], Awaitable[tuple[str, str]]]
"""Leaves something open of Alice's; what the refusal says of it."""


async def alice() -> str:
    return str((await Customer.get(external_id="alice")).id)


async def subscription(shop: Billing, stripe: Between) -> tuple[str, str]:
    return (await begun(shop, stripe)).id, "is ACTIVE: end it now, with atPeriodEnd false"


async def invoice(shop: Billing, _: Between) -> tuple[str, str]:
    done = await create_invoice(SUPPORT, InvoiceTerms("alice", "USD", (LineTerms("Fee", 5_000),)), None)
    return done.object_id, "is OPEN: have it paid, or void it (Stripe's own: void it, or mark it uncollectible, there)"


async def payment(shop: Billing, _: Between) -> tuple[str, str]:
    row = await paid(shop)
    await type(row).filter(id=row.id).update(status="PROCESSING")
    return row.id, "is PROCESSING: wait until the bank has said whether it is paid"


async def refund(shop: Billing, _: Between) -> tuple[str, str]:
    row = await paid(shop)
    kept = await Refund.create(payment_id=row.id, customer_id=row.customer_id, amount=100, currency="USD", stripe_refund_id="re_x")
    return kept.id, "is PENDING: wait until it has arrived or failed"


async def request(shop: Billing, _: Between) -> tuple[str, str]:
    done = await request_refund(ALICE, Asked((await paid(shop)).id, "Broken"), None)
    return done.object_id, "is PENDING: decide it"


async def dispute(shop: Billing, _: Between) -> tuple[str, str]:
    row = await paid(shop)
    told: dict[str, Any] = {"status": "UNDER_REVIEW", "stripe_status": "under_review", "reason": "fraudulent", "stripe_dispute_id": "dp_x"}
    kept = await Dispute.create(payment_id=row.id, customer_id=row.customer_id, amount=100, currency="USD", **told)
    return kept.id, "is UNDER_REVIEW: wait until the bank has decided"


async def event(shop: Billing, _: Between) -> tuple[str, str]:
    stripe_id = (await Customer.get(id=(await paid(shop)).customer_id)).stripe_customer_id
    times: dict[str, Any] = {"occurred_at": datetime.now(UTC), "received_at": datetime.now(UTC), "next_attempt_at": datetime.now(UTC)}
    told: dict[str, Any] = {
        "stripe_event_id": "evt_x",
        "type": "customer.updated",
        "status": "FAILED",
        "payload": f'{{"id": "{stripe_id}"}}',
    }
    return (await WebhookEvent.create(**told, **times)).id, "failed: wait until it is applied, or replay it"


@pytest.mark.parametrize("opening", [subscription, invoice, payment, refund, request, dispute, event], ids=lambda one: one.__name__)
async def test_what_is_open_is_named_and_nothing_is_changed(shop: Billing, stripe: Between, opening: Opening) -> None:
    row_id, told = await opening(shop, stripe)
    customer_id, before = await alice(), await all_rows()
    stripe.clear()
    with pytest.raises(CustomerNotErasable) as refused:
        await erase_customer(shop, ADMIN, customer_id, None)
    assert refused.value.message == f"Something of this customer is still open: {row_id} {told}."
    assert (refused.value.code, refused.value.field, refused.value.retryable) == ("INVALID_INPUT", ("id",), False)
    assert await all_rows() == before
    assert (stripe.posted, stripe.got) == ([], [])


async def test_ten_things_are_named_at_most(shop: Billing) -> None:
    for _ in range(12):
        await create_invoice(SUPPORT, InvoiceTerms("alice", "USD", (LineTerms("Fee", 5_000),)), None)
    with pytest.raises(CustomerNotErasable) as refused:
        await erase_customer(shop, ADMIN, await alice(), None)
    assert refused.value.message.count("is OPEN") == 10
    assert refused.value.message.endswith(", and more.")


@pytest.mark.parametrize(("customer_id", "refusal"), [("cust_none", NotFound), ("", InvalidInput), ("a\x00b", InvalidInput)])
async def test_nobody(shop: Billing, customer_id: str, refusal: type[Refusal]) -> None:
    before = await all_rows()
    with pytest.raises(refusal):
        await erase_customer(shop, ADMIN, customer_id, None)
    assert await all_rows() == before


async def test_asked_again_nothing_is_done_again(shop: Billing, stripe: Between) -> None:
    person = await live(shop, stripe)
    first = await erase_customer(shop, ADMIN, person.customer.id, "key")
    before = await all_rows()
    stripe.clear()
    again = await erase_customer(shop, ADMIN, person.customer.id, "key")
    assert (first.object_id, again.object_id) == (person.customer.id, person.customer.id)
    await erase(shop, person.customer.id, "cli")
    assert await all_rows() == before
    assert stripe.posted == []


async def test_while_stripe_does_not_answer_the_erasure_waits_for_the_worker(shop: Billing, stripe: Between) -> None:
    person = await live(shop, stripe)
    stripe_id = str(person.customer.stripe_customer_id)
    stripe.faults = [(f"/customers/{stripe_id}", instead(502))] * 4
    with pytest.raises(StripeUnavailable):
        await erase_customer(shop, ADMIN, person.customer.id, "key")
    row = await Customer.get(id=person.customer.id)
    assert (row.email, row.name, row.stripe_customer_id) == (None, None, None)
    pending = await Erasure.get()
    assert (pending.status, pending.position, pending.external_id) == ("PENDING", {"done": ["close_open"]}, EXTERNAL_ID)
    assert await finish_pending(shop, timedelta(minutes=2)) == 0
    assert await finish_pending(shop, timedelta(0)) == 1
    assert await places(person.traces) == []
    assert await AuditEntry.filter(action=ACTION).count() == 1
    before = await all_rows()
    assert (await erase_customer(shop, ADMIN, person.customer.id, "key")).object_id == person.customer.id
    key = await IdempotencyKey.get(mutation="eraseCustomer")
    assert key.answer == {"object": pending.id}
    assert {table: rows for table, rows in (await all_rows()).items() if table != "idempotency_key"} == {
        table: rows for table, rows in before.items() if table != "idempotency_key"
    }


async def test_one_that_was_begun_long_ago_goes_on_as_well(shop: Billing, stripe: Between) -> None:
    person = await live(shop, stripe)
    stripe.faults = [(f"/customers/{person.customer.stripe_customer_id}", instead(502))] * 4
    with pytest.raises(StripeUnavailable):
        await erase_customer(shop, ADMIN, person.customer.id, None)
    await Erasure.all().update(created_at=datetime.now(UTC) - 2 * KEY_LIFETIME)
    await finish_pending(shop, timedelta(minutes=2))
    assert (await Erasure.get()).status == "DONE"
    assert await places(person.traces) == []


async def test_cut_off_behind_each_step_it_goes_on(shop: Billing, stripe: Between, monkeypatch: pytest.MonkeyPatch) -> None:
    person = await live(shop, stripe)
    before, cut = await books(), 0

    def cutting(step: Step) -> Step:
        met = False

        @wraps(step)
        async def do(billing: Billing, row: Erasure, traces: Traces) -> None:
            nonlocal met
            await step(billing, row, traces)
            if not met:
                met = True
                raise ConnectionAbortedError

        return do

    monkeypatch.setattr(erasing, "STEPS", tuple(cutting(step) for step in erasing.STEPS))
    while await Erasure.filter(status="DONE").count() == 0:
        try:
            await erase(shop, person.customer.id, "cli")
        except ConnectionAbortedError:
            cut += 1
    assert cut == len(erasing.STEPS) == 12
    assert await places(person.traces) == []
    after = await books()
    for table in (
        "refund",
        "invoice",
        "invoice_line",
        "allocation",
        "credit_entry",
        "credit_lot",
        "receipt",
        "entitlement",
        "subscription",
    ):
        assert after[table] == before[table], table
    assert await AuditEntry.filter(action=ACTION).count() == 1
    told = await shop.stripe.call("event.list", lambda http: http.v1.events.list_async({"type": "customer.deleted", "limit": 100}))
    assert [event["data"]["object"]["id"] for event in told.object["data"]].count(person.customer.stripe_customer_id) == 1


async def test_a_customer_who_is_gone_at_stripe_already(shop: Billing, stripe: Between) -> None:
    person = await live(shop, stripe)
    stripe_id = str(person.customer.stripe_customer_id)
    await shop.stripe.call("customer.delete", lambda http: http.v1.customers.delete_async(stripe_id))
    await erase_customer(shop, ADMIN, person.customer.id, None)
    assert (await Erasure.get()).status == "DONE"
    assert await places(person.traces) == []


async def test_who_was_never_at_stripe_needs_no_stripe(shop: Billing, stripe: Between) -> None:
    await grant_credits(SUPPORT, Booking("alice", 5, "Hello"), "key")
    settings = settings_for(stripe.base, stripe_enabled=False)
    stripe.clear()
    await erase_customer(Billing(settings, type(shop.stripe)(settings)), ADMIN, await alice(), None)
    assert (await Erasure.get()).status == "DONE"
    assert (stripe.posted, stripe.got) == ([], [])


async def test_with_stripe_switched_off_nothing_is_begun(shop: Billing, stripe: Between) -> None:
    person = await live(shop, stripe)
    settings, before = settings_for(stripe.base, stripe_enabled=False), await all_rows()
    with pytest.raises(Refusal, match="switched off"):
        await erase_customer(Billing(settings, type(shop.stripe)(settings)), ADMIN, person.customer.id, None)
    assert await all_rows() == before


async def test_nothing_is_sold_or_given_to_a_pseudonym(shop: Billing, stripe: Between) -> None:
    person = await live(shop, stripe)
    await erase_customer(shop, ADMIN, person.customer.id, None)
    name = (await Customer.get(id=person.customer.id)).external_id
    before = await all_rows()
    calls: list[Callable[[], Awaitable[Any]]] = [
        lambda: grant_credits(SUPPORT, Booking(name, 5, "Hello"), "a"),
        lambda: use_credits(SUPPORT, Booking(name, 5, "Hello"), "b"),
        lambda: create_invoice(SUPPORT, InvoiceTerms(name, "USD", (LineTerms("Fee", 5_000),)), None),
    ]
    for call in calls:
        with pytest.raises(NotFound):
            await call()
    assert await IdempotencyKey.filter(key__in=["a", "b"]).delete() == 2
    assert await all_rows() == before


async def test_what_was_begun_just_before_comes_to_nothing(shop: Billing, stripe: Between) -> None:
    """A payment whose row is there, and which Stripe has not been asked for yet, when its customer is erased."""
    await create_payment_intent(shop, ALICE, course())
    customer_id = await alice()
    await erase_customer(shop, ADMIN, customer_id, None)
    row = await Payment.create(customer_id=customer_id, amount=100, currency="USD")
    stripe.clear()
    await finish_pending(shop, timedelta(seconds=-5))
    assert (await Payment.get(id=row.id)).status in {"FAILED", "CANCELED"}
    assert stripe.posted == []
    assert (await Customer.get(id=customer_id)).stripe_customer_id is None


LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)

WRONG: list[tuple[str, dict[str, Any]]] = [
    ("audit_entry", {"action": "x.z"}),
    ("audit_entry", {"object_id": "y"}),
    ("audit_entry", {"request_id": "r"}),
    ("audit_entry", {"created_at": LONG_AGO}),
    ("audit_entry", {"actor": "CUSTOMER:somebody"}),
    ("audit_entry", {"actor": "ADMIN:root"}),
    ("audit_entry", {"changes": {"said": "[erased]", "amount": 6, "deep": [{"a": "b"}, None]}}),
    ("audit_entry", {"changes": {"said": "other", "amount": 5, "deep": [{"a": "b"}, None]}}),
    ("audit_entry", {"changes": {"said": "[erased]", "amount": "[erased]", "deep": [{"a": "b"}, None]}}),
    ("audit_entry", {"changes": {"said": "[erased]", "amount": 5}}),
    ("audit_entry", {"changes": {"said": "[erased]", "amount": 5, "deep": [{"a": "b"}, None], "more": "[erased]"}}),
    ("audit_entry", {"changes": {"told": "[erased]", "amount": 5, "deep": [{"a": "b"}, None]}}),
    ("audit_entry", {"changes": {"said": "[erased]", "amount": 5, "deep": [{"a": "b"}, "[erased]"]}}),
    ("audit_entry", {"changes": {"said": "[erased]", "amount": 5, "deep": [{"a": "b"}, None, "[erased]"]}}),
    ("credit_entry", {"description": "other"}),
    ("credit_entry", {"description": None}),
    ("credit_entry", {"amount": 11, "description": "[erased]"}),
    ("credit_entry", {"balance_after": 11, "description": "[erased]"}),
    ("credit_entry", {"kind": "USE", "description": "[erased]"}),
    ("credit_entry", {"cause": None, "description": "[erased]"}),
    ("credit_entry", {"created_at": LONG_AGO, "description": "[erased]"}),
    ("credit_entry", {"customer_id": "cust_other", "description": "[erased]"}),
    ("credit_entry", {"payment_id": None, "description": "[erased]"}),
]
"""What the ledgers keep refusing while somebody is erased."""

CHANGES: dict[str, Any] = {"said": "Liddell", "amount": 5, "deep": [{"a": "b"}, None]}


async def pending() -> tuple[AuditEntry, CreditEntry]:
    """An entry of each ledger of somebody who is being erased."""
    booking: CreditEntry = await sound_row(CreditEntry)
    known: dict[str, Any] = {"external_id": "liddell", "customer_id": booking.customer_id}
    await Erasure.create(**known)
    entry = await AuditEntry.create(actor="CUSTOMER:liddell", action="x.y", object_id="x", changes=CHANGES)
    return entry, booking


@pytest.mark.parametrize(("table", "wrong"), WRONG, ids=[f"{table}-{wrong}" for table, wrong in WRONG])
async def test_the_ledgers_let_go_of_nothing_else(database: str, table: str, wrong: dict[str, Any]) -> None:
    entry, booking = await pending()
    before = await all_rows()
    row: Any = entry if table == "audit_entry" else booking
    with pytest.raises(IntegrityError, match=f"{table} only grows"):
        await type(row).filter(id=row.id).update(**wrong)
    for refused in (type(row).filter(id=row.id).delete(), type(row).all().delete()):
        with pytest.raises(IntegrityError, match=f"{table} only grows"):
            await refused
    if client().capabilities.dialect == "postgres":
        with pytest.raises(IntegrityError, match="only grows"):
            await client().execute_query(f'TRUNCATE "{table}"')
    assert await all_rows() == before


async def test_the_ledgers_let_go_of_who_is_erased_and_of_nobody_once_it_is_done(shop: Billing) -> None:
    entry, booking = await pending()
    other: CreditEntry = await sound_row(CreditEntry)
    blotted = {"said": "[erased]", "amount": 5, "deep": [{"a": "[erased]"}, None]}
    pseudonym = (await Customer.get(id=booking.customer_id)).external_id
    with pytest.raises(IntegrityError, match="credit_entry only grows"):
        await CreditEntry.filter(id=other.id).update(description="[erased]")
    await AuditEntry.filter(id=entry.id).update(changes=blotted, actor=f"CUSTOMER:{pseudonym}")
    await CreditEntry.filter(id=booking.id).update(description="[erased]")
    kept = await AuditEntry.get(id=entry.id)
    assert (kept.changes, kept.actor, kept.created_at) == (blotted, f"CUSTOMER:{pseudonym}", entry.created_at)
    assert (await CreditEntry.get(id=booking.id)).description == "[erased]"
    await Erasure.all().update(status="DONE", done_at=datetime.now(UTC), external_id=None)
    for refused in (
        AuditEntry.filter(id=entry.id).update(changes=blotted),
        AuditEntry.filter(id=entry.id).update(actor="CUSTOMER:[erased]"),
        CreditEntry.filter(id=booking.id).update(description="[erased]"),
    ):
        with pytest.raises(IntegrityError, match="only grows"):
            await refused
    assert (await AuditEntry.get(id=entry.id)).actor == f"CUSTOMER:{pseudonym}"


async def test_who_buys_while_they_are_erased_is_somebody_new_or_buys_nothing(shop: Billing, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await create_payment_intent(shop, ALICE, course(metadata={"of": "Alice"}))
    customer_id = await alice()
    buying = [create_payment_intent(shop, ALICE, course(metadata={"of": "Alice", "try": str(number)})) for number in range(10)]
    answers = await asyncio.gather(*buying[:5], erase_customer(shop, ADMIN, customer_id, None), *buying[5:], return_exceptions=True)
    assert {type(answer) for answer in answers} <= {Done, NotFound, StripeUnavailable}  # what is just being made cannot be closed yet
    monkeypatch.setattr("services.open_checkouts.BEING_MADE", timedelta(0))
    await finish_pending(shop, timedelta(seconds=-5))
    assert (await Erasure.get()).status == "DONE"
    row = await Customer.get(id=customer_id)
    assert [row.stripe_customer_id, row.email, row.name] == [None, None, None]
    theirs = await Payment.filter(customer_id=customer_id)
    assert first.object_id in {payment.id for payment in theirs}
    assert {payment.status for payment in theirs} <= {"CANCELED", "FAILED"}
    assert [payment.metadata for payment in theirs if payment.metadata] == []
    assert {other.external_id for other in await Customer.exclude(id=customer_id)} <= {"alice"}


async def test_what_is_just_being_begun_is_waited_for(shop: Billing) -> None:
    await create_payment_intent(shop, ALICE, course())
    customer_id = await alice()
    begun_it, go_on = asyncio.Event(), asyncio.Event()

    async def begin() -> None:
        async with transaction():
            await Invoice.create(customer_id=customer_id, currency="USD", total=5, status="OPEN")
            begun_it.set()
            await go_on.wait()

    beginning = asyncio.create_task(begin())
    await begun_it.wait()
    asked = asyncio.create_task(erase(shop, customer_id, "cli"))
    await asyncio.sleep(0.2)
    go_on.set()
    await beginning
    with pytest.raises(CustomerNotErasable, match="is OPEN"):
        await asked
    assert (await Customer.get(id=customer_id)).erased_at is None
