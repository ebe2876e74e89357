"""The worker's loop."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models import WebhookEvent, WebhookEventStatus
from services import worker
from services.billing import Billing
from services.inbox import receive
from services.stripe_event import read_event
from services.worker import work
from tests.mirror.catalogue import Ids
from tests.mirror.objects import START, event, refund, succeeded
from tests.mirror.shelf import Shelf
from webhooks.handlers import HANDLERS


async def until(found: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await found():  # noqa: ASYNC110 - a row has no event to wait for
            await asyncio.sleep(0.02)


async def test_it_stops_when_told(billing: Billing, ids: Ids) -> None:
    stop = asyncio.Event()
    stop.set()
    await work(billing, stop, HANDLERS)
    assert await WebhookEvent.all().count() == 0


async def test_a_failed_event_is_ended_and_the_worker_goes_on(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    shelf.broken = True
    sent = event("refund.created", refund(), START + 50)
    assert await receive(billing, read_event(json.dumps(sent)), HANDLERS) is WebhookEventStatus.FAILED
    await WebhookEvent.all().update(next_attempt_at=datetime.now(UTC) - timedelta(seconds=1))
    shelf.broken = False
    shelf.put(succeeded(ours=ids.payment, latest_charge=None))
    stop = asyncio.Event()
    running = asyncio.create_task(work(billing, stop, HANDLERS))
    await until(lambda: WebhookEvent.filter(stripe_event_id=sent["id"], status="PROCESSED").exists())
    stop.set()
    await running


async def test_a_round_that_fails_is_followed_by_the_next(billing: Billing, ids: Ids, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = 0
    stop = asyncio.Event()

    async def fails(*_: Any) -> int:
        nonlocal rounds
        rounds += 1
        if rounds == 3:
            stop.set()
        raise OSError("the database is away")

    monkeypatch.setattr(worker, "EVENTS_EVERY", 0.01)
    monkeypatch.setattr(worker, "retry_due", fails)
    async with asyncio.timeout(20):
        await work(billing, stop, HANDLERS)
    assert rounds == 3
