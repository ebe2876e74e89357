"""Each switch of what goes wrong does what it says, and nothing else."""

import json
from typing import Any

import httpx
import pytest
import stripe
from stripe.events import V1CustomerCreatedEventNotification

from sandbox.chaos import Switches
from sandbox.errors import Refusal
from tests.sandbox.served import SECRET, WEBHOOK_SECRET, Served, Shop


async def customers(served: Served, count: int = 12) -> list[str]:
    return [(await served.client.v1.customers.create_async({"name": f"C{number}"})).id for number in range(count)]


async def received(served: Served) -> list[str]:
    await served.sandbox.drain()
    ids = [event["data"]["object"]["id"] for event in served.received]
    served.received.clear()
    return ids


async def test_dropped_events_are_in_the_list(served: Served) -> None:
    served.sandbox.engine.set_chaos(Switches(dropped=50))
    ids = await customers(served)
    came = await received(served)
    assert 0 < len(came) < 12
    assert len((await served.client.v1.events.list_async({"limit": 100})).data) == 12
    states = {view.event["data"]["object"]["id"]: view.state for view in await served.sandbox.engine.events()}
    assert states == {found: "delivered" if found in came else "dropped" for found in ids}


async def test_delayed_and_shuffled(served: Served) -> None:
    served.sandbox.engine.set_chaos(Switches(delayed=1000, shuffled=True))
    ids = await customers(served)
    assert len(await received(served)) < 12
    await served.sandbox.engine.advance(1001)
    served.sandbox.engine.set_chaos(Switches(delayed=5000, shuffled=True))
    more = await customers(served)
    await served.sandbox.drain()
    served.received.clear()
    await served.sandbox.engine.advance(5001)
    late = await received(served)
    assert late != sorted(late, key=more.index)
    assert {view.state for view in await served.sandbox.engine.events()} == {"delivered"}
    assert len(ids) == 12


async def test_duplicated_and_resent(served: Served) -> None:
    served.sandbox.engine.set_chaos(Switches(duplicated=100, resent=100))
    (made,) = await customers(served, 1)
    assert await received(served) == [made, made]
    await served.sandbox.engine.advance(61)
    assert await received(served) == [made, made]
    await served.sandbox.engine.advance(61)
    assert await received(served) == []


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("rate_limited", stripe.RateLimitError),
        ("conflicted", stripe.APIError),
        ("failed", stripe.APIError),
        ("reset", stripe.APIConnectionError),
        ("half_way", stripe.APIConnectionError),
    ],
)
async def test_calls_that_fail(served: Served, fault: str, error: type[Exception]) -> None:
    switches: Any = {fault: 100}
    served.sandbox.engine.set_chaos(Switches(**switches))
    with pytest.raises(error):
        await served.client.v1.customers.create_async({"name": "A"}, {"idempotency_key": "k"})
    served.sandbox.engine.set_chaos(Switches())
    done = fault == "half_way"
    assert len((await served.client.v1.customers.list_async()).data) == done
    assert await served.types() == ["customer.created"] * done
    again = await served.client.v1.customers.create_async({"name": "A"}, {"idempotency_key": "k"})
    assert [found.id for found in (await served.client.v1.customers.list_async()).data] == [again.id]


async def test_a_late_answer_is_of_a_call_that_was_done(served: Served) -> None:
    served.sandbox.engine.set_chaos(Switches(timed_out=100, timeout=600))
    async with httpx.AsyncClient(timeout=0.5, headers={"authorization": f"Bearer {SECRET}"}) as browser:
        with pytest.raises(httpx.ReadTimeout):
            await browser.post(f"{served.url}/v1/customers", data={"name": "A"})
    served.sandbox.engine.set_chaos(Switches())
    assert await served.types() == ["customer.created"]


async def test_the_same_seed_gives_the_same_faults(served: Served) -> None:
    chaos = served.sandbox.configuration.chaos
    runs = []
    for seed in (5, 5, 6):
        chaos.set(Switches(seed=seed, failed=30, half_way=30, dropped=30, delayed=9))
        runs.append([(chaos.fault(), chaos.wait()) for _ in range(50)])
    assert runs[0] == runs[1] != runs[2]


