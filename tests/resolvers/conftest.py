from collections.abc import AsyncIterator

import pytest_asyncio

from tests.resolvers.asking import Asking, billing
from tests.resolvers.world import World, build


@pytest_asyncio.fixture
async def asking(database: str) -> AsyncIterator[Asking]:
    made = billing()
    yield Asking(made)
    await made.stripe.close()


@pytest_asyncio.fixture
async def world(database: str) -> World:
    return await build()
