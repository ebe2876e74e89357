from collections.abc import AsyncIterator

import pytest

from tests.schema.served import Client, endpoint


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    client = Client(endpoint())
    yield client
    await client.http.aclose()
