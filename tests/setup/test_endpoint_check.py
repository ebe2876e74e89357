"""A served process looks at Stripe's webhook endpoint when it starts, on both engines, and starts whatever it finds."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from services.stripe_gateway import API_VERSION
from services.webhook_endpoints import WebhookEndpoint, differences
from tests.sandbox.served import SECRET, Served
from tests.served import Served as Process
from tests.served import free_port
from tests.services.between import listening
from webhooks.handlers import HANDLERS

URL = "https://billing.shop.test/webhooks/stripe"
OLDER = "2026-03-25.dahlia"
LIMIT = 30.0


@contextlib.asynccontextmanager
async def process(tmp_path: Path, database_url: str, base: str) -> AsyncIterator[Process]:
    settings = {"DATABASE_URL": database_url, "STRIPE_SECRET_KEY": SECRET, "STRIPE_API_BASE": base}
    settings |= {"STRIPE_WEBHOOK_SECRET": "whsec_of_the_tests", "PUBLIC_URL": "https://billing.shop.test"}
    started = Process(tmp_path / "var", free_port(), **settings)
    try:
        await asyncio.to_thread(started.wait)
        yield started
    finally:
        started.process.kill()
        await asyncio.to_thread(started.process.wait)


async def details(started: Process) -> dict[str, Any]:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{started.address}/readyz")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()["details"]
    return found


async def word(started: Process) -> str:
    async with asyncio.timeout(LIMIT):
        while (found := (await details(started))["webhooks"]) == "unknown":  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(0.05)
    return str(found)


async def test_what_differs_is_told_and_logged(served: Served, database_url: str, tmp_path: Path) -> None:
    types = sorted(HANDLERS.keys() - {"refund.created", "refund.failed"} | {"account.updated"})
    given: Any = {"url": URL, "enabled_events": types, "api_version": OLDER}
    await served.client.v1.webhook_endpoints.create_async(given)
    async with process(tmp_path, database_url, served.url) as started:
        assert await word(started) == (
            f"other version: {OLDER}; missing types: refund.created, refund.failed; superfluous types: account.updated"
        )
        assert "webhook_endpoint_differs" in started.log


async def test_nothing_is_told_of_an_endpoint_that_is_right(served: Served, database_url: str, tmp_path: Path) -> None:
    given: Any = {"url": URL, "enabled_events": sorted(HANDLERS), "api_version": API_VERSION}
    await served.client.v1.webhook_endpoints.create_async(given)
    async with process(tmp_path, database_url, served.url) as started:
        assert await word(started) == "ok"
        assert "webhook_endpoint_" not in started.log


async def test_a_stripe_that_does_not_answer_delays_no_start(tmp_path: Path) -> None:
    asked, released = asyncio.Event(), asyncio.Event()

    async def hold(_: Request) -> JSONResponse:
        asked.set()
        await released.wait()
        return JSONResponse({}, 500)

    async with listening(lambda _: Starlette(routes=[Route("/v1/webhook_endpoints", hold)])) as base:
        async with process(tmp_path, f"sqlite:///{tmp_path / 'billgraph.sqlite3'}", base) as started:
            await asked.wait()
            assert (await details(started))["webhooks"] == "unknown"
        released.set()


def endpoint(types: frozenset[str] = frozenset(HANDLERS), version: str | None = API_VERSION, enabled: bool = True) -> WebhookEndpoint:
    return WebhookEndpoint("we_1", URL, version, types, enabled, marked=False)


@pytest.mark.parametrize(
    ("endpoints", "told"),
    [
        ([], ["no endpoint"]),
        ([endpoint(enabled=False)], ["disabled"]),
        ([endpoint()], []),
        ([endpoint(version=OLDER), endpoint()], []),
        ([endpoint(enabled=False), endpoint(version=OLDER)], [f"other version: {OLDER}"]),
        ([endpoint(version=None)], ["other version: the default of the account"]),
        ([endpoint(frozenset({"*"}))], ["superfluous types: *"]),
        ([endpoint(frozenset(HANDLERS) - {"invoice.paid"})], ["missing types: invoice.paid"]),
    ],
)
def test_differences(endpoints: list[WebhookEndpoint], told: list[str]) -> None:
    assert list(differences(endpoints, frozenset(HANDLERS))) == told
