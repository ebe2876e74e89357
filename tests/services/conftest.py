from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from pydantic import SecretStr

from services.billing import Billing
from settings import Environment, Settings
from tests.mirror.conftest import WatchingGateway
from tests.services.between import PUBLISHABLE_KEY, SECRET_KEY, Between, between
from tests.services.shop import open_shop


@pytest_asyncio.fixture(scope="session")
async def stripe_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Between]:
    async with between(tmp_path_factory.mktemp("sandbox")) as server:
        yield server


@pytest_asyncio.fixture
async def stripe(stripe_server: Between) -> AsyncIterator[Between]:
    """The sandbox of all tests, whose clock each leaves as it was."""
    stripe_server.clear()
    ahead = stripe_server.sandbox.clock.moved
    yield stripe_server
    stripe_server.sandbox.clock.moved = ahead


def settings_for(base: str, **more: Any) -> Settings:
    return Settings(
        environment=Environment.TEST,
        stripe_secret_key=SecretStr(SECRET_KEY),
        stripe_publishable_key=PUBLISHABLE_KEY,
        stripe_api_base=base,
        allowed_origins=("https://app.example",),
        **more,
    )


@pytest_asyncio.fixture
async def billing(stripe: Between, database: str) -> AsyncIterator[Billing]:
    settings = settings_for(stripe.base)
    made = Billing(settings=settings, stripe=WatchingGateway(settings))
    yield made
    await made.stripe.close()


@pytest_asyncio.fixture
async def shop(billing: Billing, stripe: Between) -> Billing:
    await open_shop(billing, stripe.base)
    stripe.clear()
    return billing
