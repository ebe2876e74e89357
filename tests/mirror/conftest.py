from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from pydantic import SecretStr
from tortoise.backends.base.client import TransactionalDBClient

from models.database import client
from services.billing import Billing
from services.snapshot import Snapshot
from services.stripe_gateway import Request, StripeGateway
from settings import Environment, Settings
from tests.mirror.catalogue import Ids, plant
from tests.mirror.shelf import Shelf, serving


class WatchingGateway(StripeGateway):
    """The gateway itself, which fails a test that asks Stripe anything while a transaction is open."""

    async def call(self, operation: str, request: Request) -> Snapshot:
        assert not isinstance(client(), TransactionalDBClient)
        return await super().call(operation, request)

    async def retrieve(self, kind: str, object_id: str, *expand: str) -> Snapshot | None:
        assert not isinstance(client(), TransactionalDBClient)
        return await super().retrieve(kind, object_id, *expand)


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
    made = Billing(settings=settings, stripe=WatchingGateway(settings))
    yield made
    await made.stripe.close()


@pytest_asyncio.fixture
async def ids(billing: Billing) -> Ids:
    return await plant()
