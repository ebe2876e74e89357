"""The application as put together: what is there in production and what is not, and who may call it from a browser."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from app import create_app, from_environment
from services.configuration import problems
from services.development import completed
from settings import Settings

PRODUCTION: dict[str, Any] = {
    "environment": "production",
    "database_url": "postgres://billgraph:hidden@127.0.0.1:9/billgraph",
    "public_url": "https://billing.example.com",
    "auth_secret": "f3c2b1a0e9d8c7b6a5948372615049382716",
    "stripe_secret_key": "sk_test_51Hidden",
    "stripe_publishable_key": "pk_test_51Public",
    "stripe_webhook_secret": "whsec_hidden",
    "success_url": "https://app.example.com/paid",
    "cancel_url": "https://app.example.com/plans",
    "portal_return_url": "https://app.example.com/account",
    "allowed_origins": "https://app.example.com",
}


async def close(app: Starlette) -> None:
    await app.state.billing.stripe.close()


@pytest.fixture
async def production() -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings.model_validate(PRODUCTION)
    assert problems(settings) == []
    app = create_app(settings)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://billing.example.com") as client:
        yield client
    await close(app)


@pytest.mark.parametrize(
    "path",
    ["/", "/graphiql/viewers.json", "/sandbox", "/sandbox/v1/customers", "/checkout/success", "/pages/page.css", "/metrics", "/docs"],
)
async def test_production_has_nothing_of_development(production: httpx.AsyncClient, path: str) -> None:
    assert (await production.get(path)).status_code == 404


async def test_production_is_alive_and_careful(production: httpx.AsyncClient) -> None:
    answer = await production.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert answer.headers["strict-transport-security"] == "max-age=63072000"
    assert answer.headers["x-request-id"]


async def test_production_lets_people_unsubscribe_from_emails(production: httpx.AsyncClient) -> None:
    for answer in (await production.get("/emails/unsubscribe/made-up"), await production.post("/emails/unsubscribe/made-up")):
        assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src data:; form-action 'self'; ")


async def test_an_allowed_origin_may_call(production: httpx.AsyncClient) -> None:
    asked = {
        "origin": "https://app.example.com",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
    }
    answer = await production.options("/graphql", headers=asked)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://app.example.com"
    assert "access-control-allow-credentials" not in answer.headers


async def test_another_origin_may_not(production: httpx.AsyncClient) -> None:
    asked = {"origin": "https://evil.example.com", "access-control-request-method": "POST"}
    answer = await production.options("/graphql", headers=asked)
    assert answer.status_code == 400
    assert "access-control-allow-origin" not in answer.headers


async def test_development_lists_what_is_where(tmp_path: Path) -> None:
    app = create_app(completed(Settings(billgraph_var=tmp_path)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        start = await client.get("/")
        viewers = (await client.get("/graphiql/viewers.json")).json()
    await close(app)
    assert start.status_code == 200
    assert [viewer["label"].rpartition(" ")[2] for viewer in viewers] == [
        "(CUSTOMER)",
        "(CUSTOMER)",
        "(SELLER)",
        "(SUPPORT)",
        "(SERVICE)",
        "(ADMIN)",
    ]


def test_a_server_process_does_not_start_with_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    with pytest.raises(ValueError, match="Set STRIPE_SECRET_KEY to your account's key"):
        from_environment()


async def test_the_sandbox_is_found_without_its_slash(tmp_path: Path) -> None:
    app = create_app(completed(Settings(billgraph_var=tmp_path)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000") as client:
        answer = await client.get("/sandbox")
    assert (answer.status_code, answer.headers["location"]) == (307, "/sandbox/")
    await close(app)
