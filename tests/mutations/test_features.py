"""What a plan gives is read from the plan, whenever somebody got it."""

from dataclasses import replace

from services.billing import Billing
from services.catalogue import save_plan
from services.customers import row_of
from tests.resolvers.asking import Asking
from tests.services.shop import ALICE, PRO, subscribed

SUBSCRIPTIONS = "{ subscriptions { nodes { status entitled plan { code features } } } }"


async def test_new_features_reach_those_who_have_the_plan(asking: Asking, shop: Billing) -> None:
    await subscribed(ALICE, (await row_of(ALICE.viewer)).id)
    for features in ((), ("api", "export"), ("export",)):
        await save_plan(shop, replace(PRO, features=features))
        (held,) = (await asking.ask("owner", SUBSCRIPTIONS))["subscriptions"]["nodes"]
        assert held == {"status": "ACTIVE", "entitled": True, "plan": {"code": "pro", "features": list(features)}}
