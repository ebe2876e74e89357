"""Many events at once, over HTTP, at a real server: one process over SQLite, four over PostgreSQL."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio

from models import AuditEntry, Payment, Refund, Subscription, WebhookEvent
from tests.mirror.catalogue import plant
from tests.mirror.objects import MONTH, START, charge, event, invoice, refund, subscription, succeeded
from tests.mirror.shelf import Shelf
from tests.recovery.process import Process
from tests.webhooks.sending import SECRET, Sent, insist

MANY = 50


@pytest_asyncio.fixture
async def server(tmp_path: Path, database: str, shelf: Shelf, engine: str) -> AsyncIterator[Process]:
    more = {"WEB_CONCURRENCY": "4", "EMBEDDED_WORKER": "false"} if engine == "postgres" else {}
    process = Process(tmp_path / "var", database, shelf.base, STRIPE_WEBHOOK_SECRET=SECRET, **more)
    try:
        yield await process.start()
    finally:
        await process.stop()
    assert "Traceback" not in process.log.read_text()


async def all_at_once(server: Process, sent: list[Sent]) -> Counter[int | None]:
    """Every event on a connection of its own; what was answered, each at last 200."""
    limits = httpx.Limits(max_connections=len(sent))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", timeout=30, limits=limits) as client:
        answers = await asyncio.gather(*(insist(client, one) for one in sent))
    return Counter(answer for given in answers for answer in given)


async def kept() -> list[tuple[Any, ...]]:
    return sorted([(row.stripe_event_id, row.error) for row in await WebhookEvent.filter(status__in=["PROCESSED", "STALE"])])


async def test_fifty_copies_of_one_event_have_one_effect(server: Process) -> None:
    ids = await plant()
    sent = event("payment_intent.succeeded", succeeded(ours=ids.payment), START + 5)
    assert await all_at_once(server, [sent] * MANY) == {200: MANY}
    assert await kept() == [(sent["id"], None)]
    assert (await Payment.get(id=ids.payment)).status == "SUCCEEDED"
    assert await AuditEntry.filter(action="payment.status").count() == 1


async def test_fifty_events_of_one_new_subscription_end_in_the_newest(server: Process, shelf: Shelf) -> None:
    await plant()
    shelf.put(subscription(quantity=MANY))
    shelf.now = START + 10 * MANY
    sent = [event("customer.subscription.updated", subscription(quantity=n), START + n, n) for n in range(1, MANY + 1)]
    answers = await all_at_once(server, sent)
    assert answers[200] == MANY
    assert [event_id for event_id, _ in await kept()] == sorted(one["id"] for one in sent)
    row = await Subscription.get()
    assert (row.quantity, row.status) == (MANY, "ACTIVE")
    assert await AuditEntry.filter(action="subscription.status").count() == 1


async def test_events_that_lock_two_payments_in_turn_neither_wait_for_ever_nor_fail(server: Process, shelf: Shelf) -> None:
    ids = await plant()
    other = await Payment.create(customer_id=ids.customer, amount=4900, currency="USD", stripe_payment_intent_id="pi_2")
    shelf.now = START + 1000
    sent: list[Sent] = []
    for number, (intent, ours) in enumerate([("pi_1", ids.payment), ("pi_2", other.id)], 1):
        metadata = {"billgraph_id": ours}
        shelf.put(succeeded(id=intent, ours=ours, latest_charge=f"ch_{number}"))
        paid = charge(id=f"ch_{number}", payment_intent=intent, metadata=metadata, amount_refunded=1100)
        shelf.put(paid)
        backs = [refund(id=f"re_{number}_{n}", charge=f"ch_{number}", payment_intent=intent, amount=100) for n in range(11)]
        sent += [event("refund.created", back, START + 50 + n, n) for n, back in enumerate(backs)]
        listed = {"object": "list", "data": backs}
        sent += [event("charge.refunded", paid | {"refunds": listed}, START + 100 + n, n) for n in range(13)]
        sent.append(event("payment_intent.succeeded", succeeded(id=intent, ours=ours, latest_charge=f"ch_{number}"), START + 5))
    assert len(sent) == MANY
    answers = await all_at_once(server, sent[::2] + sent[1::2])
    assert answers[200] == MANY
    assert len(await kept()) == MANY
    assert [(row.status, row.amount_refunded) for row in await Payment.all()] == [("PARTIALLY_REFUNDED", 1100)] * 2
    assert await Refund.all().count() == 22
    assert await AuditEntry.filter(action="refund.status").count() == 22


RENEWALS = 80


async def test_four_hundred_events_of_one_renewal_hour_are_all_taken_at_once(server: Process, shelf: Shelf) -> None:
    await plant()
    instant = START + MONTH
    shelf.now = START + 1
    await all_at_once(server, [event("customer.subscription.created", subscription(id=f"sub_{n}"), START) for n in range(RENEWALS)])
    shelf.now = instant + 60
    sent: list[Sent] = []
    for n in range(RENEWALS):
        renewed = shelf.put(subscription(id=f"sub_{n}", begins=instant))
        paid = shelf.put(invoice(id=f"in_{n}", pays=f"pi_{n}", subscription=f"sub_{n}", created=instant))
        asked = shelf.put(succeeded(id=f"pi_{n}", latest_charge=f"ch_{n}", created=instant))
        taken = shelf.put(charge(id=f"ch_{n}", payment_intent=f"pi_{n}", created=instant))
        sent += [
            event("customer.subscription.updated", renewed, instant),
            event("invoice.finalized", paid | {"status": "open", "amount_paid": 0}, instant),
            event("payment_intent.succeeded", asked, instant),
            event("charge.succeeded", taken, instant),
            event("invoice.paid", paid, instant),
        ]
    assert await all_at_once(server, sent) == {200: 5 * RENEWALS}
    ends = {int(row.current_period_end.timestamp()) for row in await Subscription.all() if row.current_period_end}
    assert (await Subscription.all().count(), ends) == (RENEWALS, {instant + MONTH})
    rows = await Payment.filter(stripe_invoice_id__not_isnull=True)
    assert {row.stripe_invoice_id for row in rows} == {f"in_{n}" for n in range(RENEWALS)}
    assert [(row.status, row.amount, row.currency) for row in rows] == [("SUCCEEDED", 4900, "USD")] * RENEWALS
    assert await WebhookEvent.filter(status="FAILED").count() == 0
