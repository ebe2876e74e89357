from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from pydantic import SecretStr

from services.billing import Billing
from services.stripe_gateway import StripeGateway
from settings import Environment, Settings
from tests.mirror.catalogue import Ids, plant
from tests.mirror.shelf import Shelf, serving

SECRETS = ("whsec_new", "whsec_old")


@pytest_asyncio.fixture(scope="session")
async def shelf_server() -> AsyncIterator[Shelf]:
    async with serving(Shelf()) as shelf:
        yield shelf


@pytest_asyncio.fixture
async def shelf(shelf_server: Shelf) -> Shelf:
    shelf_server.clear()
    return shelf_server


@pytest_asyncio.fixture
async def billing(shelf: Shelf, database: Any) -> AsyncIterator[Billing]:
    settings = Settings(
        environment=Environment.TEST,
        stripe_secret_key=SecretStr("sk_test_shelf"),
        stripe_api_base=shelf.base,
        stripe_webhook_secret=tuple(SecretStr(secret) for secret in SECRETS),
    )
    made = Billing(settings=settings, stripe=StripeGateway(settings))
    yield made
    await made.stripe.close()


@pytest_asyncio.fixture
async def ids(billing: Billing) -> Ids:
    return await plant()
