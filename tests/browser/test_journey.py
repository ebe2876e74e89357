"""The whole journey by a person at a browser, and every page looked at for what it asks of others and whether its scripts run."""

import asyncio
import re
from pathlib import Path

from playwright.async_api import Page, expect

from tests.journey.story import PATIENCE, live_through
from tests.served import Served, free_port, serving

MAILED = (
    "Welcome to 127.0.0.1",
    "Your subscription to Pro has started",
    "Receipt .* from 127.0.0.1: \\$19.00",
    "Receipt .* from 127.0.0.1: \\$499.00",
    "Refund of \\$100.00 from 127.0.0.1",
    "Refund of \\$399.00 from 127.0.0.1",
    "You sold Python from the ground up: \\$499.00",
)
"""Of what they live through, what they are told by e-mail; the seller too."""


class Browsing:
    """A person at a browser."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def pay(self, url: str, card: str) -> str:
        await self._page.goto(url)
        await self._page.get_by_role("link", name=card).click()
        await self._page.locator("#submit").click()
        return self._page.url

    async def problem(self) -> str:
        return (await self._page.get_by_role("alert").inner_text()).strip()

    async def answer_bank(self, *, complete: bool) -> str:
        await self._page.locator("#complete" if complete else "#fail").click()
        return self._page.url

    async def let_expire(self, url: str) -> None:
        await self._page.goto(url)
        await self._page.locator("#expire").click()
        await expect(self._page.get_by_role("heading", level=1)).to_have_text("This checkout has expired")

    async def press_in_portal(self, url: str, button: str) -> None:
        await self._page.goto(url)
        await self._page.locator(f"button.{button}").click()
        await expect(self._page.get_by_role("status")).to_be_visible()


async def test_the_journey_in_a_browser(page: Page, tmp_path: Path) -> None:
    with serving(tmp_path / "var", free_port()) as served:
        await live_through(served, Browsing(page))
        await look_around(page, served)


async def look_around(page: Page, served: Served) -> None:
    """Every other page, while there is something on it."""
    await page.goto(f"{served.address}/sandbox/events")
    await expect(page.locator("details.event").first).to_be_visible()
    assert await page.locator(".state.failed").count() == 0
    await page.locator("details.event summary").first.click()
    await page.get_by_role("button", name="Send again").first.click()
    await page.goto(f"{served.address}/sandbox/")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Stripe on your own machine")
    await page.goto(f"{served.address}/")
    await page.get_by_role("link", name=re.compile("E-mails")).first.click()
    async with asyncio.timeout(PATIENCE):
        while not all([await page.get_by_role("link", name=re.compile(subject)).count() for subject in MAILED]):
            await page.reload()
    await page.get_by_role("link", name=re.compile("Receipt .* \\$499")).first.click()
    await expect(page.get_by_role("link", name=re.compile("pdf$"))).to_be_visible()
    await expect(page.frame_locator("iframe.mail").get_by_text("$499.00", exact=True).first).to_be_visible()
    await page.goto(f"{served.address}/")
    await page.get_by_role("link", name=re.compile("GraphiQL")).first.click()
    await page.get_by_role("button", name="Execute query (Ctrl-Enter)").click()
    await expect(page.locator(".result-window")).to_contain_text('"defaultCurrency": "USD"')
