from collections.abc import AsyncIterator

import pytest_asyncio

from services.deliveries.posting import Poster
from tests.deliveries.receiver import Receiver, receiving
from tests.mirror.conftest import shelf, shelf_server
from tests.services.conftest import billing, shop, stripe, stripe_server

__all__ = ["billing", "shelf", "shelf_server", "shop", "stripe", "stripe_server"]


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


@pytest_asyncio.fixture
async def poster() -> AsyncIterator[Poster]:
    async with Poster(private=True) as made:
        yield made
