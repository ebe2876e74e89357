"""kill -9 at each step of the write order: after a restart there is one object at Stripe and one row, finished."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from models import CheckoutSession, IdempotencyKey, Payment, Refund
from models.record import Record
from services.authentication import Role
from services.billing import Billing
from tests.recovery.process import Process
from tests.services.between import Between, Held
from tests.services.shop import BOB, listed, paid

SELL = """mutation ($input: CreateCheckoutSessionInput!) {
  createCheckoutSession(input: $input) { it: checkoutSession { id url } userErrors { code } }
}"""
PAY = """mutation ($input: CreatePaymentIntentInput!) {
  createPaymentIntent(input: $input) { it: payment { id } clientSecret userErrors { code } }
}"""
GIVE_BACK = "mutation ($input: CreateRefundInput!) { createRefund(input: $input) { it: refund { id status } userErrors { code } } }"
LONG_AGO = timedelta(minutes=5)
FINISH_LIMIT = 60.0

KINDS: list[tuple[type[Record], str, str]] = [
    (CheckoutSession, "session", "stripe_session_id"),
    (Payment, "payment_intent", "stripe_payment_intent_id"),
    (Refund, "refund", "stripe_refund_id"),
]


class Servers:
    """Starts servers over one database and one Stripe, and leaves none behind."""

    def __init__(self, folder: Path, database_url: str, stripe: str) -> None:
        self._made: list[Process] = []
        self._where = (folder, database_url, stripe)

    async def start(self) -> Process:
        self._made.append(Process(*self._where))
        return await self._made[-1].start()

    async def end(self) -> None:
        for process in self._made:
            await process.kill()


@pytest_asyncio.fixture
async def servers(tmp_path: Path, database: str, stripe: Between) -> AsyncIterator[Servers]:
    made = Servers(tmp_path / "var", database, stripe.base)
    yield made
    await made.end()


async def sell_pay_and_give_back(server: Process, payment: Payment) -> list[Any]:
    """One of each, at once, each with its key."""
    answers: list[Any] = await asyncio.gather(
        server.ask(SELL, "alice", Role.CUSTOMER, planCode="credits", quantity=10, idempotencyKey="sell"),
        server.ask(PAY, "alice", Role.CUSTOMER, planCode="course", idempotencyKey="pay"),
        server.ask(GIVE_BACK, "dora", Role.SUPPORT, paymentId=payment.id, amount=1_000, idempotencyKey="give back"),
        return_exceptions=True,
    )
    return answers


async def rows_but(paid_before: Payment) -> list[Any]:
    return [await CheckoutSession.get(), await Payment.get(checkout_session__isnull=True, id__not=paid_before.id), await Refund.get()]


async def finished(payment: Payment) -> list[Any]:
    """The three rows, once each of them is at Stripe."""
    async with asyncio.timeout(FINISH_LIMIT):
        while True:
            rows = await rows_but(payment)
            if all(getattr(row, column) for row, (_, _, column) in zip(rows, KINDS, strict=True)):
                return rows
            await asyncio.sleep(0.1)


async def pass_time() -> None:
    """Let five minutes pass for what was cut off: the worker leaves younger rows to the request that may still be at them."""
    for model, _, _ in KINDS:
        for row in await model.all():
            await model.filter(id=row.id).update(created_at=row.created_at - LONG_AGO)
    for key in await IdempotencyKey.all():
        await IdempotencyKey.filter(id=key.id).update(locked_until=key.locked_until - LONG_AGO)


async def assert_each_once(shop: Billing, rows: list[Any]) -> None:
    for row, (_, kind, column) in zip(rows, KINDS, strict=True):
        found = [thing["id"] for thing in await listed(shop, kind) if thing["metadata"].get("billgraph_id") == row.id]
        assert found == [getattr(row, column)]


@pytest.mark.parametrize("early", [True, False], ids=["before Stripe was asked", "after Stripe answered"])
async def test_killed_between_the_two_transactions(shop: Billing, stripe: Between, servers: Servers, early: bool) -> None:
    payment = await paid(shop, BOB)
    held = {path: Held(early) for path in ("/checkout/sessions", "/payment_intents", "/refunds")}
    stripe.faults = list(held.items())
    server = await servers.start()
    asking = asyncio.create_task(sell_pay_and_give_back(server, payment))
    async with asyncio.timeout(FINISH_LIMIT):
        await asyncio.gather(*(hold.arrived.wait() for hold in held.values()))
    await server.kill()
    for hold in held.values():
        hold.released.set()
    assert all(isinstance(answer, Exception) for answer in await asking)
    pending = await rows_but(payment)
    assert [getattr(row, column) for row, (_, _, column) in zip(pending, KINDS, strict=True)] == [None, None, None]
    await pass_time()
    server = await servers.start()
    rows = await finished(payment)
    assert [row.id for row in rows] == [row.id for row in pending]
    await assert_each_once(shop, rows)
    assert (rows[0].failure, rows[1].status, rows[2].status) == (None, "PENDING", "SUCCEEDED")
    assert (await Payment.get(id=payment.id)).amount_refunded == 1_000
    again = await sell_pay_and_give_back(server, payment)
    assert [(answer["it"]["id"], answer["userErrors"]) for answer in again] == [(row.id, []) for row in rows]
    await assert_each_once(shop, rows)


async def test_killed_after_the_second_transaction(shop: Billing, stripe: Between, servers: Servers) -> None:
    payment = await paid(shop, BOB)
    server = await servers.start()
    first = await sell_pay_and_give_back(server, payment)
    await server.kill()
    rows = await finished(payment)
    await pass_time()
    asked = len(stripe.posted)
    server = await servers.start()
    again = await sell_pay_and_give_back(server, payment)
    assert again == first
    assert [answer["it"]["id"] for answer in again] == [row.id for row in rows]
    assert len(stripe.posted) == asked
    await assert_each_once(shop, await rows_but(payment))


@pytest.mark.parametrize("early", [True, False], ids=["before Stripe was asked", "after Stripe answered"])
async def test_the_buyer_who_asks_again_need_not_wait_for_the_worker(shop: Billing, stripe: Between, servers: Servers, early: bool) -> None:
    payment = await paid(shop, BOB)
    held = Held(early)
    stripe.faults = [("/payment_intents", held)]
    server = await servers.start()
    asking = asyncio.create_task(server.ask(PAY, "alice", Role.CUSTOMER, planCode="course", idempotencyKey="pay"))
    async with asyncio.timeout(FINISH_LIMIT):
        await held.arrived.wait()
    await server.kill()
    held.released.set()
    await asyncio.gather(asking, return_exceptions=True)
    server = await servers.start()
    in_use = await server.ask(PAY, "alice", Role.CUSTOMER, planCode="course", idempotencyKey="pay")
    assert (in_use["it"], in_use["userErrors"]) == (None, [{"code": "IDEMPOTENCY_KEY_IN_USE"}])
    for key in await IdempotencyKey.all():
        await IdempotencyKey.filter(id=key.id).update(locked_until=key.locked_until - LONG_AGO)
    done = await server.ask(PAY, "alice", Role.CUSTOMER, planCode="course", idempotencyKey="pay")
    row = await Payment.get(id__not=payment.id)
    assert (done["it"]["id"], done["userErrors"]) == (row.id, [])
    assert done["clientSecret"].startswith(f"{row.stripe_payment_intent_id}_secret_")
    found = [thing["id"] for thing in await listed(shop, "payment_intent") if thing["metadata"].get("billgraph_id") == row.id]
    assert found == [row.stripe_payment_intent_id]
