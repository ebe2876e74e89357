"""Stripe's test clocks, which steer the sandbox's one clock; and its own way to move time, which a restart does not undo."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import stripe

from sandbox import steering
from sandbox.errors import Refusal
from sandbox.transaction import Transaction
from tests.sandbox.served import Serve, Served, Shop

DAY = 86400


async def clock_of(served: Served, **given: Any) -> stripe.test_helpers.TestClock:
    asked: Any = {"frozen_time": served.sandbox.clock.now()} | given
    return await served.client.v1.test_helpers.test_clocks.create_async(asked)


async def own_time(served: Served, seconds: int | None = None) -> Any:
    if seconds is None:
        answer = await served.client.raw_request_async("get", "/v1/test_helpers/time")
    else:
        answer = await served.client.raw_request_async("post", "/v1/test_helpers/time", seconds=seconds)
    return answer.data


async def test_a_clock_is_advanced(shop: Shop) -> None:
    served, clocks = shop.served, shop.client.v1.test_helpers.test_clocks
    made = await clock_of(served, name="A year")
    assert (made.status, made.name, made.id[:6]) == ("ready", "A year", "clock_")
    customer = await shop.client.v1.customers.create_async({"test_clock": made.id})
    method = await shop.client.v1.payment_methods.attach_async("pm_card_visa", {"customer": customer.id})
    terms: Any = {"customer": customer.id, "items": [{"price": shop.monthly.id}], "default_payment_method": method.id}
    subscription = await shop.client.v1.subscriptions.create_async(terms | {"expand": ["latest_invoice"]})
    assert isinstance(subscription.latest_invoice, stripe.Invoice)
    assert (customer.test_clock, subscription.test_clock, subscription.latest_invoice.test_clock) == (made.id,) * 3
    await served.types()

    target = made.frozen_time + 70 * DAY
    going = await clocks.advance_async(made.id, {"frozen_time": target})
    assert (going.status, going.frozen_time) == ("advancing", made.frozen_time)
    assert going.status_details.advancing is not None
    assert going.status_details.advancing.target_frozen_time == target
    await served.sandbox.drain()
    there = await clocks.retrieve_async(made.id)
    assert (there.status, there.frozen_time, there.status_details.advancing) == ("ready", target, None)
    assert 0 <= served.sandbox.clock.now() - target < 60
    created = [event["created"] for event in served.received]
    kinds = await served.types()
    assert created == sorted(created)
    assert (kinds[0], kinds[-1], kinds.count("invoice.paid")) == (
        "test_helpers.test_clock.advancing",
        "test_helpers.test_clock.ready",
        2,
    )
    await clocks.delete_async(made.id)
    assert await served.types() == ["test_helpers.test_clock.deleted"]
    assert (await clocks.list_async()).data == []
    assert (await shop.client.v1.subscriptions.retrieve_async(subscription.id)).status == "active"
    assert served.sandbox.clock.now() >= target


async def test_what_is_due_happens_before_time_is_seen_to_have_passed(shop: Shop) -> None:
    """Whoever asks while time is moved sees nothing that is later than the time in the answer."""
    for _ in range(3):
        await shop.subscribed()
    await own_time(shop.served, 365 * DAY)
    seen = []
    while (await own_time(shop.served))["target"] is not None:
        answer = await shop.client.v1.invoices.list_async({"limit": 1})
        told = await own_time(shop.served)
        seen.append(told["now"])
        assert answer.data[0].created <= told["now"]
        await asyncio.sleep(0)
    assert seen == sorted(seen)
    assert len((await shop.client.v1.invoices.list_async({"limit": 100})).data) == 3 * 13


async def test_a_clock_ahead_takes_time_along(served: Served) -> None:
    ahead = served.sandbox.clock.now() + 5 * DAY
    assert (await clock_of(served, frozen_time=ahead)).status == "advancing"
    assert await served.types() == [f"test_helpers.test_clock.{name}" for name in ("created", "advancing", "ready")]
    assert 0 <= served.sandbox.clock.now() - ahead < 60


async def test_what_a_clock_cannot(served: Served) -> None:
    clocks, now = served.client.v1.test_helpers.test_clocks, served.sandbox.clock.now()
    with pytest.raises(stripe.InvalidRequestError, match="does not go back"):
        await clock_of(served, frozen_time=now - DAY)
    with pytest.raises(stripe.InvalidRequestError, match="at most"):
        await clock_of(served, frozen_time=now + 3661 * DAY)
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        await clock_of(served, customer="cus_none")
    assert (await clocks.list_async()).data == []
    made = await clock_of(served)
    with pytest.raises(stripe.InvalidRequestError, match=f"{made.id} steers it"):
        await clock_of(served)
    for wrong in (made.frozen_time, made.frozen_time - 1, now + 3661 * DAY):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await clocks.advance_async(made.id, {"frozen_time": wrong})
        assert refused.value.param == "frozen_time"
    with pytest.raises(stripe.InvalidRequestError, match=r"No such test_helpers\.test_clock"):
        await clocks.advance_async("clock_none", {"frozen_time": now + DAY})
    assert (await clocks.retrieve_async(made.id)).frozen_time == made.frozen_time
    assert served.sandbox.clock.now() < now + 60


async def test_time_that_is_moved_is_not_moved_again(served: Served) -> None:
    now = served.sandbox.clock.now()

    def twice(tx: Transaction) -> None:
        steering.aim(tx, tx.now + DAY)
        steering.aim(tx, tx.now + 2 * DAY)

    with pytest.raises(Refusal, match="being moved already"):
        await served.sandbox.run(twice)
    assert (await own_time(served))["target"] is None
    assert served.sandbox.clock.now() < now + 60


async def test_seconds_that_cannot_be(served: Served) -> None:
    now = served.sandbox.clock.now()
    for wrong in (0, -5, 3661 * DAY):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await own_time(served, wrong)
        assert refused.value.param == "seconds"
    assert (await own_time(served))["target"] is None
    assert served.sandbox.clock.now() < now + 60


async def test_a_restart_does_not_take_time_back(serve: Serve, tmp_path: Path) -> None:
    served = await serve(tmp_path / "sandbox.sqlite3")
    shop = await Shop(served).open()
    made = await shop.subscribed()
    await served.sandbox.engine.advance(40 * DAY)
    moved = served.sandbox.clock.now()
    await served.stop()
    again = await serve(tmp_path / "sandbox.sqlite3")
    assert 0 <= again.sandbox.clock.now() - moved < 60
    invoices = await again.client.v1.invoices.list_async({"subscription": made.id})
    assert [found.status for found in invoices.data] == ["paid", "paid"]


async def test_time_that_was_being_moved_goes_on_after_a_restart(serve: Serve, tmp_path: Path) -> None:
    served = await serve(tmp_path / "sandbox.sqlite3")
    shop = await Shop(served).open()
    made = await shop.subscribed()
    target = made.created + 100 * DAY
    await served.sandbox.run(lambda tx: tx.connection.execute("UPDATE clock SET target = ?", (target,)))
    await served.stop()
    again = await serve(tmp_path / "sandbox.sqlite3")
    await again.sandbox.drain()
    assert 0 <= again.sandbox.clock.now() - target < 60
    assert len((await again.client.v1.invoices.list_async({"subscription": made.id})).data) == 4
