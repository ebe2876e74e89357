from tests.resolvers.conftest import asking, world
from tests.services.conftest import billing, shop, stripe, stripe_server

__all__ = ["asking", "billing", "shop", "stripe", "stripe_server", "world"]
