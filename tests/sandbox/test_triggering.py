"""Every scenario of the sandbox causes its event, whatever there is before it."""

from typing import Any

import httpx
import pytest

from sandbox.triggering import SCENARIOS
from tests.sandbox.served import PUBLISHABLE, SECRET, Served


async def post(served: Served, key: str = SECRET, **form: str) -> tuple[int, dict[str, Any]]:
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{served.url}/v1/test_helpers/events", data=form, headers={"authorization": f"Bearer {key}"})
    body: dict[str, Any] = answer.json()
    return answer.status_code, body


async def test_every_scenario_causes_its_event(served: Served) -> None:
    for kind in SCENARIOS:
        status, event = await post(served, type=kind)
        assert (status, event.get("type")) == (200, kind), event
        assert kind in await served.types()


async def test_the_customer_can_be_named(served: Served) -> None:
    first = await served.client.v1.customers.create_async({"email": "first@example.com"})
    await served.client.v1.customers.create_async({"email": "second@example.com"})
    _, event = await post(served, type="charge.succeeded", customer=first.id)
    assert event["data"]["object"]["customer"] == first.id


@pytest.mark.parametrize(
    ("form", "key", "status", "message"),
    [
        ({"type": "charge.imagined"}, SECRET, 400, "The sandbox cannot cause 'charge.imagined': it can charge.succeeded, "),
        ({"type": "imagined"}, SECRET, 400, "The sandbox cannot cause 'imagined': docs.stripe.com/api/events/types names them all."),
        ({}, SECRET, 400, "Missing required param: type."),
        ({"type": "charge.succeeded", "customer": "cus_none"}, SECRET, 404, "No such customer: 'cus_none'"),
        ({"type": "charge.succeeded"}, PUBLISHABLE, 403, "This API call cannot be made with a publishable API key."),
    ],
)
async def test_what_is_refused_changes_nothing(served: Served, form: dict[str, str], key: str, status: int, message: str) -> None:
    answered, body = await post(served, key, **form)
    assert answered == status
    assert body["error"]["message"].startswith(message)
    assert await served.types() == []
