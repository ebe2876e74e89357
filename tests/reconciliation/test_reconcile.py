"""Our rows and Stripe's objects compared both ways, and mended."""

import asyncio
import gc
import json
import signal
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.responses import Response

from models import AuditEntry, Checkpoint, Customer, Dispute, Payment, Refund, Subscription
from services import patient_gateway, stripe_lists
from services.reconciliation import Finding, Tally, Verdict, reconcile
from tests.reconciliation.command import Command
from tests.reconciliation.world import World, known_rows, rows, snapshots_held
from tests.services.between import Held, error
from tests.services.shop import BOB


async def walk(world: World, *, dry: bool = False, since: datetime | None = None) -> tuple[Tally, list[Finding]]:
    found: list[Finding] = []
    began = since or datetime.now(UTC) - timedelta(days=3)
    tally = await reconcile(world.billing, began, name="test", dry=dry, stop=asyncio.Event(), found=found.append, told=lambda _: None)
    return tally, found


def lines(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


async def plant(world: World) -> Customer:
    """Told of everything but: a refund, the end of a subscription; and one customer who is gone at Stripe, beside strangers."""
    await world.sell()
    await world.deliver()
    alice = await Payment.get(status="PARTIALLY_REFUNDED")
    subscription = await Subscription.get(status="ACTIVE")
    world.front.sandbox.clock.advance(60)
    await world.ask("refunds", payment_intent=alice.stripe_payment_intent_id, amount=500)
    await world.billing.stripe.call(
        "cancel", lambda client: client.raw_request_async("delete", f"/v1/subscriptions/{subscription.stripe_subscription_id}")
    )
    gone = Customer(external_id="gone", stripe_customer_id="cus_gone")
    await gone.save()
    await world.foreign(3)
    world.front.sandbox.clock.advance(60)
    return gone


async def test_a_dry_run_reports_the_planted_differences_and_changes_nothing(world: World, command: Command) -> None:
    gone = await plant(world)
    before = await rows()
    payment, subscription = await Payment.get(status="PARTIALLY_REFUNDED"), await Subscription.all().get()
    dry = await command.run("reconcile", "--since", "1d", "--dry-run", "--json")
    assert (dry.code, await rows() == before, await AuditEntry.filter(actor="reconcile").count()) == (1, True, 0)
    found = {(line["kind"], line["id"], line["column"]): (line["ours"], line["stripe"]) for line in lines(dry.out)}
    refund = found.pop(("refund", None, "id"))[1]
    assert (refund["amount"], refund["status"], refund["payment_id"]) == (500, "SUCCEEDED", payment.id)
    assert found.pop(("customer", gone.id, "id")) == ("cus_gone", None)
    assert found.pop(("payment", payment.id, "amount_refunded")) == (900, 1400)
    assert found.pop(("subscription", subscription.id, "status")) == ("ACTIVE", "CANCELED")
    assert {key[:2] for key in found} == {("subscription", subscription.id)}
    assert {key[2] for key in found} == {"stripe_status", "canceled_at", "ended_at", "monthly_amount"}
    assert len(lines(dry.out)) == 8
    assert "1 gone at Stripe, 0 not comparable" in dry.told
    assert dry.told.endswith("billgraph: nothing was changed: without --dry-run they are mended\n")


async def test_differences_are_mended_once(world: World, command: Command) -> None:
    gone = await plant(world)
    await gone.delete()
    dry = await command.run("reconcile", "--since", "1d", "--dry-run")
    mended = await command.run("reconcile", "--since", "1d")
    assert (dry.code, mended.code) == (1, 1)
    assert [line.split()[0] for line in mended.out.splitlines()] == [line.split()[0] for line in dry.out.splitlines()]
    assert mended.out.splitlines()[0].split() == ["KIND", "OUR", "ID", "STRIPE", "ID", "COLUMN", "OURS", "STRIPE'S"]
    payment = await Payment.get(status="PARTIALLY_REFUNDED")
    assert (payment.amount_refunded, await Refund.all().count(), await Subscription.filter(status="CANCELED").count()) == (1400, 2, 1)
    audited = await AuditEntry.get(actor="reconcile", object_id=payment.id)
    assert (audited.action, audited.changes) == ("payment.reconcile", {"amount_refunded": [900, 1400]})
    assert await AuditEntry.filter(actor="reconcile").count() == 3

    after = await known_rows()
    again = await command.run("reconcile", "--since", "1d")
    assert (again.code, again.out, again.told.splitlines()[-1]) == (0, "", "billgraph: no differences")
    assert await known_rows() == after


async def test_what_webhooks_would_have_told_is_found_without_them(world: World) -> None:
    await world.sell()
    tally, _ = await walk(world)
    assert tally.counts[Verdict.DIFFERENT] > 0
    mended = await known_rows()
    await world.deliver()
    assert await known_rows() == mended
    assert [row.status async for row in Subscription.all()] == ["ACTIVE"]


async def test_an_open_row_is_read_whatever_its_age(world: World) -> None:
    await world.sell()
    await world.deliver()
    row = await Payment.get(customer__external_id=BOB.viewer.external_id, status="PENDING")
    world.front.sandbox.clock.advance(60)
    await world.ask(f"payment_intents/{row.stripe_payment_intent_id}/cancel")
    world.front.sandbox.clock.advance(60)
    since = datetime.fromtimestamp(world.front.sandbox.clock.now() + 3600, UTC)
    tally, [found] = await walk(world, since=since)
    assert (found.kind, found.stripe_id, found.verdict) == ("payment_intent", row.stripe_payment_intent_id, Verdict.DIFFERENT)
    assert (await Payment.get(id=row.id)).status == "CANCELED"
    assert (await walk(world, since=since))[0].found == 0
    assert tally.counts[Verdict.FOREIGN] == 0


async def test_strangers_are_counted_and_left_alone(world: World) -> None:
    await world.foreign(7)
    tally, found = await walk(world)
    assert (tally.counts, found, await rows()) == ({Verdict.FOREIGN: 7}, [], {})


async def test_a_dispute_and_a_new_address_that_nobody_told_of(world: World) -> None:
    await world.sell()
    await world.deliver()
    bob = await Customer.get(external_id="bob")
    row = await Payment.get(customer_id=bob.id, status="PENDING")
    world.front.sandbox.clock.advance(60)
    paying = {"payment_method": "pm_card_createDispute", "return_url": "https://a.test"}
    await world.ask(f"payment_intents/{row.stripe_payment_intent_id}/confirm", **paying)
    await world.ask(f"customers/{bob.stripe_customer_id}", email="bob@example.test")
    world.front.sandbox.clock.advance(60)
    _, found = await walk(world)
    assert {finding.verdict for finding in found} == {Verdict.DIFFERENT}
    changed = {(one.table, one.column, one.before, one.after) for finding in found for one in finding.differences}
    dispute = await Dispute.all().get()
    assert changed >= {("customer", "email", bob.email, "bob@example.test"), ("dispute", "id", None, dispute.id)}
    assert (dispute.payment_id, (await Payment.get(id=row.id)).disputed) == (row.id, True)
    assert (await walk(world))[1] == []


async def test_an_interrupt_ends_the_page_and_says_how_to_go_on(world: World, command: Command) -> None:
    await world.foreign(2)
    held = Held(early=True)

    async def late(forward: Callable[[], Awaitable[Response]]) -> Response:
        passed = await forward()
        await held(forward)
        return passed

    world.front.reads.append(("/v1/customers?", late))
    running = await command.start("reconcile", "--dry-run", "--since", "1d")
    await asyncio.wait_for(held.arrived.wait(), 30)
    running.send(signal.SIGINT)
    held.released.set()
    told = "2 objects compared, 0 differing, 0 gone at Stripe, 0 not comparable, 2 not ours"
    assert await running.end() == (130, "", f"billgraph: stopped: {told}; go on: billgraph reconcile --since 1d --dry-run\n")
    world.front.got.clear()
    ended = await command.run("reconcile", "--dry-run", "--since", "1d")
    assert (ended.code, ended.told.splitlines()[-2:]) == (0, [f"billgraph: {told}", "billgraph: no differences"])
    assert not any(asked.startswith("/v1/customers?") for asked in world.front.got)


async def test_killed_midway_and_started_again_it_finishes(world: World, command: Command) -> None:
    gone = await plant(world)
    await gone.delete()
    held = Held(early=True)
    world.front.reads.append(("/v1/refunds?", held))
    running = await command.start("reconcile", "--since", "1d")
    await asyncio.wait_for(held.arrived.wait(), 30)
    running.send(signal.SIGKILL)
    assert (await running.end()).code == -signal.SIGKILL
    held.released.set()
    assert (await Subscription.filter(status="CANCELED").count(), await Refund.all().count()) == (1, 1)
    world.front.got.clear()
    ended = await command.run("reconcile", "--since", "1d")
    assert (ended.code, world.front.got[0].partition("?")[0]) == (1, "/v1/refunds")
    assert "billgraph: going on where it was stopped, after " in ended.told
    assert (await Refund.all().count(), await Checkpoint.all().count()) == (2, 0)
    assert (await command.run("reconcile", "--since", "1d")).code == 0


async def test_stripe_is_given_the_time_that_it_asks_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient_gateway, "FIRST_PAUSE", 0.001)
    await world.sell()
    too_much = error(429, "invalid_request_error", code="rate_limit", stripe_should_retry="false")
    world.front.reads += [("", too_much)] * 5
    tally, _ = await walk(world)
    assert (tally.step, tally.counts[Verdict.FAILED], world.front.reads) == (None, 0, [])


async def test_an_object_of_unknown_shape_fails_alone(world: World, command: Command) -> None:
    await world.sell()
    await world.deliver()
    shapeless = (await Subscription.all().get()).stripe_subscription_id

    def spoil(tx: Any) -> None:
        tx.connection.execute("UPDATE objects SET body = json_set(body, '$.status', 5, '$.canceled_at', 7) WHERE id = ?", (shapeless,))

    await world.front.sandbox.run(spoil)
    before = await rows()
    ended = await command.run("reconcile", "--since", "1d")
    assert (ended.code, ended.out, await rows() == before) == (1, "", True)
    assert f"subscription {shapeless} could not be compared: UnknownShape: " in ended.told


async def test_memory_does_not_grow_with_the_number_of_objects(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe_lists, "PAGE", 10)
    await world.foreign(500)
    gc.collect()
    before, most = snapshots_held(), 0

    def told(_: Tally) -> None:
        nonlocal most
        most = max(most, snapshots_held() - before)

    since = datetime.now(UTC) - timedelta(days=3)
    tally = await reconcile(world.billing, since, name="t", dry=True, stop=asyncio.Event(), found=lambda _: None, told=told)
    assert tally.counts == {Verdict.FOREIGN: 500}
    assert most <= 4 * 10
