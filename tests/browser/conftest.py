"""A real browser: a Chrome or Chromium that is there is used; on Debian as root it is installed; else the tests are named as left out."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.browser.chromium import MISSING, chromium

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    mine = [item for item in items if Path(__file__).parent in item.path.parents]
    if not mine or chromium() or os.environ.get("CI") == "true":
        return
    items[:] = [item for item in items if item not in mine]
    config.hook.pytest_deselected(items=mine)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    assert chromium() is not None, MISSING
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield running
        await running.close()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page that fails the test when it asks another host for anything or its scripts fail."""
    context = await browser.new_context(locale="en-US", viewport={"width": 1200, "height": 900})
    opened = await context.new_page()
    strangers: list[str] = []
    opened.on(
        "request",
        lambda request: None if request.url.startswith(("http://127.0.0.1:", "data:", "blob:")) else strangers.append(request.url),
    )
    failures: list[str] = []
    opened.on("pageerror", lambda error: failures.append(str(error)))
    yield opened
    await context.close()
    assert strangers == []
    assert failures == []
