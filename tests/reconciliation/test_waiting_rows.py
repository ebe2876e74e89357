"""Rows that wait too long for Stripe's word are read again by the worker, oldest first, a batch at a time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models import CheckoutSession, Dispute, Invoice, Payment, Refund, Subscription
from models.record import Record
from services import waiting_rows
from services.checkout import create_checkout_session
from services.payment_intents import create_payment_intent
from services.waiting_rows import CHECKOUT_SESSIONS, DISPUTES, INVOICES, PAYMENTS, REFUNDS, SUBSCRIPTIONS, Waiting, WaitingRows
from tests.reconciliation.world import World, rows
from tests.services.shop import ALICE, checkout, course

HOUR_AGO = timedelta(hours=1)


async def grown_old(model: type[Record], column: str, ago: timedelta = HOUR_AGO) -> None:
    await model.all().update(**{column: datetime.now(UTC) - ago})


async def rounds(world: World, waiting: Waiting) -> tuple[int, int]:
    """How many rows two rounds read."""
    reader = WaitingRows(world.billing, waiting)
    return await reader.round(), await reader.round()


async def sold(world: World) -> None:
    await world.sell()
    await world.deliver()
    world.front.sandbox.clock.advance(60)


async def test_a_refund_that_waits(world: World) -> None:
    await sold(world)
    payment = await Payment.get(status="PARTIALLY_REFUNDED")
    await Refund.all().update(status="PENDING")
    assert await rounds(world, REFUNDS) == (0, 0)
    await grown_old(Refund, "created_at")
    assert await rounds(world, REFUNDS) == (1, 0)
    assert [(row.status, row.payment_id) async for row in Refund.all()] == [("SUCCEEDED", payment.id)]


async def test_a_subscription_whose_period_is_over(world: World) -> None:
    await sold(world)
    row = await Subscription.get(status="ACTIVE")
    assert await rounds(world, SUBSCRIPTIONS) == (0, 0)
    await grown_old(Subscription, "current_period_end", 2 * HOUR_AGO)
    assert await rounds(world, SUBSCRIPTIONS) == (1, 0)
    assert (await Subscription.get(id=row.id)).current_period_end == row.current_period_end


async def test_an_invoice_that_is_open(world: World) -> None:
    await sold(world)
    (row,) = await Invoice.all()
    await Invoice.filter(id=row.id).update(status="OPEN", amount_paid=0)
    assert await rounds(world, INVOICES) == (0, 0)
    await grown_old(Invoice, "created_at", 2 * HOUR_AGO)
    assert await rounds(world, INVOICES) == (1, 0)
    healed = await Invoice.get(id=row.id)
    assert (row.status, healed.status, healed.amount_paid) == ("PAID", "PAID", row.amount_paid)


async def test_a_checkout_session_that_is_past_its_expiry(world: World) -> None:
    await world.sell()
    done = await create_checkout_session(world.billing, ALICE, checkout(plan_code="credits", currency="USD", quantity=10))
    session = await CheckoutSession.get(id=done.object_id)
    assert await rounds(world, CHECKOUT_SESSIONS) == (0, 0)
    await grown_old(CheckoutSession, "expires_at")
    await world.ask(f"checkout/sessions/{session.stripe_session_id}/expire")
    assert await rounds(world, CHECKOUT_SESSIONS) == (1, 0)
    assert (await CheckoutSession.get(id=session.id)).status == "EXPIRED"
    assert (await Payment.get(id=session.payment_id)).status == "CANCELED"


async def test_batches_go_round(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_rows, "BATCH", 2)
    await world.sell()
    for number in range(2):
        await create_payment_intent(world.billing, ALICE, course(metadata={"try": str(number)}))
    await grown_old(Payment, "created_at")
    reader = WaitingRows(world.billing, PAYMENTS)
    assert [await reader.round() for _ in range(4)] == [2, 2, 0, 2]
    assert await Payment.filter(status="PARTIALLY_REFUNDED").count() == 1


async def test_an_open_dispute(world: World) -> None:
    await sold(world)
    payment = await Payment.get(status="PARTIALLY_REFUNDED")
    told: dict[str, Any] = {"stripe_status": "needs_response", "reason": "fraudulent", "amount": 100, "currency": "USD"}
    await Dispute.create(payment_id=payment.id, status="NEEDS_RESPONSE", stripe_dispute_id="dp_gone", **told)
    before = await rows()
    assert await rounds(world, DISPUTES) == (1, 1)
    assert await rows() == before
