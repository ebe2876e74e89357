"""Webhooks: signed, in order, tried again, after a restart too; and the events behind them."""

import json
from pathlib import Path
from typing import Any

import pytest
import stripe

from sandbox import create_sandbox
from sandbox.delivery import PAUSES
from sandbox.errors import Refusal
from tests.sandbox.served import WEBHOOK_SECRET, Serve, Served, Shop


async def test_deliveries_are_signed(served: Served, client: stripe.StripeClient) -> None:
    await client.v1.customers.create_async({"email": "ada@example.com"})
    await served.sandbox.drain()
    body, signature = served.signatures[0]
    assert stripe.WebhookSignature.verify_header(body, signature, WEBHOOK_SECRET, tolerance=60)
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(body.replace("ada", "eve"), signature, WEBHOOK_SECRET)
    event = stripe.Webhook.construct_event(body, signature, WEBHOOK_SECRET)
    assert (event.type, event.api_version, event.livemode, event.object) == ("customer.created", stripe.api_version, False, "event")


async def test_the_event_says_what_was_sent_and_who_asked(served: Served, client: stripe.StripeClient) -> None:
    made = await client.v1.customers.create_async({"name": "Ada", "metadata": {"a": "1"}}, {"idempotency_key": "key-1"})
    await client.v1.customers.update_async(made.id, {"name": "Eve", "metadata": {"a": "", "b": "2"}})
    await client.v1.customers.update_async(made.id, {"name": "Eve"})
    await served.sandbox.drain()
    created, updated = served.received
    assert created["data"]["object"]["id"] == made.id
    assert "previous_attributes" not in created["data"]
    assert created["request"]["idempotency_key"] == "key-1"
    assert created["request"]["id"].startswith("req_")
    assert updated["data"]["previous_attributes"] == {"name": "Ada", "metadata": {"a": "1", "b": None}}
    stored = await client.v1.events.retrieve_async(created["id"])
    assert (stored.type, stored.pending_webhooks) == ("customer.created", 0)
    listed = await client.v1.events.list_async({"types": ["customer.updated"]})
    assert [event.id for event in listed.data] == [updated["id"]]
    every = await client.v1.events.list_async({"type": "customer.*"})
    assert [event.id for event in every.data] == [updated["id"], created["id"]]


async def test_a_failed_delivery_is_tried_again_and_does_not_hold_up_the_next(served: Served, client: stripe.StripeClient) -> None:
    served.answers = [500, 200, 404]
    first = await client.v1.customers.create_async({"name": "A"})
    second = await client.v1.customers.create_async({"name": "B"})
    await served.sandbox.drain()
    assert [event["data"]["object"]["id"] for event in served.received] == [second.id]
    served.sandbox.clock.advance(PAUSES[0])
    await served.sandbox.drain()
    assert len(served.received) == 1
    served.sandbox.clock.advance(PAUSES[1])
    await served.sandbox.drain()
    assert [event["data"]["object"]["id"] for event in served.received] == [second.id, first.id]
    views = await served.sandbox.engine.events()
    assert [(view.state, view.tries) for view in views] == [("delivered", 1), ("delivered", 3)]
    assert [attempt["status"] for attempt in views[1].attempts] == [500, 404, 200]


async def test_tries_are_bounded_and_an_event_can_be_sent_again(served: Served, client: stripe.StripeClient) -> None:
    served.answers = [503] * (len(PAUSES) + 1)
    await client.v1.customers.create_async({"name": "A"})
    for pause in (*PAUSES, 100_000):
        await served.sandbox.drain()
        served.sandbox.clock.advance(pause)
    await served.sandbox.drain()
    (view,) = await served.sandbox.engine.events()
    assert (view.state, view.tries, len(view.attempts), served.received) == ("failed", len(PAUSES) + 1, len(PAUSES) + 1, [])
    await served.sandbox.engine.send_again(view.event["id"])
    await served.sandbox.drain()
    assert [event["id"] for event in served.received] == [view.event["id"]]
    with pytest.raises(Refusal):
        await served.sandbox.engine.send_again("evt_none")


async def test_pending_deliveries_survive_a_restart(serve: Serve, tmp_path: Path) -> None:
    served = await serve(tmp_path / "var" / "sandbox.sqlite3")
    served.answers = [500]
    made = await served.client.v1.customers.create_async({"name": "A"})
    await served.sandbox.drain()
    assert served.received == []
    await served.stop()
    again = await serve(tmp_path / "var" / "sandbox.sqlite3")
    again.sandbox.clock.advance(PAUSES[0])
    await again.sandbox.drain()
    assert [event["data"]["object"]["id"] for event in again.received] == [made.id]
    assert (await again.client.v1.customers.retrieve_async(made.id)).name == "A"


