"""Every event type that is handled: caused by the sandbox, delivered to a served process, and applied."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from models import Customer, Payment, PaymentStatus, Subscription, WebhookEvent
from models.database import connect, disconnect
from sandbox.shapes import CLASSES, OMITTED, fields
from sandbox.triggering import SCENARIOS
from services.billing import Billing
from services.development import completed
from services.stripe_gateway import API_VERSION, StripeGateway
from services.triggering import trigger
from settings import Settings
from tests.served import Served, free_port
from tests.setup.command import Ended, billgraph
from webhooks.handlers import HANDLERS

LIMIT = 20.0
STRANGERS = (
    "charge.failed",
    "coupon.",
    "customer.created",
    "invoice.created",
    "invoice.upcoming",
    "payment_intent.created",
    "price.",
    "product.",
    "promotion_code.",
)
"""What these carry in their scenario is not ours, asks for nothing yet (a draft), or says nothing that is kept: IGNORED is right too."""


class Running:
    """A served process with its sandbox, and the database that it works on, from here."""

    def __init__(self, served: Served, environment: dict[str, str], var: Path) -> None:
        self.served, self.environment, self.var = served, environment, var
        settings = completed(Settings.model_validate({"billgraph_var": var} | {name.lower(): value for name, value in environment.items()}))
        self.billing = Billing(settings=settings, stripe=StripeGateway(settings))

    async def trigger(self, kind: str, external_id: str = "demo-customer") -> WebhookEvent:
        """The stored event; at most LIMIT seconds are waited for it."""
        event = await trigger(self.billing, frozenset(HANDLERS), kind, external_id)
        assert (event["object"], event["type"], event["api_version"]) == ("event", kind, API_VERSION)
        async with asyncio.timeout(LIMIT):
            while (row := await WebhookEvent.get_or_none(stripe_event_id=event["id"])) is None:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)
        assert json.loads(row.payload)["data"] == event["data"]
        return row

    async def command(self, *arguments: str) -> Ended:
        return await billgraph("webhooks", "trigger", *arguments, var=self.var, **self.environment)


@pytest.fixture
async def running(database_url: str, tmp_path: Path) -> AsyncIterator[Running]:
    port = free_port()
    environment = {"DATABASE_URL": database_url, "PORT": str(port)}
    served = Served(tmp_path / "var", port, DATABASE_URL=database_url)
    try:
        await asyncio.to_thread(served.wait)
        await connect(database_url)
        found = Running(served, environment, tmp_path / "var")
        yield found
        await found.billing.stripe.close()
        await disconnect()
    finally:
        served.process.kill()
        await asyncio.to_thread(served.process.wait)


def missing(thing: dict[str, Any], but: frozenset[str]) -> set[str]:
    """Fields of the SDK's type that an object lacks."""
    kind = thing["object"]
    always = fields(CLASSES[kind]).keys() - OMITTED.get(kind, frozenset()) - {"deleted"} - but
    return {name for name in always if name not in thing}


async def test_every_type_that_is_handled(running: Running) -> None:
    became: dict[str, str] = {}
    for kind in HANDLERS:
        row = await running.trigger(kind, f"customer-of-{kind}")
        became[kind] = row.status
        thing = json.loads(row.payload)["data"]["object"]
        assert missing(thing, frozenset({"id"} if kind == "invoice.upcoming" else ())) == set(), kind
    expected = {kind: {"PROCESSED", "STALE"} | ({"IGNORED"} if kind.startswith(STRANGERS) else set()) for kind in HANDLERS}
    assert {kind: status for kind, status in became.items() if status not in expected[kind]} == {}
    failed = await WebhookEvent.filter(status="FAILED").values_list("type", "error")
    assert list(failed) == []
    for word in ("request_failed", "AttributeError", "TypeError", "KeyError"):
        assert word not in running.served.log


def test_every_type_that_is_handled_has_a_scenario() -> None:
    assert HANDLERS.keys() - SCENARIOS.keys() == set()


async def test_the_command_tells_what_became_of_the_event_and_the_customer_has_its_effect(running: Running) -> None:
    refunded = await running.command("charge.refunded")
    row = await WebhookEvent.get(type="charge.refunded")
    assert refunded == (0, f"{row.stripe_event_id}  charge.refunded  {row.status}\n", "")
    buyer = await Customer.get(external_id="demo-customer")
    payment = await Payment.get(customer_id=buyer.id)
    assert (payment.status, payment.amount, payment.amount_refunded) == (PaymentStatus.REFUNDED, 900, 900)
    subscribed = await running.command("customer.subscription.created", "--customer", "another")
    assert subscribed.code == 0
    async with asyncio.timeout(LIMIT):
        while not await Subscription.filter(status="ACTIVE", customer__external_id="another").exists():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)
    unknown = await running.command("refund.imagined", "--customer", "nobody")
    told = "billgraph: No event of type 'refund.imagined' is handled. Handled are: refund.created, refund.failed, refund.updated.\n"
    assert unknown == (1, "", told)
    assert (await Payment.filter(subscription_id=None).count(), await Customer.filter(external_id="nobody").exists()) == (1, False)


@pytest.mark.parametrize("environment", [{"STRIPE_SECRET_KEY": "sk_test_x"}, {"STRIPE_ENABLED": "false"}])
async def test_events_are_triggered_in_the_sandbox_alone(environment: dict[str, str], tmp_path: Path) -> None:
    ended = await billgraph("webhooks", "trigger", "charge.succeeded", var=tmp_path, **environment)
    line = "billgraph: Events are triggered in the sandbox alone: leave STRIPE_SECRET_KEY out and run billgraph serve.\n"
    assert ended == (2, "", line)


async def test_a_sandbox_that_is_not_there_is_told_in_one_line(database_url: str, tmp_path: Path) -> None:
    ended = await billgraph("webhooks", "trigger", "charge.succeeded", var=tmp_path, DATABASE_URL=database_url, PORT=str(free_port()))
    assert ended == (1, "", "billgraph: The sandbox does not answer: run billgraph serve with the same settings.\n")
