"""Addresses of receipts: who is given one, what it shows, and that no other is good for anything."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr
from pypdf import PdfReader
from starlette.applications import Starlette
from starlette.routing import Route

from models import Payment, Receipt
from resolvers.permissions import is_staff
from services.receipts import links
from settings import Settings
from tests.resolvers.asking import SETTINGS, Asking
from tests.resolvers.asking import billing as made_billing
from tests.resolvers.world import World, build
from web.receipts import MAX_ASKED, MAX_AT_ONCE, Receipts

ASKED = "query($id: ID!) { payment(by: {id: $id}) { receipt { number issuedAt pdfUrl } } }"


@pytest_asyncio.fixture
async def world(database: str) -> World:
    return await build()


@pytest_asyncio.fixture
async def asking(database: str) -> AsyncIterator[Asking]:
    billing = made_billing()
    yield Asking(billing)
    await billing.stripe.close()


def client_of(settings: Settings) -> httpx.AsyncClient:
    app = Starlette(routes=[Route("/receipts/{receipt_id}", Receipts(settings).pdf)])
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://pay.example.test")


@pytest_asyncio.fixture
async def client(database: str) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(SETTINGS) as made:
        yield made


async def address(asking: Asking, who: str, payment: Payment) -> str:
    receipt = (await asking.ask(who, ASKED, id=payment.id))["payment"]["receipt"]
    assert (receipt["number"], receipt["issuedAt"]) == ("alice-2026-000001", "2026-01-01T00:03:00Z")
    return str(receipt["pdfUrl"])


def changed(url: str, **query: str) -> str:
    parts = urlsplit(url)
    given = {name: values[0] for name, values in parse_qs(parts.query).items()}
    return f"{parts.path}?{urlencode(given | query)}"


@pytest.mark.parametrize("who", ["owner", "seller", "support", "service", "admin"])
async def test_whoever_sees_the_payment_is_given_its_receipt_and_sellers_not_who_bought(
    asking: Asking, world: World, client: httpx.AsyncClient, who: str
) -> None:
    answer = await client.get(await address(asking, who, world.alice.payment))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["content-disposition"] == 'attachment; filename="alice-2026-000001.pdf"'
    assert answer.headers["cache-control"] == "no-store"
    text = " ".join(PdfReader(BytesIO(answer.content)).pages[0].extract_text().split())
    assert "Fee 2 $45.00 $90.00" in text
    assert "Paid $49.00" in text
    assert ("alice@example.test" in text, "Alice" in text) == ((False, False) if who == "seller" else (True, True))


async def test_others_are_given_none(asking: Asking, world: World) -> None:
    assert await asking.ask("other", ASKED, id=world.alice.payment.id) == {"payment": None}
    assert await asking.codes("anonymous", ASKED, id=world.alice.payment.id) == ["UNAUTHENTICATED"]
    assert is_staff(asking.context("support").viewer)


async def test_a_payment_that_is_not_paid_has_none(asking: Asking, world: World) -> None:
    await Receipt.filter(id=world.alice.receipt.id).delete()
    assert await asking.ask("owner", ASKED, id=world.alice.payment.id) == {"payment": {"receipt": None}}


@pytest.mark.parametrize(
    "query",
    [
        {"signature": ""},
        {"signature": "0" * 64},
        {"signature": "é\ud83d"},
        {"for": "all"},
        {"for": ""},
        {"expires": "99999999999"},
        {"expires": "never"},
        {"expires": ""},
    ],
)
async def test_a_forged_address_is_of_nothing(asking: Asking, world: World, client: httpx.AsyncClient, query: dict[str, str]) -> None:
    url = await address(asking, "seller", world.alice.payment)
    query = {name: value.encode("utf-8", "replace").decode() for name, value in query.items()}
    answer = await client.get(changed(url, **query))
    assert (answer.status_code, answer.json()) == (404, {"error": "Not found"})


async def test_an_address_is_of_one_receipt_and_one_secret(asking: Asking, world: World, client: httpx.AsyncClient) -> None:
    url = await address(asking, "owner", world.alice.payment)
    other = url.replace(world.alice.receipt.id, world.bob.receipt.id)
    assert other != url
    for forged in (other, f"/receipts/{world.alice.receipt.id}", "/receipts/x", f"/receipts/{'x' * 5000}"):
        assert (await client.get(forged)).status_code == 404
    elsewhere = SETTINGS.model_copy(update={"url_signing_secret": SecretStr("another secret of thirty-two bytes")})
    async with client_of(elsewhere) as stranger:
        assert (await stranger.get(url)).status_code == 404
    gone = links.link_to(SETTINGS, "rct_00000000000000000000000000", links.EVERYTHING)
    assert (await client.get(gone)).status_code == 404


async def test_an_address_is_good_for_a_quarter_of_an_hour(
    asking: Asking, world: World, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = time.time()
    monkeypatch.setattr("services.receipts.links.time.time", lambda: began)
    url = await address(asking, "owner", world.alice.payment)
    monkeypatch.setattr("services.receipts.links.time.time", lambda: int(began) + 15 * 60)
    assert (await client.get(url)).status_code == 200
    monkeypatch.setattr("services.receipts.links.time.time", lambda: int(began) + 15 * 60 + 1)
    answer = await client.get(url)
    assert (answer.status_code, answer.json()) == (410, {"error": "This address is too old: ask for a new one."})


async def test_nothing_but_reading_is_possible(asking: Asking, world: World, client: httpx.AsyncClient) -> None:
    url = await address(asking, "owner", world.alice.payment)
    before: Any = await Receipt.all().order_by("id").values()
    for method in ("POST", "PUT", "DELETE"):
        assert (await client.request(method, url)).status_code == 405
    assert (await client.head(url)).status_code == 200
    assert await Receipt.all().order_by("id").values() == before


def test_without_any_secret_no_address_is_made() -> None:
    with pytest.raises(ValueError, match="Set URL_SIGNING_SECRET"):
        links.link_to(Settings(), "rct_1", links.EVERYTHING)


def test_the_secrets_of_others_are_not_the_key() -> None:
    """Each setting makes other addresses, and the first that is set counts."""
    secret, other = SecretStr("s" * 40), SecretStr("t" * 40)
    made = [
        links.audience_of(Settings(url_signing_secret=secret, auth_secret=other), "alice"),
        links.audience_of(Settings(auth_secret=other), "alice"),
        links.audience_of(Settings(stripe_secret_key=SecretStr("sk_test_1")), "alice"),
    ]
    assert len(set(made)) == 3
    assert (
        made[0]
        == links.audience_of(Settings(url_signing_secret=secret), "alice")
        != links.audience_of(Settings(url_signing_secret=secret), "bob")
    )


async def test_one_too_many_is_asked_to_come_again(
    asking: Asking, world: World, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, go_on, drawing = await address(asking, "owner", world.alice.payment), threading.Event(), []

    def slow(*_: Any) -> bytes:
        drawing.append(1)
        go_on.wait(30)
        return b"%PDF"

    monkeypatch.setattr("web.receipts.drawn_late", slow)
    first = [asyncio.create_task(client.get(url)) for _ in range(MAX_ASKED + 1)]
    (refused,), waiting = await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
    answer = refused.result()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json() == {"error": "Too many receipts are being drawn: try again in a moment."}
    assert len(drawing) <= MAX_AT_ONCE
    go_on.set()
    assert [(await one).status_code for one in waiting] == [200] * MAX_ASKED
    assert (await client.get(url)).status_code == 200
