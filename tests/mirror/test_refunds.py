"""Refunds, ours and those made in Stripe's dashboard."""

from datetime import UTC, datetime
from typing import Any

import pytest

from models import Payment, Refund
from services.billing import Billing
from services.errors import StripeRejected
from services.mirror import Outcome, write
from services.snapshot import Snapshot
from tests.mirror.catalogue import Ids
from tests.mirror.objects import START, charge, intent, invoice, refund, subscription, succeeded
from tests.mirror.shelf import Shelf


def at(thing: dict[str, Any], second: int, *, read: bool = False) -> Snapshot:
    return Snapshot(thing, START + second, read)


@pytest.fixture
async def paid(billing: Billing, ids: Ids) -> str:
    await write(billing, at(succeeded(ours=ids.payment), 5))
    await write(billing, at(charge(), 5))
    return ids.payment


async def _pending(ids: Ids) -> None:
    row = Refund(id=ids.refund, payment_id=ids.payment, customer_id=ids.customer, amount=1000, currency="USD")
    await row.save(force_create=True)


async def test_a_refund_of_the_dashboard_becomes_a_row(billing: Billing, ids: Ids, paid: str) -> None:
    assert await write(billing, at(refund(), 50)) is Outcome.PROCESSED
    row = await Refund.get(stripe_refund_id="re_1")
    assert (row.payment_id, row.customer_id, row.amount, row.currency) == (paid, ids.customer, 1000, "USD")
    assert (row.status, row.stripe_status, row.reason) == ("SUCCEEDED", "succeeded", "REQUESTED_BY_CUSTOMER")
    assert row.created_at == datetime.fromtimestamp(START + 50, UTC)
    payment = await Payment.get(id=paid)
    assert (payment.amount_refunded, payment.status) == (0, "SUCCEEDED")


async def test_the_event_that_overtakes_our_own_writing_finds_the_pending_row(billing: Billing, ids: Ids, paid: str) -> None:
    await _pending(ids)
    assert await write(billing, at(refund(ours=ids.refund, status="pending"), 50)) is Outcome.PROCESSED
    assert await write(billing, at(refund(ours=ids.refund, status="pending"), 50, read=True)) is Outcome.STALE
    rows = await Refund.all()
    assert [(row.id, row.stripe_refund_id, row.status) for row in rows] == [(ids.refund, "re_1", "PENDING")]


async def test_a_refund_of_a_payment_made_elsewhere_is_ignored(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    shelf.put(intent(id="pi_elsewhere", customer=None))
    for intent_id in ("pi_elsewhere", "pi_gone"):
        assert await write(billing, at(refund(payment_intent=intent_id, charge="ch_elsewhere"), 50)) is Outcome.IGNORED
    assert await write(billing, at(refund(payment_intent=None, charge="ch_elsewhere"), 50)) is Outcome.IGNORED
    assert await Refund.all().count() == 0


async def test_the_payment_of_a_refund_is_read_first(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    shelf.put(succeeded(ours=ids.payment))
    shelf.put(charge(amount_refunded=1000))
    assert await write(billing, at(refund(), 50)) is Outcome.PROCESSED
    payment = await Payment.get(id=ids.payment)
    assert (payment.status, payment.amount_refunded) == ("PARTIALLY_REFUNDED", 1000)
    assert (await Refund.get(stripe_refund_id="re_1")).payment_id == ids.payment


async def test_the_invoice_of_a_refund_is_read_first(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    for thing in (subscription(), invoice(), succeeded(), charge(amount_refunded=1000)):
        shelf.put(thing)
    assert await write(billing, at(refund(), 50)) is Outcome.PROCESSED
    payment = await Payment.get(stripe_invoice_id="in_1")
    assert (payment.status, payment.amount_refunded, payment.plan_id) == ("PARTIALLY_REFUNDED", 1000, ids.monthly)
    assert (await Refund.get(stripe_refund_id="re_1")).payment_id == payment.id


async def test_another_payment_of_our_customer_is_ignored(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    shelf.put(intent(id="pi_5"))
    assert await write(billing, at(refund(payment_intent="pi_5"), 50)) is Outcome.IGNORED
    assert shelf.read == ["/v1/payment_intents/pi_5", "/v1/invoice_payments?pi_5"]


async def test_a_refund_that_fails_later_gives_its_amount_back(billing: Billing, ids: Ids, paid: str, shelf: Shelf) -> None:
    await write(billing, at(refund(), 50))
    await write(billing, at(charge(amount_refunded=1000), 50))
    shelf.put(charge(amount_refunded=0))
    failed = refund(status="failed", failure_reason="lost_or_stolen_card")
    assert await write(billing, at(failed, 90)) is Outcome.PROCESSED
    row = await Refund.get(stripe_refund_id="re_1")
    assert (row.status, row.failure_reason) == ("FAILED", "lost_or_stolen_card")
    payment = await Payment.get(id=paid)
    assert (payment.status, payment.amount_refunded) == ("SUCCEEDED", 0)
    assert await write(billing, at(refund(), 91)) is Outcome.STALE
    assert (await Refund.get(stripe_refund_id="re_1")).status == "FAILED"


async def test_nothing_is_written_when_what_is_needed_cannot_be_read(billing: Billing, ids: Ids, paid: str, shelf: Shelf) -> None:
    await write(billing, at(refund(), 50))
    shelf.broken = True
    with pytest.raises(StripeRejected):
        await write(billing, at(refund(status="failed"), 90))
    row = await Refund.get(stripe_refund_id="re_1")
    assert (row.status, row.stripe_version) == ("SUCCEEDED", START + 50)


async def test_refunds_that_a_charge_carries_are_rows_too(billing: Billing, ids: Ids, paid: str) -> None:
    carried = {"object": "list", "data": [refund(id="re_1"), refund(id="re_2", amount=500, reason="fraudulent")]}
    assert await write(billing, at(charge(amount_refunded=1500, refunds=carried), 60)) is Outcome.PROCESSED
    rows = await Refund.all().order_by("stripe_refund_id")
    assert [(row.amount, row.reason) for row in rows] == [(1000, "REQUESTED_BY_CUSTOMER"), (500, "FRAUDULENT")]


async def test_a_refund_answered_with_its_charge_writes_both(billing: Billing, ids: Ids, paid: str) -> None:
    await _pending(ids)
    answer = refund(ours=ids.refund, charge=charge(amount_refunded=1000))
    assert await write(billing, at(answer, 60, read=True)) is Outcome.PROCESSED
    assert (await Refund.get(id=ids.refund)).status == "SUCCEEDED"
    assert (await Payment.get(id=paid)).status == "PARTIALLY_REFUNDED"


async def test_a_refund_without_status_or_with_an_unknown_one_is_unknown(billing: Billing, ids: Ids, paid: str) -> None:
    await write(billing, at(refund(status=None, reason="expired_uncaptured_charge"), 50))
    row = await Refund.get(stripe_refund_id="re_1")
    assert (row.status, row.stripe_status, row.reason) == ("UNKNOWN", None, "OTHER")
    await write(billing, at(refund(status="marooned"), 51))
    row = await Refund.get(stripe_refund_id="re_1")
    assert (row.status, row.stripe_status) == ("UNKNOWN", "marooned")
