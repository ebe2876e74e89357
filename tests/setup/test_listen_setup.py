"""`billgraph webhooks listen-setup` against a Stripe over HTTP."""

import re
from pathlib import Path
from typing import Any

import pytest
import stripe
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from services.stripe_gateway import API_VERSION
from tests.sandbox.served import SECRET, Served
from tests.services.between import SECRET_KEY, afterwards, between, listening
from tests.setup.command import Ended, billgraph
from webhooks.handlers import HANDLERS

URL = "https://billing.shop.test/webhooks/stripe"
OLDER = "2026-03-25.dahlia"


class Operator:
    """Who runs the command for one account."""

    def __init__(self, var: Path, served: Served) -> None:
        self.var, self.v1, self.base = var, served.client.v1.webhook_endpoints, served.url

    async def run(self, *options: str, **environment: str) -> Ended:
        given = {"STRIPE_SECRET_KEY": SECRET, "STRIPE_API_BASE": self.base, "PUBLIC_URL": "https://billing.shop.test/"}
        return await billgraph("webhooks", "listen-setup", *options, var=self.var, **(given | environment))

    async def endpoints(self) -> list[stripe.WebhookEndpoint]:
        return (await self.v1.list_async()).data

    async def add(self, **given: Any) -> stripe.WebhookEndpoint:
        params: Any = {"url": URL, "enabled_events": sorted(HANDLERS), "api_version": API_VERSION} | given
        return await self.v1.create_async(params)


@pytest.fixture
def operator(served: Served, tmp_path: Path) -> Operator:
    return Operator(tmp_path, served)


def shown(endpoint: stripe.WebhookEndpoint) -> tuple[str, str | None, list[str], str, dict[str, str]]:
    metadata = endpoint.metadata.to_dict()
    return endpoint.url, endpoint.api_version, sorted(endpoint.enabled_events), endpoint.status, metadata


RIGHT = (URL, API_VERSION, sorted(HANDLERS), "enabled", {"billgraph": "webhooks"})


async def test_the_first_run_makes_the_endpoint_and_the_second_changes_nothing(operator: Operator) -> None:
    first = await operator.run()
    [made] = await operator.endpoints()
    assert shown(made) == RIGHT
    assert first.code == 0
    assert re.fullmatch(r"STRIPE_WEBHOOK_SECRET=whsec_\w{32}\n", first.out)
    assert first.told == (
        f"billgraph: made {made.id} for {URL}: {len(HANDLERS)} event types, version {API_VERSION}\n"
        "billgraph: Stripe tells the signing secret once. Put this line into the settings and restart:\n"
    )
    second = await operator.run()
    assert second == (0, "", f"billgraph: nothing to change: {made.id} for {URL} has {len(HANDLERS)} event types, version {API_VERSION}\n")
    assert [endpoint.to_dict() for endpoint in await operator.endpoints()] == [made.to_dict()]


async def test_what_was_changed_by_hand_is_put_back(operator: Operator) -> None:
    types = sorted(HANDLERS.keys() - {"refund.created"} | {"account.updated"})
    other = await operator.add(url="https://elsewhere.test/hook")
    found = await operator.add(enabled_events=types)
    await operator.v1.update_async(found.id, {"disabled": True})
    changes = "added refund.created; removed account.updated; enabled; marked as Billgraph's"
    assert await operator.run() == (0, "", f"billgraph: updated {found.id} for {URL}: {changes}; its secret is the same\n")
    endpoints = await operator.endpoints()
    assert [endpoint.id for endpoint in endpoints] == [found.id, other.id]
    assert shown(endpoints[0]) == RIGHT
    assert endpoints[1].to_dict() == {key: value for key, value in other.to_dict().items() if key != "secret"}


async def test_another_version_becomes_a_second_endpoint_and_the_first_is_disabled_when_told(operator: Operator) -> None:
    older = await operator.add(api_version=OLDER)
    made = await operator.run("--replace", STRIPE_WEBHOOK_SECRET="whsec_of_the_first")
    assert made.code == 0
    assert made.out.startswith("STRIPE_WEBHOOK_SECRET=whsec_")
    assert "and the secret that is set now behind it after a comma" in made.told
    assert f"billgraph: {older.id} (version {OLDER}) delivers to the same address too" in made.told
    newer, kept = await operator.endpoints()
    assert (shown(newer), kept.id, kept.status, kept.api_version) == (RIGHT, older.id, "enabled", OLDER)
    again = await operator.run()
    assert (again.code, again.out) == (0, "")
    assert again.told.startswith(f"billgraph: nothing to change: {newer.id} ")
    assert "--replace" in again.told
    ended = await operator.run("--replace")
    assert f"billgraph: disabled {older.id}: " in ended.told
    assert [(endpoint.id, endpoint.status) for endpoint in await operator.endpoints()] == [(newer.id, "enabled"), (older.id, "disabled")]
    last = await operator.run("--replace")
    assert last.told == f"billgraph: nothing to change: {newer.id} for {URL} has {len(HANDLERS)} event types, version {API_VERSION}\n"


