from tests.services.conftest import billing, shop, stripe, stripe_server

__all__ = ["billing", "shop", "stripe", "stripe_server"]
