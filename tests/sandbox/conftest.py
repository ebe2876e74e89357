"""A sandbox for each test, served over HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import stripe

from tests.sandbox.served import Serve, Served, Shop


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    running: list[Served] = []

    async def start(store: Path | str) -> Served:
        served = Served(store)
        await served.run()
        running.append(served)
        return served

    yield start
    for served in running:
        if served.running:
            await served.stop()


@pytest.fixture
async def served(serve: Serve) -> Served:
    return await serve(":memory:")


@pytest.fixture
async def shop(served: Served) -> Shop:
    return await Shop(served).open()


@pytest.fixture
def client(served: Served) -> stripe.StripeClient:
    return served.client
