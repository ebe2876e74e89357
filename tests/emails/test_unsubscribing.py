"""One click unsubscribes from one kind; looking does not, and neither does what was made up."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.routing import Route

from models import Email, EmailAddress
from services.emails.unsubscribing import PATH, unsubscribe, unsubscribe_url
from settings import Settings
from tests.emails.rows import drained, email, settings_of, settings_with
from tests.emails.server import MailServer
from web.unsubscribe import Unsubscribing

SETTINGS = settings_with("none")
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
"""What mail programs post (RFC 8058)."""


@pytest_asyncio.fixture
async def client(database: str) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=[Route(f"{PATH}{{token}}", Unsubscribing(SETTINGS).page, methods=["GET", "POST"])])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://billing.acme.example") as made:
        yield made


async def known() -> list[tuple[str, list[str]]]:
    return [(row.address, row.unsubscribed) for row in await EmailAddress.all()]


async def test_one_click_ends_mails_of_its_kind_alone(client: httpx.AsyncClient, server: MailServer) -> None:
    row = await email(kind="WELCOME", recipient="Alice@example.test")
    address = unsubscribe_url(SETTINGS, row)
    for _ in range(2):
        asked = await client.get(address)
        assert (asked.status_code, '<form method="post">' in asked.text, await known()) == (200, True, [])
    for _ in range(2):
        done = await client.post(address, data=ONE_CLICK)
        assert (done.status_code, "You get no more e-mails of this kind." in done.text) == (200, True)
        assert (done.headers["cache-control"], done.headers["referrer-policy"]) == ("no-store", "no-referrer")
        assert await known() == [("alice@example.test", ["WELCOME"])]
    await email("pay_2", kind="RECEIPT", recipient="alice@example.test")
    await email("pay_3", kind="TRIAL_ENDING", recipient="alice@example.test")
    await drained(settings_of(server))
    assert [str(message["Subject"]) for _, message in server.taken] == ["pay_2 1", "pay_3 1"]
    kept = await Email.get(id=row.id)
    assert (kept.status, kept.error) == ("SUPPRESSED", "This address was unsubscribed from such mails.")


async def test_kinds_add_up_whoever_comes_at_once(client: httpx.AsyncClient) -> None:
    rows = [await email(f"pay_{kind}", kind=kind) for kind in ("WELCOME", "TRIAL_ENDING", "SALE", "SALE_REFUNDED")]
    await asyncio.gather(*(client.post(unsubscribe_url(SETTINGS, row), data=ONE_CLICK) for row in rows * 2))
    ((address, kinds),) = await known()
    assert (address, sorted(kinds)) == ("alice@example.test", ["SALE", "SALE_REFUNDED", "TRIAL_ENDING", "WELCOME"])


@pytest.mark.parametrize("ending", ["", "x", "."])
async def test_what_was_made_up_does_nothing(client: httpx.AsyncClient, ending: str) -> None:
    row = await email(kind="WELCOME")
    good = unsubscribe_url(SETTINGS, row)
    other = SETTINGS.model_copy(update={"url_signing_secret": SecretStr("t" * 32)})
    for address in (good + "0", good[:-1] + ending, unsubscribe_url(other, row), f"{PATH}{row.id}", f"{PATH}%F0%9F%98%80.%C3%A9"):
        for answer in (await client.get(address), await client.post(address, data=ONE_CLICK)):
            assert (answer.status_code, "<form" in answer.text) == (404, False)
    assert await known() == []


async def test_receipts_cannot_be_unsubscribed_and_who_was_erased_is_not_known(database: str) -> None:
    owed, erased = await email(), await email("pay_2", kind="SALE", recipient=None, status="SUPPRESSED", next_attempt_at=None)  # type: ignore[arg-type]  # as erasure leaves it
    assert unsubscribe_url(SETTINGS, owed) == ""
    for row_id in (owed.id, erased.id, "eml_none"):
        await unsubscribe(row_id)
    assert await known() == []


def test_without_a_secret_there_is_no_address() -> None:
    with pytest.raises(ValueError, match="Set URL_SIGNING_SECRET"):
        unsubscribe_url(Settings(), Email(kind="SALE", cause="c", object_id="pay_1", position=1))
