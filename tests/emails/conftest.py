from collections.abc import AsyncIterator

import pytest_asyncio

from tests.emails.server import MailServer, serving
from tests.mirror.conftest import shelf, shelf_server
from tests.services.conftest import stripe, stripe_server

__all__ = ["shelf", "shelf_server", "stripe", "stripe_server"]


@pytest_asyncio.fixture
async def server() -> AsyncIterator[MailServer]:
    async with serving() as made:
        yield made
