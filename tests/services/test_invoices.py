"""Issued invoices: what is owed is what the lines say, paid whole or in parts, and given back in reverse."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from models import Allocation, AuditEntry, CheckoutSession, Customer, IdempotencyKey, Invoice, InvoiceLine, OutboxEntry, Payment, Refund
from services.audit import Caller
from services.authentication import Role, Viewer
from services.billing import Billing
from services.checkout import create_checkout_session
from services.errors import (
    AmountExceedsBalance,
    AmountTooSmall,
    IdempotencyKeyReused,
    InvalidInput,
    InvoiceNotPayable,
    NotFound,
    PaymentNotRefundable,
    RefundExceedsPayment,
    Refusal,
)
from services.idempotency import Done
from services.invoices import InvoiceTerms, LineTerms, create_invoice, void_invoice
from services.mirror import write
from services.outbox_tasks import TASKS
from services.outbox_worker import drain
from services.payment_intents import PaymentIntentRequest, create_payment_intent
from services.purchases import Choice
from services.refunds import create_refund
from services.sellers import SellerTerms, save_seller
from services.snapshot import Snapshot
from tests.mirror.objects import START, dispute
from tests.services.between import Between
from tests.services.shop import ALICE, BOB, SUPPORT, checkout, confirm, listed, refund

HOST = Caller(Viewer("backend", None, frozenset({Role.CUSTOMER, Role.SERVICE})), "request-9")
TERM = InvoiceTerms(
    "alice",
    "USD",
    (LineTerms("Tuition", 60_000), LineTerms("Books", 2_500, 4), LineTerms("Sport", 0), LineTerms("Trip", 20_000)),
    email="alice@example.test",
    reference="term-1",
    due_at=datetime(2026, 1, 31, tzinfo=UTC),
    metadata={"class": "7b"},
)


async def issued(terms: InvoiceTerms = TERM, key: str | None = None) -> Invoice:
    done = await create_invoice(HOST, terms, key)
    return await Invoice.get(id=done.object_id)


async def pay(billing: Billing, invoice: Invoice, amount: int | None = None, method: str = "pm_card_visa") -> Payment:
    done = await create_payment_intent(billing, ALICE, PaymentIntentRequest(Choice(invoice_id=invoice.id, amount=amount)))
    await confirm(billing, await Payment.get(id=done.object_id), method)
    return await Payment.get(id=done.object_id)


async def state(invoice: Invoice) -> tuple[str, int, list[int]]:
    """Status, amount paid, and what is paid of each line; after all that must hold of the books was checked."""
    row = await Invoice.get(id=invoice.id)
    lines = await InvoiceLine.filter(invoice_id=row.id).order_by("position")
    shares = await Allocation.filter(line_id__in=[line.id for line in lines])
    for line in lines:
        assert line.amount_paid == sum(share.amount for share in shares if share.line_id == line.id) <= line.amount
    assert row.amount_paid == sum(line.amount_paid for line in lines)
    return row.status, row.amount_paid, [line.amount_paid for line in lines]


async def test_an_invoice_whose_payment_was_lost_to_a_bank_can_be_voided(shop: Billing) -> None:
    row = await issued()
    payment = await pay(shop, row)
    told = {"charge": payment.stripe_charge_id, "payment_intent": payment.stripe_payment_intent_id, "amount": 90_000}
    for at, status, expected in ((1, "needs_response", "PAID"), (2, "lost", "OPEN")):
        await write(shop, Snapshot(dispute(status=status, **told), START + 10**9 + at))
        assert (await Invoice.get()).status == expected
    await void_invoice(HOST, row.id, "Lost", None)
    assert await state(row) == ("VOID", 0, [0, 0, 0, 0])


async def test_what_is_paid_of_an_invoice_is_audited(shop: Billing) -> None:
    row = await issued()
    for amount in (50_000, 30_000, 10_000):
        await pay(shop, row, amount)
    told = await AuditEntry.filter(object_id=row.id, action__in=("invoice.status", "invoice.update")).order_by("id")
    assert [(entry.action, entry.changes) for entry in told] == [
        ("invoice.status", {"status": ["OPEN", "PARTIALLY_PAID"], "amount_paid": [0, 50_000]}),
        ("invoice.update", {"amount_paid": [50_000, 80_000]}),
        ("invoice.status", {"status": ["PARTIALLY_PAID", "PAID"], "amount_paid": [80_000, 90_000]}),
    ]
    assert {entry.actor for entry in told} == {"stripe"}


async def test_a_part_that_was_lost_to_a_bank_is_due_again(shop: Billing) -> None:
    row = await issued()
    payment = await pay(shop, row)
    told = {"charge": payment.stripe_charge_id, "payment_intent": payment.stripe_payment_intent_id, "amount": 25_000}
    await write(shop, Snapshot(dispute(status="lost", **told), START + 10**9))
    assert await state(row) == ("PARTIALLY_PAID", 65_000, [60_000, 5_000, 0, 0])


async def test_an_invoice_is_what_its_lines_say(database: str) -> None:
    row = await issued()
    assert (row.total, row.currency, row.status, row.origin, row.reference) == (90_000, "USD", "OPEN", "ISSUED", "term-1")
    assert (row.due_at, row.metadata, row.amount_paid) == (TERM.due_at, {"class": "7b"}, 0)
    lines = await InvoiceLine.filter(invoice_id=row.id).order_by("position")
    assert [(line.description, line.quantity, line.unit_amount, line.amount) for line in lines] == [
        ("Tuition", 1, 60_000, 60_000),
        ("Books", 4, 2_500, 10_000),
        ("Sport", 1, 0, 0),
        ("Trip", 1, 20_000, 20_000),
    ]
    customer = await Customer.get()
    assert (customer.external_id, customer.email, row.customer_id) == ("alice", "alice@example.test", customer.id)
    entry = await AuditEntry.get(object_id=row.id)
    assert (entry.actor, entry.action, entry.changes["total"]) == ("SERVICE:backend", "invoice.create", 90_000)


async def test_one_key_is_one_invoice(database: str) -> None:
    first = await issued(key="key")
    assert (await issued(key="key")).id == first.id
    with pytest.raises(IdempotencyKeyReused):
        await issued(replace(TERM, reference="other"), "key")
    assert await Invoice.all().count() == 1


async def test_a_reference_is_one_invoice_whatever_races(database: str) -> None:
    answers = await asyncio.gather(*(issued() for _ in range(6)), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, InvalidInput)]
    assert ([one.field for one in refused], await Invoice.all().count()) == ([("reference",)] * 5, 1)
    assert (await InvoiceLine.all().count(), await AuditEntry.all().count()) == (4, 1)


async def test_a_reference_is_one_invoice_of_each_seller(database: str) -> None:
    seller = (await save_seller(HOST, SellerTerms("carol", "Carol"), None)).object_id
    await issued()
    await issued(replace(TERM, seller_id=seller))
    await issued(replace(TERM, reference=None))
    await issued(replace(TERM, reference=None))
    for terms in (TERM, replace(TERM, seller_id=seller)):
        with pytest.raises(InvalidInput) as refused:
            await issued(terms)
        assert refused.value.field == ("reference",)
    assert (await Invoice.all().count(), await InvoiceLine.all().count()) == (4, 16)


def one(**line: Any) -> tuple[LineTerms, ...]:
    return (LineTerms(**{"description": "Fee", "unit_amount": 5_000, **line}),)


@pytest.mark.parametrize(
    ("change", "kind", "field"),
    [
        ({"lines": ()}, InvalidInput, ("lines",)),
        ({"lines": one() * 201}, InvalidInput, ("lines",)),
        ({"lines": one(description="")}, InvalidInput, ("lines", "0", "description")),
        ({"lines": one(quantity=0)}, InvalidInput, ("lines", "0", "quantity")),
        ({"lines": one(unit_amount=-1)}, InvalidInput, ("lines", "0", "unitAmount")),
        ({"lines": one(unit_amount=10**12)}, InvalidInput, ("lines", "0", "unitAmount")),
        ({"lines": one(unit_amount=10**9, quantity=10**6)}, InvalidInput, ("lines",)),
        ({"lines": one(unit_amount=0)}, AmountTooSmall, ("lines",)),
        ({"lines": one(unit_amount=49)}, AmountTooSmall, ("lines",)),
        ({"lines": one(unit_amount=1_005), "currency": "KWD"}, InvalidInput, ("lines", "0", "unitAmount")),
        ({"customer_external_id": ""}, InvalidInput, ("customerExternalId",)),
        ({"reference": "a" * 201}, InvalidInput, ("reference",)),
        ({"email": ""}, InvalidInput, ("email",)),
        ({"seller_id": "sel_unknown"}, NotFound, ("sellerId",)),
        ({"metadata": {"a": 1}}, InvalidInput, ("metadata",)),
    ],
)
async def test_what_cannot_be_issued(database: str, change: dict[str, Any], kind: type[Refusal], field: tuple[str, ...]) -> None:
    with pytest.raises(kind) as refused:
        await issued(replace(TERM, **change))
    assert refused.value.field == field
    assert [await model.all().count() for model in (Invoice, InvoiceLine, Customer, AuditEntry, IdempotencyKey)] == [0] * 5


async def test_parts_are_laid_on_the_lines_in_order_and_refunds_taken_in_reverse(shop: Billing) -> None:
    invoice = await issued()
    first = await pay(shop, invoice, 65_000)
    assert await state(invoice) == ("PARTIALLY_PAID", 65_000, [60_000, 5_000, 0, 0])
    second = await pay(shop, invoice)
    assert (second.amount, second.description) == (25_000, "Invoice term-1")
    assert await state(invoice) == ("PAID", 90_000, [60_000, 10_000, 0, 20_000])
    await create_refund(shop, SUPPORT, refund(second, 21_000), "one")
    assert await state(invoice) == ("PARTIALLY_PAID", 69_000, [60_000, 9_000, 0, 0])
    await create_refund(shop, SUPPORT, refund(first), "two")
    assert await state(invoice) == ("PARTIALLY_PAID", 4_000, [4_000, 0, 0, 0])
    await create_refund(shop, SUPPORT, refund(second), "three")
    assert await state(invoice) == ("OPEN", 0, [0, 0, 0, 0])
    told = await AuditEntry.filter(object_id=invoice.id, action="invoice.status").order_by("id")
    assert [entry.changes["status"] for entry in told] == [
        ["OPEN", "PARTIALLY_PAID"],
        ["PARTIALLY_PAID", "PAID"],
        ["PAID", "PARTIALLY_PAID"],
        ["PARTIALLY_PAID", "OPEN"],
    ]


async def test_a_checkout_of_a_part(shop: Billing, stripe: Between) -> None:
    invoice = await issued()
    done = await create_checkout_session(shop, ALICE, checkout(invoice_id=invoice.id, amount=1_000))
    row = await CheckoutSession.get(id=done.object_id)
    payment = await Payment.get(id=row.payment_id)
    assert (row.invoice_id, row.price_id, payment.amount, payment.invoice_id) == (invoice.id, None, 1_000, invoice.id)
    (told,) = await listed(shop, "session", customer=(await Customer.get()).stripe_customer_id)
    assert (told["amount_total"], told["currency"], told["mode"]) == (1_000, "usd", "payment")
    assert (await create_checkout_session(shop, ALICE, checkout(invoice_id=invoice.id, amount=1_000))).object_id == row.id
    assert (await create_checkout_session(shop, ALICE, checkout(invoice_id=invoice.id, amount=2_000))).object_id != row.id


@pytest.mark.parametrize(
    ("caller", "choice", "kind", "field"),
    [
        (BOB, {}, NotFound, "invoiceId"),
        (ALICE, {"invoice_id": "inv_unknown"}, NotFound, "invoiceId"),
        (ALICE, {"amount": 90_001}, AmountExceedsBalance, "amount"),
        (ALICE, {"amount": 49}, AmountTooSmall, "amount"),
        (ALICE, {"amount": 89_951}, AmountTooSmall, "amount"),
        (ALICE, {"amount": 0}, AmountTooSmall, "amount"),
        (ALICE, {"quantity": 2}, InvalidInput, "quantity"),
        (ALICE, {"currency": "EUR"}, InvalidInput, "currency"),
        (ALICE, {"plan_code": "course"}, InvalidInput, "priceId"),
        (ALICE, {"promotion_code": "TEN"}, InvalidInput, "promotionCode"),
    ],
)
async def test_what_cannot_be_paid(shop: Billing, caller: Caller, choice: dict[str, Any], kind: type[Refusal], field: str) -> None:
    invoice = await issued()
    with pytest.raises(kind) as refused:
        await create_checkout_session(shop, caller, checkout(**{"invoice_id": invoice.id, **choice}))
    assert refused.value.field == (field,)
    assert [await model.all().count() for model in (CheckoutSession, Payment)] == [0, 0]


async def test_an_amount_is_not_named_for_a_plan(shop: Billing) -> None:
    with pytest.raises(InvalidInput) as refused:
        await create_checkout_session(shop, ALICE, checkout(plan_code="course", amount=100))
    assert (refused.value.field, await Payment.all().count()) == (("amount",), 0)


async def test_what_is_being_paid_cannot_be_paid_meanwhile(shop: Billing) -> None:
    invoice = await issued()
    coming: dict[str, Any] = {"customer_id": invoice.customer_id, "invoice_id": invoice.id, "amount": 80_000, "currency": "USD"}
    await Payment.create(**coming, status="PROCESSING", stripe_status="processing")
    with pytest.raises(AmountExceedsBalance):
        await create_payment_intent(shop, ALICE, PaymentIntentRequest(Choice(invoice_id=invoice.id, amount=20_000)))
    rest = await create_payment_intent(shop, ALICE, PaymentIntentRequest(Choice(invoice_id=invoice.id)))
    assert (await Payment.get(id=rest.object_id)).amount == 10_000
    await Payment.filter(status="PROCESSING").update(amount=90_000)
    with pytest.raises(InvoiceNotPayable):
        await create_payment_intent(shop, ALICE, PaymentIntentRequest(Choice(invoice_id=invoice.id)))
    with pytest.raises(InvoiceNotPayable):
        await void_invoice(HOST, invoice.id, None, None)


async def test_two_parts_that_race_past_the_balance_give_the_excess_back(shop: Billing) -> None:
    invoice = await issued()
    begun = [
        await create_payment_intent(shop, ALICE, PaymentIntentRequest(Choice(invoice_id=invoice.id, amount=amount)))
        for amount in (60_000, 50_000)
    ]
    rows = [await Payment.get(id=done.object_id) for done in begun]
    for row in rows:
        await confirm(shop, row)
    assert await state(invoice) == ("PAID", 90_000, [60_000, 10_000, 0, 20_000])
    await drain(shop, TASKS, 100)
    given_back = await Refund.get()
    assert (given_back.payment_id, given_back.amount, given_back.status, given_back.automatic, given_back.reason) == (
        rows[1].id,
        20_000,
        "SUCCEEDED",
        True,
        "DUPLICATE",
    )
    paid = await Payment.all().order_by("id")
    assert [(row.status, row.amount_refunded) for row in paid] == [("SUCCEEDED", 0), ("PARTIALLY_REFUNDED", 20_000)]
    assert (await AuditEntry.get(object_id=given_back.id, action="refund.create")).actor == "billgraph"
    await drain(shop, TASKS, 100)
    assert (await Refund.all().count(), await OutboxEntry.all().count()) == (1, 0)
    assert await state(invoice) == ("PAID", 90_000, [60_000, 10_000, 0, 20_000])


async def test_many_parts_and_refunds_at_once_keep_no_more_than_is_due(shop: Billing) -> None:
    invoice = await issued()
    parts = [90_000, 45_000, 30_000, 20_000, 10_000, 5_000]
    asked = [PaymentIntentRequest(Choice(invoice_id=invoice.id, amount=part)) for part in parts]
    begun = await asyncio.gather(*(create_payment_intent(shop, ALICE, one) for one in asked))
    rows = [await Payment.get(id=done.object_id) for done in begun]
    await asyncio.gather(*(confirm(shop, row) for row in rows), drain(shop, TASKS, 100))
    back = [
        create_refund(shop, SUPPORT, refund(row, part // 2 + 1), f"{row.id} {n}")
        for row, part in zip(rows, parts, strict=True)
        for n in (1, 2)
    ]
    answers = await asyncio.gather(*back, drain(shop, TASKS, 100), return_exceptions=True)
    assert {type(answer) for answer in answers} <= {Done, RefundExceedsPayment, PaymentNotRefundable, int}
    for _ in range(3):  # what came between is put off, and done as soon as it is due again
        await OutboxEntry.all().update(next_attempt_at=datetime.now(UTC))
        await drain(shop, TASKS, 100)
    kept = [row.amount - row.amount_refunded for row in await Payment.all()]
    assert min(kept) >= 0
    returned = sum(one.amount for one in await Refund.filter(status="SUCCEEDED"))
    assert (sum(parts) - returned, await Refund.exclude(status="SUCCEEDED").count()) == (sum(kept), 0)
    assert sum(kept) <= 90_000
    assert (await state(invoice))[1] == sum(kept)
    assert await OutboxEntry.all().count() == 0


async def test_pages_that_ask_for_more_than_is_due_are_closed(shop: Billing) -> None:
    invoice = await issued()
    whole = (await create_checkout_session(shop, ALICE, checkout(invoice_id=invoice.id))).object_id
    part = (await create_checkout_session(shop, ALICE, checkout(invoice_id=invoice.id, amount=5_000))).object_id
    waiting = (await create_payment_intent(shop, ALICE, PaymentIntentRequest(Choice(invoice_id=invoice.id, amount=88_000)))).object_id
    await pay(shop, invoice, 10_000)
    await drain(shop, TASKS, 100)
    assert [(await CheckoutSession.get(id=row_id)).status for row_id in (whole, part)] == ["EXPIRED", "OPEN"]
    assert (await Payment.get(id=waiting)).status == "CANCELED"
    await pay(shop, invoice)
    await drain(shop, TASKS, 100)
    assert (await CheckoutSession.get(id=part)).status == "EXPIRED"
    assert {one["status"] for one in await listed(shop, "session", customer=(await Customer.get()).stripe_customer_id)} == {"expired"}


async def test_a_void_invoice_takes_no_money_and_keeps_none(shop: Billing) -> None:
    invoice = await issued()
    waiting = await create_payment_intent(shop, ALICE, PaymentIntentRequest(Choice(invoice_id=invoice.id)))
    await void_invoice(HOST, invoice.id, "Ordered twice", "key")
    await void_invoice(HOST, invoice.id, "Ordered twice", "key")
    row = await Invoice.get(id=invoice.id)
    assert (row.status, row.void_reason, row.voided_at is not None) == ("VOID", "Ordered twice", True)
    await confirm(shop, await Payment.get(id=waiting.object_id))  # before the worker could close it
    await drain(shop, TASKS, 100)
    assert [(one.status, one.amount_refunded) for one in await Payment.all()] == [("REFUNDED", 90_000)]
    assert await state(invoice) == ("VOID", 0, [0, 0, 0, 0])
    for refused in (
        create_payment_intent(shop, ALICE, PaymentIntentRequest(Choice(invoice_id=invoice.id))),
        void_invoice(HOST, invoice.id, None, None),
    ):
        with pytest.raises(InvoiceNotPayable):
            await refused


async def test_what_a_dispute_has_taken_does_not_keep_an_invoice_from_being_void(shop: Billing, stripe: Between) -> None:
    invoice = await issued()
    payment = await pay(shop, invoice, 10_000)
    engine = stripe.sandbox.engine
    dispute = (await engine.open_dispute(str(payment.stripe_charge_id)))["id"]
    for won in (None, False):
        if won is not None:
            await engine.close_dispute(dispute, won=won)
        read = await shop.stripe.retrieve("dispute", dispute)
        assert read is not None
        await write(shop, read)
        if won is None:
            with pytest.raises(InvoiceNotPayable):
                await void_invoice(HOST, invoice.id, None, None)
    assert await state(invoice) == ("OPEN", 0, [0, 0, 0, 0])
    await void_invoice(HOST, invoice.id, None, None)
    await drain(shop, TASKS, 100)
    assert (await state(invoice), await Refund.all().count()) == (("VOID", 0, [0, 0, 0, 0]), 0)


async def test_what_is_paid_is_not_voided(shop: Billing) -> None:
    invoice = await issued()
    payment = await pay(shop, invoice, 10_000)
    with pytest.raises(InvoiceNotPayable):
        await void_invoice(HOST, invoice.id, None, None)
    await create_refund(shop, SUPPORT, refund(payment), "one")
    await void_invoice(HOST, invoice.id, None, None)
    assert (await Invoice.get(id=invoice.id)).status == "VOID"
    with pytest.raises(PaymentNotRefundable):
        await create_refund(shop, SUPPORT, refund(payment), "two")
    with pytest.raises(NotFound):
        await void_invoice(HOST, "inv_unknown", None, None)


async def test_money_that_came_back_is_sent_by_another_way_once_and_then_waits_for_an_operator(shop: Billing, stripe: Between) -> None:
    invoice = await issued(replace(TERM, lines=(LineTerms("Fee", 1_000),)))
    waiting = [
        (await create_payment_intent(shop, ALICE, PaymentIntentRequest(Choice(invoice_id=invoice.id, amount=amount)))).object_id
        for amount in (1_000, 900)
    ]
    for payment_id in waiting:
        await confirm(shop, await Payment.get(id=payment_id), "pm_card_refundFail")
    for _ in range(4):
        await OutboxEntry.all().update(next_attempt_at=invoice.created_at)
        await drain(shop, TASKS, 100)
        await stripe.sandbox.engine.advance(120)
        for row in await Refund.all():
            read = await shop.stripe.retrieve("refund", str(row.stripe_refund_id))
            assert read is not None
            await write(shop, read)
    rows = await Refund.all().order_by("id")
    assert sorted(row.payment_id for row in rows) == sorted(waiting)
    assert [(row.amount, row.status, row.automatic) for row in rows] == [(900, "FAILED", True)] * 2
    entry = await OutboxEntry.get()
    assert (entry.kind, entry.error) == (
        "RETURN_EXCESS",
        "CameBack: 9.00 USD was given back and came back: give it back in another way.",
    )