async def test_nobody_listening_is_a_failed_try(tmp_path: Path) -> None:
    sandbox = create_sandbox(
        store=tmp_path / "s.sqlite3",
        secret_key="sk_test_x",
        publishable_key="pk_test_x",
        public_url="http://127.0.0.1:1/sandbox",
        webhook_url="http://127.0.0.1:1/hook",
        webhook_secret="whsec_x",
    )
    await sandbox.start()
    await sandbox.run(lambda tx: tx.add(tx.new("product", name="P"), event="product.created"))
    await sandbox.drain()
    (view,) = await sandbox.engine.events()
    await sandbox.stop()
    assert (view.state, view.attempts[0]["status"], view.attempts[0]["answer"]) == (
        "pending",
        None,
        "ConnectError: no answer from the endpoint",
    )


async def test_without_an_address_events_are_kept_and_not_sent() -> None:
    sandbox = create_sandbox(
        store=":memory:",
        secret_key="sk_test_x",
        publishable_key="pk_test_x",
        public_url="http://x.test",
        webhook_url=None,
        webhook_secret=None,
    )
    await sandbox.start()
    made = await sandbox.run(lambda tx: tx.add(tx.new("product", name="P"), event="product.created"))
    await sandbox.drain()
    (view,) = await sandbox.engine.events()
    assert (view.state, view.event["pending_webhooks"], view.event["data"]["object"]["id"]) == ("stored", 0, made["id"])
    with pytest.raises(Refusal, match="nowhere"):
        await sandbox.engine.send_again(view.event["id"])
    await sandbox.stop()


@pytest.mark.parametrize(
    "wrong", [{"secret_key": "sk_live_x"}, {"secret_key": "rk_test_x"}, {"publishable_key": "pk_live_x"}, {"webhook_secret": None}]
)
def test_live_keys_and_unsigned_webhooks_are_refused(wrong: dict[str, Any]) -> None:
    given: dict[str, Any] = {"secret_key": "sk_test_x", "publishable_key": "pk_test_x", "webhook_secret": "whsec_x"}
    with pytest.raises(ValueError, match=r"test keys only|webhook_secret"):
        create_sandbox(**({"store": ":memory:", "public_url": "http://x.test", "webhook_url": "http://x.test/h"} | given | wrong))


async def test_webhook_endpoints_are_stored(shop: Shop) -> None:
    v1 = shop.client.v1.webhook_endpoints
    made = await v1.create_async({"url": "https://a.test/hook", "enabled_events": ["*"]})
    assert str(made.secret).startswith("whsec_")
    changed = await v1.update_async(made.id, {"disabled": True})
    assert (changed.status, json.loads(changed.last_response.body).get("secret")) == ("disabled", None)  # type: ignore[union-attr] # set by the SDK
    assert len((await v1.list_async()).data) == 1
    assert (await v1.delete_async(made.id)).deleted is True
    assert (await v1.list_async()).data == []


async def test_events_are_listed_by_type_time_and_delivery_and_paged_both_ways(served: Served, client: stripe.StripeClient) -> None:
    start = served.sandbox.clock.now()
    served.answers = [500]
    made = await client.v1.customers.create_async({"name": "A"})
    await served.sandbox.engine.advance(100)
    await client.v1.products.create_async({"name": "P"})
    await client.v1.customers.update_async(made.id, {"name": "B"})
    served.answers = [500]
    await served.sandbox.drain()
    events = (await client.v1.events.list_async()).data
    assert [event.type for event in events] == ["customer.updated", "product.created", "customer.created"]
    states = {view.event["id"]: view.state for view in await served.sandbox.engine.events()}
    ids = [event.id for event in events]
    calls: list[tuple[Any, list[str]]] = [
        ({"type": "product.created"}, ids[1:2]),
        ({"type": "customer.*"}, [ids[0], ids[2]]),
        ({"types": ["customer.created", "product.created"]}, ids[1:]),
        ({"created": {"gte": start + 100}}, ids[:2]),
        ({"created": {"lt": start + 100}}, ids[2:]),
        ({"delivery_success": True}, [found for found in ids if states[found] == "delivered"]),
        ({"delivery_success": False}, [found for found in ids if states[found] != "delivered"]),
        ({"starting_after": ids[0], "limit": 1}, ids[1:2]),
        ({"ending_before": ids[2], "limit": 1}, ids[1:2]),
    ]
    for given, wanted in calls:
        assert [event.id for event in (await client.v1.events.list_async(given)).data] == wanted, given
