"""Probes and figures: alive, ready, and what /metrics tells to whom."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.routing import Route

from models import Delivery, Erasure, EventDestination, OutboxEntry, OutboxKind, WebhookEvent, WebhookEventStatus
from models.database import connect, disconnect
from services import metrics
from services.billing import Billing
from services.endpoint_check import EndpointCheck
from services.event_backlog import MOST_COUNTED
from services.stripe_gateway import StripeGateway
from settings import Settings
from tests.models.sound_rows import sound, sound_row
from web.operations import Operations
from web.start_page import page_routes, places
from webhooks.handlers import HANDLERS

TOKEN = "a-token-of-the-tests"
READY = {"status": "ready", "checks": {"database": "ok", "migrations": "ok"}}
NONE_FAILED = {"failed": 0, "overdue_seconds": 0}
UNKNOWN = dict.fromkeys(("webhooks", "events", "outbox", "deliveries", "emails", "erasures"), "unknown")
NOTHING = {"outbox": {"given_up": 0}, "deliveries": {"dead": 0}, "emails": {"dead": 0}, "erasures": {"overdue": 0}}


def client_of(settings: Settings) -> httpx.AsyncClient:
    billing = Billing(settings=settings, stripe=StripeGateway(settings))
    operations = Operations(settings, EndpointCheck(billing, frozenset(HANDLERS)))
    routes = [Route(f"/{name}", getattr(operations, name)) for name in ("healthz", "readyz", "metrics")]
    app = Starlette(routes=[*routes, *page_routes(sandbox=settings.sandbox, emails=True)])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


def event(number: int, status: WebhookEventStatus, next_attempt_at: datetime | None) -> WebhookEvent:
    now = datetime.now(UTC)
    known = {"stripe_event_id": f"evt_{number}", "type": "t", "status": status, "next_attempt_at": next_attempt_at}
    return WebhookEvent(**known, payload="{}", occurred_at=now, received_at=now)


def settings_with(**values: Any) -> Settings:
    return Settings.model_validate({"billgraph_var": Path("unused"), **values})


async def test_alive() -> None:
    async with client_of(settings_with()) as client:
        answer = await client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_ready_over_a_migrated_database(database: None, database_url: str) -> None:
    async with client_of(settings_with(database_url=database_url)) as client:
        answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()) == (
        200,
        READY | {"details": {"webhooks": "unknown", "events": NONE_FAILED, **NOTHING}},
    )


async def test_ready_tells_of_events_that_failed(database: None, database_url: str) -> None:
    now = datetime.now(UTC)
    times: list[datetime | None] = [now - timedelta(minutes=5), now + timedelta(minutes=5), None]
    for number, time in enumerate(times):
        await event(number, WebhookEventStatus.FAILED, time).save()
    await event(9, WebhookEventStatus.PROCESSED, None).save()
    async with client_of(settings_with(database_url=database_url, sandbox=True)) as client:
        answer = await client.get("/readyz")
    told = answer.json()
    assert 300 <= told["details"]["events"].pop("overdue_seconds") < 360
    assert (answer.status_code, told) == (200, READY | {"details": {"webhooks": "ok", "events": {"failed": 3}, **NOTHING}})


async def test_ready_tells_of_what_was_given_up(database: None, database_url: str) -> None:
    now = datetime.now(UTC)
    for number, due in enumerate([now, None, None]):
        await OutboxEntry(kind=OutboxKind.RETURN_EXCESS.value, subject_id=f"inv_{number}", next_attempt_at=due).save(force_create=True)
    async with client_of(settings_with(database_url=database_url)) as client:
        answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["details"]["outbox"]) == (200, {"given_up": 2})


async def test_ready_tells_of_deliveries_that_were_given_up(database: None, database_url: str) -> None:
    kept, gone = await sound_row(EventDestination), await sound_row(EventDestination)
    dead = {"status": "DEAD", "next_attempt_at": None}
    for destination, changes in ((kept, dead), (kept, dead), (kept, {"status": "FAILED"}), (gone, dead)):
        await Delivery.create(**await sound(Delivery) | {"destination": destination} | changes)
    await EventDestination.filter(id=gone.id).update(secret=None, deleted_at=datetime.now(UTC))
    async with client_of(settings_with(database_url=database_url)) as client:
        answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["details"]["deliveries"]) == (200, {"dead": 2})


async def test_ready_tells_of_erasures_that_do_not_end(database: None, database_url: str) -> None:
    now, late = datetime.now(UTC), {"created_at": datetime.now(UTC) - timedelta(minutes=61)}
    done = {"status": "DONE", "done_at": now, "external_id": None, "email": None, "name": None, "stripe_customer_id": None}
    for changes in (late, late, {"created_at": now}, late | done):
        await Erasure.create(**await sound(Erasure) | {"status": "PENDING", "done_at": None} | changes)
    async with client_of(settings_with(database_url=database_url)) as client:
        answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["details"]["erasures"]) == (200, {"overdue": 2})


async def test_failed_events_are_counted_up_to_a_bound(database: None, database_url: str) -> None:
    await WebhookEvent.bulk_create([event(number, WebhookEventStatus.FAILED, None) for number in range(MOST_COUNTED + 5)])
    async with client_of(settings_with(database_url=database_url)) as client:
        answer = await client.get("/readyz")
    assert answer.json()["details"]["events"] == {"failed": MOST_COUNTED + 1, "overdue_seconds": 0}


async def test_not_ready_before_the_migrations(empty_database_url: str) -> None:
    await connect(empty_database_url)
    try:
        async with client_of(settings_with(database_url=empty_database_url)) as client:
            answers = [await client.get("/readyz") for _ in range(2)]
    finally:
        await disconnect()
    expected = {"status": "not ready", "checks": {"database": "ok", "migrations": "pending"}, "details": UNKNOWN}
    assert [(answer.status_code, answer.json()) for answer in answers] == [(503, expected)] * 2


async def test_not_ready_without_a_database() -> None:
    secret = "postgres://billgraph:hiddenpassword@127.0.0.1:9/billgraph"
    async with client_of(settings_with(database_url=SecretStr(secret))) as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "not ready", "checks": {"database": "unreachable", "migrations": "unknown"}, "details": UNKNOWN}
    assert "hidden" not in answer.text


async def test_figures_are_open_in_development() -> None:
    metrics.REQUEST_SECONDS.labels("/test", 200).observe(0.1)
    async with client_of(settings_with()) as client:
        answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == metrics.CONTENT_TYPE
    assert 'billgraph_http_request_seconds_count{route="/test",status="200"}' in answer.text


async def test_figures_are_off_in_production_without_a_token() -> None:
    async with client_of(settings_with(environment="production")) as client:
        answer = await client.get("/metrics", headers={"authorization": "Bearer "})
    assert (answer.status_code, answer.json()) == (404, {"error": "Not found"})


@pytest.mark.parametrize("environment", ["development", "production"])
@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
        (f"Basic {TOKEN}", 401),
        (f"Bearer {TOKEN}x", 401),
        ("Bearer ", 401),
        ("Bearer ü", 401),
        (None, 401),
    ],
)
async def test_figures_behind_a_token(environment: str, authorization: str | None, status: int) -> None:
    headers = {b"authorization": authorization.encode()} if authorization else None
    async with client_of(settings_with(environment=environment, metrics_token=TOKEN)) as client:
        answer = await client.get("/metrics", headers=headers)
    assert answer.status_code == status
    assert (answer.headers.get("www-authenticate") == "Bearer") is (status == 401)
    assert ("billgraph_http_request_seconds" in answer.text) is (status == 200)


@pytest.mark.parametrize("sandbox", [True, False])
async def test_the_start_page_says_what_is_where(sandbox: bool) -> None:
    async with client_of(settings_with(sandbox=sandbox)) as client:
        answer = await client.get("/")
        style = await client.get("/pages/page.css")
    assert answer.status_code == style.status_code == 200
    assert all(f'href="{place.path}"' in answer.text for place in places(sandbox=sandbox, emails=True))
    assert ('href="/sandbox/"' in answer.text) is sandbox
    assert answer.headers["content-security-policy"] == "default-src 'none'; style-src 'self'; frame-ancestors 'none'"
    assert "://" not in answer.text + style.text


async def test_the_return_pages_escape_what_they_are_given() -> None:
    async with client_of(settings_with()) as client:
        paid = await client.get("/checkout/success", params={"session_id": "<script>cs_1" + "x" * 999})
        left = await client.get("/checkout/canceled")
        back = await client.get("/portal/returned")
    assert [answer.status_code for answer in (paid, left, back)] == [200, 200, 200]
    assert "&lt;script&gt;cs_1" in paid.text
    assert "<script" not in paid.text
    assert len(paid.text) < 2000
    assert "Nothing was charged." in left.text
    assert "PORTAL_RETURN_URL" in back.text