async def test_rotation_makes_another_secret_and_keeps_the_old_endpoint(operator: Operator) -> None:
    first = await operator.run()
    second = await operator.run("--rotate", STRIPE_WEBHOOK_SECRET=first.out.strip().partition("=")[2])
    assert re.fullmatch(r"STRIPE_WEBHOOK_SECRET=whsec_\w{32}\n", second.out)
    assert second.out != first.out
    assert [shown(endpoint) for endpoint in await operator.endpoints()] == [RIGHT, RIGHT]
    refused = await operator.run("--rotate", "--replace")
    assert refused == (2, "", "billgraph: Give --rotate first, and --replace once the new secret is in use.\n")
    newest = (await operator.endpoints())[0]
    await operator.run("--replace")
    assert [endpoint.id for endpoint in await operator.endpoints() if endpoint.status == "enabled"] == [newest.id]


async def test_a_full_account_is_told_in_one_line(operator: Operator) -> None:
    for number in range(16):
        await operator.add(url=f"https://elsewhere.test/{number}")
    assert await operator.run() == (1, "", "billgraph: You have reached the maximum of 16 test webhook endpoints.\n")
    assert len((await operator.v1.list_async({"limit": 100})).data) == 16


PRODUCTION = dict.fromkeys(("SUCCESS_URL", "CANCEL_URL", "PORTAL_RETURN_URL"), "https://shop.test/") | {
    "ENVIRONMENT": "production",
    "STRIPE_SECRET_KEY": "sk_live_x",
    "STRIPE_PUBLISHABLE_KEY": "pk_live_x",
    "AUTH_SECRET": "0123456789abcdef" * 2,
    "DATABASE_URL": "postgres://u@127.0.0.1:9/x",
    "PUBLIC_URL": "https://billing.shop.test",
}
"""All that production asks for but the signing secret, which this command is there to get."""

UNREACHABLE = (
    "Stripe cannot reach 127.0.0.1: set PUBLIC_URL or give --url with a public address, or on your own machine let the Stripe CLI"
    " forward events: stripe listen --forward-to http://127.0.0.1:8123/webhooks/stripe"
)


@pytest.mark.parametrize(
    ("options", "environment", "code", "line"),
    [
        (
            ("--url", "ftp://x"),
            {"STRIPE_SECRET_KEY": "sk_test_x"},
            1,
            "Give --url an absolute http:// or https:// address without user and password.",
        ),
        (
            ("--url", "http://billing.shop.test/webhooks/stripe"),
            PRODUCTION,
            1,
            "Give --url an https:// address: Stripe sends events of live keys over TLS alone.",
        ),
        (
            (),
            {"STRIPE_SECRET_KEY": "sk_test_x", "PORT": "8123"},
            1,
            UNREACHABLE,
        ),
        ((), {}, 2, "The sandbox sends its events to this service by itself: set STRIPE_SECRET_KEY to your account's key first."),
        ((), {"STRIPE_ENABLED": "false", "PUBLIC_URL": "https://billing.shop.test"}, 1, "Selling is switched off on this server."),
    ],
)
async def test_what_cannot_be_is_refused_before_stripe_is_asked(
    options: tuple[str, ...], environment: dict[str, str], code: int, line: str, tmp_path: Path
) -> None:
    ended = await billgraph("webhooks", "listen-setup", *options, var=tmp_path, **environment)
    assert ended == (code, "", f"billgraph: {line}\n")


async def test_a_restricted_key_without_the_permission_is_told_in_one_line(operator: Operator) -> None:
    async def refuse(_: Request) -> JSONResponse:
        message = "The provided key 'rk_test_***' does not have the required permissions for this endpoint."
        return JSONResponse({"error": {"type": "invalid_request_error", "message": message}}, 403)

    async with listening(lambda _: Starlette(routes=[Route("/v1/webhook_endpoints", refuse)])) as base:
        ended = await operator.run(STRIPE_SECRET_KEY="rk_test_x", STRIPE_API_BASE=base)
    line = "The key may not do this: give the restricted key of STRIPE_SECRET_KEY the permission to write webhook endpoints."
    assert ended == (1, "", f"billgraph: {line}\n")


async def test_an_answer_that_is_lost_makes_no_second_endpoint(tmp_path: Path) -> None:
    async with between(tmp_path) as front:
        front.faults.append(("/webhook_endpoints", afterwards(502)))
        given = {"STRIPE_SECRET_KEY": SECRET_KEY, "STRIPE_API_BASE": front.base, "PUBLIC_URL": "https://billing.shop.test"}
        ended = await billgraph("webhooks", "listen-setup", var=tmp_path / "var", **given)
        assert re.fullmatch(r"STRIPE_WEBHOOK_SECRET=whsec_\w{32}\n", ended.out)
        assert len(set(front.keys("/webhook_endpoints"))) == 1
        listed = await front.client.get(f"{front.base}/v1/webhook_endpoints", headers={"authorization": f"Bearer {SECRET_KEY}"})
        assert [endpoint["url"] for endpoint in listed.json()["data"]] == [URL]
