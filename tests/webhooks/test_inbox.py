"""Events that come at once, and events that are tried again."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models import AuditEntry, Payment, Refund, Subscription, WebhookEvent, WebhookEventStatus
from models.database import transaction
from services.billing import Billing
from services.inbox import MAX_ATTEMPTS, pause_after, receive, retry_due
from services.mirror import write
from services.snapshot import Snapshot
from services.stripe_event import read_event
from services.waiting_rows import PAYMENTS, WaitingRows
from tests.mirror.catalogue import Ids
from tests.mirror.objects import START, charge, event, intent, refund, subscription, succeeded
from tests.mirror.rows import shown
from tests.mirror.shelf import Shelf
from webhooks.handlers import HANDLERS


async def deliver(billing: Billing, sent: dict[str, Any]) -> WebhookEventStatus:
    return await receive(billing, read_event(json.dumps(sent)), HANDLERS)


async def test_copies_of_one_event_at_once_have_one_effect(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    await write(billing, Snapshot(succeeded(ours=ids.payment), START + 5))
    sent = event("refund.created", refund(), START + 50)
    outcomes = await asyncio.gather(*(deliver(billing, sent) for _ in range(20)))
    assert set(outcomes) == {WebhookEventStatus.PROCESSED}
    assert (await Refund.all().count(), await WebhookEvent.all().count(), await AuditEntry.filter(action="refund.status").count()) == (
        1,
        1,
        1,
    )


async def test_different_events_of_one_new_object_at_once_end_in_the_newest(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    sent = [event("customer.subscription.updated", subscription(quantity=number), START + number) for number in range(1, 21)]
    outcomes = await asyncio.gather(*(deliver(billing, one) for one in sent))
    assert set(outcomes) <= {WebhookEventStatus.PROCESSED, WebhookEventStatus.STALE}
    row = await Subscription.get(stripe_subscription_id="sub_1")
    assert (row.quantity, row.stripe_version) == (20, START + 20)
    assert await WebhookEvent.all().count() == 20


async def test_events_of_one_second_at_once_end_in_what_stripe_has(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    shelf.put(subscription(quantity=7))
    shelf.now = START + 5
    sent = [event("customer.subscription.updated", subscription(quantity=number), START + 5, number) for number in range(1, 11)]
    await asyncio.gather(*(deliver(billing, one) for one in sent))
    assert (await Subscription.get(stripe_subscription_id="sub_1")).quantity == 7


async def test_refund_and_charge_of_one_payment_at_once(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    carried = {"object": "list", "data": [refund(id=f"re_{number}", amount=100) for number in range(5)]}
    shelf.put(charge(amount_refunded=500))
    shelf.put(succeeded(ours=ids.payment))
    sent = [
        event("payment_intent.succeeded", succeeded(ours=ids.payment), START + 5),
        event("charge.refunded", charge(metadata={"billgraph_id": ids.payment}, amount_refunded=500, refunds=carried), START + 60),
        *(event("refund.created", refund(id=f"re_{number}", amount=100), START + 50 + number) for number in range(5)),
    ]
    await asyncio.gather(*(deliver(billing, one) for one in sent * 2))
    payment = await Payment.get(id=ids.payment)
    assert (payment.status, payment.amount_refunded, await Refund.all().count()) == ("PARTIALLY_REFUNDED", 500, 5)


async def test_asking_stripe_inside_a_transaction_is_seen_by_these_tests(billing: Billing, shelf: Shelf) -> None:
    with pytest.raises(AssertionError):
        async with transaction():
            await billing.stripe.retrieve("customer", "cus_1")
    assert shelf.read == []


def test_pauses_grow_from_a_minute_to_twelve_hours() -> None:
    pauses = [pause_after(attempts) for attempts in range(1, MAX_ATTEMPTS)]
    assert pauses[:5] == [timedelta(minutes=minutes) for minutes in (1, 3, 9, 27, 81)]
    assert (pauses == sorted(pauses), pauses[-1]) == (True, timedelta(hours=12))


async def test_what_is_due_is_tried_again_until_the_limit(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    sent = event("customer.subscription.created", subscription(customer="cus_2"), START)
    shelf.broken = True
    assert await deliver(billing, sent) is WebhookEventStatus.FAILED
    assert await retry_due(billing, HANDLERS, 10) == 0
    for attempts in range(2, MAX_ATTEMPTS + 1):
        await WebhookEvent.all().update(next_attempt_at=datetime.now(UTC) - timedelta(seconds=1))
        assert await retry_due(billing, HANDLERS, 10) == 1
        row = await WebhookEvent.get(stripe_event_id=sent["id"])
        assert (row.attempts, row.status) == (attempts, "FAILED")
    assert (await WebhookEvent.get(stripe_event_id=sent["id"])).next_attempt_at is None
    assert await retry_due(billing, HANDLERS, 10) == 0
    shelf.broken = False
    assert await deliver(billing, sent) is WebhookEventStatus.IGNORED


async def test_the_worker_ends_what_failed(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    sent = event("refund.created", refund(), START + 50)
    shelf.broken = True
    assert await deliver(billing, sent) is WebhookEventStatus.FAILED
    shelf.broken = False
    shelf.put(succeeded(ours=ids.payment))
    shelf.put(charge(amount_refunded=1000))
    await WebhookEvent.all().update(next_attempt_at=datetime.now(UTC) - timedelta(seconds=1))
    assert await retry_due(billing, HANDLERS, 10) == 1
    row = await WebhookEvent.get(stripe_event_id=sent["id"])
    assert shown(row, "status", "attempts", "error", "next_attempt_at") == ["PROCESSED", 2, None, None]
    assert (await Payment.get(id=ids.payment)).status == "PARTIALLY_REFUNDED"


async def test_a_payment_that_waits_too_long_is_read_again(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    await write(billing, Snapshot(intent(ours=ids.payment, status="processing"), START))
    reader = WaitingRows(billing, PAYMENTS)
    assert await reader.round() == 0
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    await Payment.filter(id=ids.payment).update(created_at=long_ago)
    shelf.put(succeeded(ours=ids.payment))
    shelf.put(charge())
    assert await reader.round() == 1
    assert (await Payment.get(id=ids.payment)).status == "SUCCEEDED"
    assert await reader.round() == 0


@pytest.mark.parametrize("kind", HANDLERS)
async def test_every_type_of_the_table_meets_a_shapeless_object_without_harm(billing: Billing, ids: Ids, kind: str) -> None:
    status = await deliver(billing, event(kind, {"id": "x_1", "object": kind}, START))
    assert status in {WebhookEventStatus.FAILED, WebhookEventStatus.IGNORED}
    row = await WebhookEvent.get(type=kind)
    assert str(row.error).startswith(("None", "UnknownShape: "))
    assert await AuditEntry.all().count() == 0
