"""The pages of what was sent, in a browser: an e-mail as its reader sees it, narrow and wide, light and dark, and none of it run."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import uvicorn
from playwright.async_api import Page, expect
from starlette.applications import Starlette

from models import EmailKind
from services.emails.messages import TELLING, written
from services.emails.samples import Cast, samples
from services.emails.voice import voice_of
from tests.messages.conftest import AT, SETTINGS
from web.sent_emails import email_routes
from web.start_page import page_routes

HOSTILE = Cast(SETTINGS, "en", name="<script>parent.alert(1)</script>", item="W" * 200 + "<img src=https://evil.test/x>", at=AT)


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    app = Starlette(routes=[*page_routes(sandbox=False, emails=True), *email_routes(tmp_path)])
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
        running = asyncio.create_task(server.serve(sockets=[bound]))
        while not server.started:  # noqa: ASYNC110 - uvicorn offers nothing to wait for
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        server.should_exit = True
        await running


async def put(folder: Path, cast: Cast) -> list[str]:
    """Every kind as a file; their names."""
    names = []
    for place, (kind, about) in enumerate(samples(cast), 1):
        told = TELLING[kind](voice_of(cast.settings, cast.locale), about)
        assert told is not None
        message = await written(replace(told, document=told.document if kind is EmailKind.RECEIPT and place == 1 else None))
        message["To"] = "ada@example.test"
        names.append(f"eml_{place}.eml")
        (folder / names[-1]).write_bytes(message.as_bytes())
    return names


async def test_an_email_is_read_from_the_start_page_on(page: Page, address: str, tmp_path: Path) -> None:
    await put(tmp_path, Cast(SETTINGS, "en", name="\u674e\u660e\u534e", at=AT))
    await page.goto(address)
    await page.get_by_role("link", name="E-mails").click()
    await page.get_by_role("link", name="Receipt 2026-000042 from Acme School: $499.00").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Receipt 2026-000042 from Acme School: $499.00")
    shown = page.frame_locator("iframe.mail")
    await expect(shown.get_by_role("heading", level=1)).to_have_text("Thank you for your payment")
    await expect(shown.get_by_text("Hello \u674e\u660e\u534e,")).to_be_visible()
    await expect(shown.get_by_role("link", name="Open your account")).to_have_attribute("href", "https://app.example.test/account")
    async with page.expect_download() as saved:
        await page.get_by_role("link", name="2026-000042.pdf").click()
    assert (await saved.value).suggested_filename == "2026-000042.pdf"
    await page.get_by_role("link", name="Text").click()
    assert "We have received your payment of $499.00" in await page.inner_text("body")


@pytest.mark.parametrize("width", [320, 1200])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_kind_fits_and_can_be_read(page: Page, address: str, tmp_path: Path, width: int, scheme: str) -> None:
    names = await put(tmp_path, HOSTILE)
    await page.set_viewport_size({"width": width, "height": 900})
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for name in names:
        await page.goto(f"{address}/emails/{name}/html")
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        ink = await page.evaluate("getComputedStyle(document.querySelector('h1')).color")
        ground = await page.evaluate("getComputedStyle(document.querySelector('.card')).backgroundColor")
        expected = {"light": ("rgb(26, 31, 54)", "rgb(255, 255, 255)"), "dark": ("rgb(232, 234, 244)", "rgb(26, 29, 44)")}
        assert (ink, ground) == expected[scheme], name
