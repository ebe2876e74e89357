"""Random business in the sandbox; its events in any order, each one to three times, with failures and restarts: one truth."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest_asyncio
from hypothesis import HealthCheck, event, given, note, settings
from hypothesis import strategies as st

from models import WebhookEvent, WebhookEventStatus
from services.billing import Billing
from services.grouped_inbox import GroupedInbox
from services.inbox import Handlers, receive, retry_due
from services.mirror import Known, Mirror, Outcome
from services.snapshot import Snapshot
from services.stripe_event import read_event
from tests.convergence.business import ACTS, MAX_EVENTS, Business
from tests.convergence.rows import (
    FOLLOWED,
    MIRRORED,
    OTHERS,
    SOLD_OTHERWISE,
    Rows,
    assert_nothing_went_back,
    assert_true,
    every_model,
    final_rows,
    kept,
    put_back,
)
from tests.convergence.stage import FailingGateway, Stage, stage_in
from tests.services.conftest import settings_for
from tests.services.shop import open_shop
from webhooks.handlers import HANDLERS

HISTORIES = 2500 if os.environ.get("BILLGRAPH_SOAK") == "1" else 100
"""Of each engine."""

ROUNDS = 40
"""Times that the worker tries again at most until nothing is left failed."""

Sent = dict[str, Any]

acts = st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 2), st.integers(0, 20)), min_size=3, max_size=14)


@pytest_asyncio.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage_in(tmp_path) as made:
        yield made


@pytest_asyncio.fixture
async def billing(stage: Stage, database: str) -> AsyncIterator[Billing]:
    chosen = settings_for(stage.base)
    made = Billing(chosen, FailingGateway(chosen))
    await stage.open()
    await open_shop(made, stage.base)
    await stage.keep()
    yield made
    await made.stripe.close()


@pytest_asyncio.fixture
async def catalogue(billing: Billing) -> Rows:
    """The rows that every history begins with."""
    return await kept()


def test_every_model_is_compared_or_known_not_to_be() -> None:
    assert every_model() == {*MIRRORED, *OTHERS, *SOLD_OTHERWISE, *FOLLOWED}


@settings(max_examples=HISTORIES, deadline=None, suppress_health_check=list(HealthCheck))
@given(story=acts, seed=st.integers(0, 2**32))
async def test_any_order_any_number_of_times_any_failure(
    billing: Billing, stage: Stage, catalogue: Rows, story: list[Any], seed: int
) -> None:
    await put_back(catalogue)
    sent = await play(billing, stage, story)
    begun = await kept()
    for one in sent:
        assert await receive(billing, read_event(json.dumps(one)), HANDLERS) is not WebhookEventStatus.FAILED
    await assert_nothing_went_back()
    in_order = await final_rows()
    await assert_true(stage)

    await put_back(begun)
    chaos = Random(seed)  # noqa: S311 - not a secret
    shuffled = [one for one in sent for _ in range(chaos.randint(1, 3))]
    chaos.shuffle(shuffled)
    await deliver(billing, shuffled, chaos)
    await assert_nothing_went_back()
    assert await final_rows() == in_order
    assert await WebhookEvent.all().count() == len(sent)


async def play(billing: Billing, stage: Stage, story: list[Any]) -> list[Sent]:
    """Let the acts happen; the events that they sent, of which nothing was delivered."""
    business = Business(billing, stage, await stage.open())
    sent: list[Sent] = []
    for name, who, which in story:
        if len(sent) < MAX_EVENTS:
            await business.act(name, who, which)
            sent = await business.events()
    note("\n".join(f"{one['created']} {one['type']} {one['data']['object'].get('id')}" for one in sent))
    event(f"{len(sent) // 15 * 15} events or more")
    return sent


async def deliver(billing: Billing, shuffled: list[Sent], chaos: Random) -> None:
    """Deliver the events, some one by one and some together, while things fail; then let the worker end what failed."""
    gateway = billing.stripe
    assert isinstance(gateway, FailingGateway)
    gateway.random, gateway.chance = chaos, chaos.choice((0.0, 0.0, 0.1, 0.3))
    handlers = failing(chaos, chaos.choice((0.0, 0.02, 0.1)))
    inbox = GroupedInbox(billing, handlers)
    try:
        while shuffled:
            some = [read_event(json.dumps(shuffled.pop())) for _ in range(min(len(shuffled), chaos.choice((1, 1, 2, 8))))]
            if len(some) == 1:
                await receive(billing, some[0], handlers)
            else:
                await asyncio.gather(*(inbox.receive(one) for one in some))
    finally:
        gateway.chance = 0.0
    await until_nothing_is_failed(billing)


async def until_nothing_is_failed(billing: Billing) -> None:
    for _ in range(ROUNDS):
        failed = WebhookEvent.filter(status=WebhookEventStatus.FAILED)
        if not await failed.exists():
            return
        await failed.update(next_attempt_at=datetime(2026, 1, 1, tzinfo=UTC), attempts=1)
        await retry_due(billing, HANDLERS, 100)
    raise AssertionError([row.error for row in await WebhookEvent.filter(status=WebhookEventStatus.FAILED)])


def failing(chaos: Random, chance: float) -> Handlers:
    """The handlers, each of which does its work and then fails now and then, as if the process had been killed just then."""

    def wrapped(handler: Mirror) -> Mirror:
        async def handle(snapshot: Snapshot, known: Known) -> Outcome:
            outcome = await handler(snapshot, known)
            if chaos.random() < chance:
                raise ConnectionError("cut off")
            return outcome

        return handle

    return {kind: wrapped(handler) for kind, handler in HANDLERS.items()}