async def test_thin_events(served: Served, client: stripe.StripeClient) -> None:
    served.sandbox.engine.set_chaos(Switches(payloads="both"))
    made = await client.v1.customers.create_async({"name": "A"}, {"idempotency_key": "k"})
    await served.sandbox.drain()
    (snapshot, _), (thin, signature) = served.signatures
    event: Any = client.parse_event_notification(thin, signature, WEBHOOK_SECRET)
    assert type(event) is V1CustomerCreatedEventNotification
    assert (event.type, event.related_object.id, event.related_object.type) == ("v1.customer.created", made.id, "customer")
    assert event.related_object.url == f"/v1/customers/{made.id}"
    assert json.loads(thin)["reason"]["request"]["idempotency_key"] == "k"
    assert event.id != json.loads(snapshot)["id"]
    assert json.loads(thin)["created"].endswith("Z")
    assert (await client.v1.customers.retrieve_async(event.related_object.url.rpartition("/")[2])).id == made.id
    served.sandbox.engine.set_chaos(Switches(payloads="thin"))
    await client.v1.customers.create_async({"name": "B"})
    await served.sandbox.drain()
    assert [json.loads(body)["object"] for body, _ in served.signatures[2:]] == ["v2.core.event"]
    await served.sandbox.engine.send_again(event.id)
    await served.sandbox.drain()
    assert served.signatures[-1][0] == thin
    async with httpx.AsyncClient() as browser:
        assert "v1.customer.created" in (await browser.get(f"{served.url}/events")).text


async def sent(shop: Shop, version: str) -> dict[str, Any]:
    shop.served.sandbox.engine.set_chaos(Switches(version=version))
    await shop.submit(await shop.session("subscription"))
    await shop.served.sandbox.drain()
    events = {event["type"]: event for event in shop.served.received}
    assert {event["api_version"] for event in events.values()} == {version}
    return {kind: event["data"]["object"] for kind, event in events.items()}


async def test_older_versions(shop: Shop) -> None:
    for version in ("2020-08-27", "2023-10-16"):
        found = await sent(shop, version)
        subscription, invoice = found["customer.subscription.created"], found["invoice.paid"]
        intent, charge = found["payment_intent.succeeded"], found["charge.succeeded"]
        assert subscription["current_period_end"] > subscription["current_period_start"]
        assert "current_period_end" not in subscription["items"]["data"][0]
        assert (invoice["subscription"], invoice["payment_intent"], invoice["charge"]) == (subscription["id"], intent["id"], charge["id"])
        assert "parent" not in invoice
        assert invoice["lines"]["data"][0]["price"]["id"] == shop.monthly.id
        assert charge["invoice"] == invoice["id"]
        old = version < "2022"
        assert ("charges" in intent, "latest_charge" in intent, "refunds" in charge) == (old, not old, old)
        shop.served.received.clear()
    now = await sent(shop, "2025-03-31.basil")
    assert "current_period_end" in now["customer.subscription.created"]["items"]["data"][0]
    assert "subscription" not in now["invoice.paid"]


@pytest.mark.parametrize(
    "wrong", [{"dropped": 101}, {"failed": -1}, {"failed": 60, "reset": 60}, {"version": "2019-01-01"}, {"payloads": "fat"}]
)
async def test_switches_that_cannot_be(served: Served, wrong: Any) -> None:
    with pytest.raises(Refusal):
        served.sandbox.engine.set_chaos(Switches(**wrong))
    async with httpx.AsyncClient(base_url=served.url) as browser:
        assert (await browser.post("/chaos", data={name: str(value) for name, value in wrong.items()})).status_code == 400
    assert served.sandbox.engine.chaos() == Switches()


async def test_the_page(served: Served) -> None:
    async with httpx.AsyncClient(base_url=served.url) as browser:
        assert (await browser.post("/chaos", data={"dropped": "7", "shuffled": "1", "payloads": "both"})).status_code == 303
        assert served.sandbox.engine.chaos() == Switches(dropped=7, shuffled=True, payloads="both")
        assert 'name="dropped" value="7"' in (await browser.get("/chaos")).text
        assert (await browser.post("/chaos", data={})).status_code == 303
    assert served.sandbox.engine.chaos() == Switches()
