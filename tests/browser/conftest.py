"""A real browser: a Chrome or Chromium that is there is used; on Debian as root it is installed; else the tests are named as left out."""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MISSING = "no Chrome or Chromium is here and none could be installed: the browser tests were left out"


@cache
def chromium() -> str | None:
    """Path of a browser, installed first where that is possible."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found or os.geteuid() != 0 or not shutil.which("apt-get"):
        return found
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "chromium"]):
        subprocess.run(command, check=False, capture_output=True, timeout=600, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    mine = [item for item in items if Path(__file__).parent in item.path.parents]
    if not mine or chromium():
        return
    if os.environ.get("CI") == "true":
        pytest.exit(MISSING, returncode=1)
    items[:] = [item for item in items if item not in mine]
    config.hook.pytest_deselected(items=mine)
    config.stash[_LEFT_OUT] = [item.nodeid for item in mine]


_LEFT_OUT: pytest.StashKey[list[str]] = pytest.StashKey()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for name in config.stash.get(_LEFT_OUT, []):
        terminalreporter.write_line(f"LEFT OUT {name}: {MISSING}", yellow=True, bold=True)


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
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
