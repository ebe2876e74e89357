"""A failed event keeps what it has to be tried again with, and one that cannot be read keeps no other back."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from models import WebhookEvent, WebhookEventStatus
from services.billing import Billing
from services.inbox import receive, retry_due
from services.replay import replay
from services.stripe_event import read_event
from tests.mirror.catalogue import Ids
from tests.mirror.objects import START, event, refund, succeeded
from tests.mirror.rows import shown
from tests.mirror.shelf import Shelf
from webhooks.handlers import HANDLERS


async def deliver(billing: Billing, sent: dict[str, Any]) -> WebhookEventStatus:
    return await receive(billing, read_event(json.dumps(sent)), HANDLERS)


async def pruned(billing: Billing, shelf: Shelf) -> dict[str, Any]:
    """An event that was ignored, since its payment was unknown, and pruned; then Stripe can say no more of its payment."""
    sent = shelf.put(event("refund.created", refund(), START + 50))
    assert await deliver(billing, sent) is WebhookEventStatus.IGNORED
    await WebhookEvent.all().update(payload="{}", payload_pruned_at=datetime.now(UTC))
    return sent


async def test_one_that_fails_when_it_is_replayed_has_its_payload_again(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    sent = await pruned(billing, shelf)
    row = await WebhookEvent.get()
    shelf.put(succeeded(ours=ids.payment, latest_charge=None))
    shelf.put(sent | {"data": {"object": refund(currency="?")}})
    assert (await replay(billing, HANDLERS, row.id, "cli")).status is WebhookEventStatus.FAILED
    after = await WebhookEvent.get()
    assert (json.loads(after.payload)["id"], after.payload_pruned_at) == (sent["id"], None)


async def test_one_that_fails_when_it_comes_again_has_its_payload_again(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    sent = await pruned(billing, shelf)
    await WebhookEvent.all().update(status="FAILED")
    shelf.broken = True
    assert await deliver(billing, sent) is WebhookEventStatus.FAILED
    row = await WebhookEvent.get()
    assert (json.loads(row.payload), row.payload_pruned_at) == (sent, None)
    shelf.broken = False
    shelf.put(succeeded(ours=ids.payment, latest_charge=None))
    await WebhookEvent.all().update(next_attempt_at=datetime.now(UTC))
    assert await retry_due(billing, HANDLERS, 10) == 1
    assert (await WebhookEvent.get()).status == "PROCESSED"


async def test_one_that_cannot_be_read_keeps_no_other_back(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    shelf.broken = True
    for number in range(2):
        assert await deliver(billing, event("refund.created", refund(), START + 50, number)) is WebhookEventStatus.FAILED
    first, second = await WebhookEvent.all().order_by("id")
    due = datetime.now(UTC) - timedelta(minutes=1)
    await WebhookEvent.all().update(next_attempt_at=due)
    await WebhookEvent.filter(id=first.id).update(payload="{}", next_attempt_at=due - timedelta(minutes=1))
    shelf.broken = False
    shelf.put(succeeded(ours=ids.payment, latest_charge=None))
    assert await retry_due(billing, HANDLERS, 10) == 2
    assert shown(await WebhookEvent.get(id=first.id), "status", "next_attempt_at", "attempts") == ["FAILED", None, 1]
    assert (await WebhookEvent.get(id=first.id)).error == "ValueError: The body is no event of Stripe's."
    assert (await WebhookEvent.get(id=second.id)).status == "PROCESSED"
    assert await retry_due(billing, HANDLERS, 10) == 0
