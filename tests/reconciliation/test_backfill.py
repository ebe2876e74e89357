"""Webhooks that were dropped, received from Stripe's list of events."""

import asyncio
import gc
import signal
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from starlette.responses import Response

from models import Checkpoint, Customer, Payment, WebhookEvent
from sandbox.transaction import Transaction
from services import patient_gateway, stripe_lists
from services.backfill import KNOWN, Walk, backfill
from services.errors import StripeUnavailable
from services.inbox import Handlers
from tests.reconciliation.command import Command
from tests.reconciliation.world import World, known_rows, put_back, rows, snapshots_held
from tests.services.between import Held, error
from webhooks.handlers import HANDLERS

NAME = "webhooks backfill --since 3d"
UPDATES: Handlers = {"customer.updated": HANDLERS["customer.updated"]}


async def walk(world: World, handlers: Handlers = UPDATES, *, pages: int = 0) -> Walk:
    """Three days; stopped after so many pages."""
    stop, seen = asyncio.Event(), 0

    def told(_: Walk) -> None:
        nonlocal seen
        seen += 1
        if seen == pages:
            stop.set()

    since = datetime.now(UTC) - timedelta(days=3)
    return await backfill(world.billing, handlers, since, name=NAME, undelivered=False, stop=stop, told=told)


def counts(out: str) -> dict[str, int]:
    return {line[:18].strip(): int(line[18:]) for line in out.splitlines()}


async def test_dropped_webhooks_backfilled_end_in_the_same_rows_as_delivered_ones(world: World, command: Command) -> None:
    await world.sell()
    dropped = await rows()
    await world.deliver()
    delivered = await known_rows()
    sent = [event["id"] for event in await world.events()]
    await put_back(dropped)
    assert await known_rows() != delivered

    first = await command.run("webhooks", "backfill", "--since", "3d")
    assert await known_rows() == delivered
    assert (first.code, sum(counts(first.out).values()), counts(first.out)["FAILED"]) == (0, len(sent), 0)
    assert sorted(await WebhookEvent.all().values_list("stripe_event_id", flat=True)) == sorted(sent)
    again = await command.run("webhooks", "backfill", "--since", "3d")
    assert (again.code, counts(again.out)[KNOWN], sum(counts(again.out).values())) == (0, len(sent), len(sent))
    assert (await Payment.all().count(), await Checkpoint.all().count()) == (3, 0)


async def test_a_walk_that_was_stopped_goes_on_and_takes_what_came_since(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe_lists, "PAGE", 5)
    await world.foreign(12)
    stopped = await walk(world, pages=2)
    assert (stopped.finished, stopped.total, await WebhookEvent.all().count()) == (False, 10, 10)
    await world.foreign(3)
    ended = await walk(world)
    assert (ended.finished, ended.resumed, await WebhookEvent.all().count()) == (True, True, 15)
    assert ended.counts["IGNORED"] == 15
    assert await Checkpoint.all().count() == 0


async def test_killed_midway_and_started_again_it_finishes(world: World, command: Command) -> None:
    await world.foreign(250)
    held = Held(early=True)
    world.front.reads.append(("starting_after", held))
    running = await command.start("webhooks", "backfill", "--since", "3d")
    await asyncio.wait_for(held.arrived.wait(), 30)
    running.send(signal.SIGKILL)
    assert (await running.end()).code == -signal.SIGKILL
    held.released.set()
    assert await WebhookEvent.all().count() == 100
    world.front.got.clear()
    ended = await command.run("webhooks", "backfill", "--since", "3d")
    assert (ended.code, counts(ended.out)["IGNORED"]) == (0, 250)
    assert "going on where it was stopped, after 100 events" in ended.told
    assert "starting_after=" in world.front.got[0]
    assert (await WebhookEvent.all().count(), await Checkpoint.all().count()) == (250, 0)


async def test_an_interrupt_ends_the_page_and_says_how_to_go_on(world: World, command: Command) -> None:
    await world.foreign(150)
    held = Held(early=False)

    async def late(forward: Callable[[], Awaitable[Response]]) -> Response:
        passed = await forward()
        await held(forward)
        return passed

    world.front.reads.append(("customer.updated", late))
    running = await command.start("webhooks", "backfill", "--since", "3d")
    await asyncio.wait_for(held.arrived.wait(), 30)
    running.send(signal.SIGINT)
    held.released.set()
    ended = await running.end()
    assert (ended.code, await WebhookEvent.all().count()) == (130, 100)
    assert ended.told == "billgraph: stopped after 100 events; go on: billgraph webhooks backfill --since 3d\n"
    assert (await command.run("webhooks", "backfill", "--since", "3d")).code == 0
    assert await WebhookEvent.all().count() == 150


