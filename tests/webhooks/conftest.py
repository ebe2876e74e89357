from collections.abc import AsyncIterator

import httpx
import pytest_asyncio

from services.billing import Billing
from tests.mirror.conftest import billing, ids, shelf, shelf_server
from tests.webhooks.endpoint import client_of

__all__ = ["billing", "client", "ids", "shelf", "shelf_server"]


@pytest_asyncio.fixture
async def client(billing: Billing) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(billing) as made:
        yield made
