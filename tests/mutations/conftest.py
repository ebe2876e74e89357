import pytest_asyncio

from services.billing import Billing
from tests.resolvers.asking import Asking
from tests.services.conftest import billing, shop, stripe, stripe_server

__all__ = ["asking", "billing", "shop", "stripe", "stripe_server"]


@pytest_asyncio.fixture
async def asking(shop: Billing) -> Asking:
    return Asking(shop)