async def test_stripe_is_given_the_time_that_it_asks_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient_gateway, "FIRST_PAUSE", 0.001)
    await world.sell()
    too_much = error(429, "invalid_request_error", code="rate_limit", stripe_should_retry="false")
    world.front.reads += [("", too_much)] * 6
    ended = await walk(world, HANDLERS)
    assert (ended.finished, ended.counts["FAILED"], world.front.reads) == (True, 0, [])
    assert await Payment.filter(status="PARTIALLY_REFUNDED").count() == 1


async def test_one_that_stripe_does_not_answer_keeps_its_place(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe_lists, "PAGE", 5)
    await world.foreign(12)
    down = error(503, "api_error", stripe_should_retry="false")
    world.front.reads.append(("starting_after", down))
    with pytest.raises(StripeUnavailable):
        await walk(world)
    assert (await WebhookEvent.all().count(), await Checkpoint.all().count()) == (5, 1)
    assert (await walk(world)).counts["IGNORED"] == 12


async def test_an_event_that_fails_is_counted_and_the_command_says_so(world: World, command: Command) -> None:
    await world.sell()

    def spoil(tx: Transaction) -> None:
        tx.emit("payment_intent.succeeded", {"object": "payment_intent"})

    await world.front.sandbox.run(spoil)
    ended = await command.run("webhooks", "backfill", "--since", "3d")
    assert (ended.code, counts(ended.out)["FAILED"]) == (1, 1)
    assert [row.object_id async for row in WebhookEvent.filter(status="FAILED")] == [None]


async def test_undelivered_asks_for_those_alone(world: World, command: Command) -> None:
    await world.foreign(1)
    ended = await command.run("webhooks", "backfill", "--since", "12h", "--undelivered")
    assert (ended.code, sum(counts(ended.out).values())) == (0, 0)
    assert all("delivery_success=false" in asked for asked in world.front.got)


async def test_cut_off_by_stripe_the_command_says_how_to_go_on(world: World, command: Command) -> None:
    world.front.reads.append(("/v1/events?", error(503, "api_error", stripe_should_retry="false")))
    ended = await command.run("webhooks", "backfill", "--since", "3d")
    assert (ended.code, ended.out) == (1, "")
    assert ended.told.splitlines() == [
        "billgraph: cut off; go on: billgraph webhooks backfill --since 3d (from the beginning: --anew)",
        "billgraph: Stripe did not answer. Try again: with the same idempotencyKey nothing is done twice.",
    ]


async def test_memory_does_not_grow_with_the_number_of_events(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe_lists, "PAGE", 10)
    await world.foreign(500)
    gc.collect()
    before, most = snapshots_held(), 0

    def told(_: Walk) -> None:
        nonlocal most
        most = max(most, snapshots_held() - before)

    since = datetime.now(UTC) - timedelta(days=3)
    ended = await backfill(world.billing, UPDATES, since, name=NAME, undelivered=False, stop=asyncio.Event(), told=told)
    assert (ended.total, ended.finished) == (500, True)
    assert most <= 4 * 10


async def test_a_change_of_an_old_object_is_found(world: World) -> None:
    """The walk is of what happened lately, whenever the objects came to be."""
    await world.sell()
    await world.deliver()
    delivered = await WebhookEvent.all().count()
    clock = world.front.sandbox.clock
    clock.advance(10 * 86_400)
    bob = await Customer.get(external_id="bob")
    await world.ask(f"customers/{bob.stripe_customer_id}", email="bob@elsewhere.test")
    since = datetime.fromtimestamp(clock.now() - 3 * 86_400, UTC)
    done = await backfill(world.billing, HANDLERS, since, name=NAME, undelivered=False, stop=asyncio.Event(), told=lambda _: None)
    assert (done.finished, dict(done.counts)) == (True, {"PROCESSED": 1})
    assert (await Customer.get(id=bob.id)).email == "bob@elsewhere.test"
    assert await WebhookEvent.all().count() == delivered + 1
