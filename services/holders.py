"""What subscribers of a plan may use follows its features: new ones at once, removed ones at the end of the period that they have paid."""

from models import OutboxKind, Plan, Subscription
from models.database import transaction
from models.persistence import lock_id
from services import checkpoints, outbox
from services.audit import ITSELF
from services.billing import Billing
from services.fulfilment.entitling import OPEN, entitle_subscription
from services.journal import journal

BATCH = 500
"""Subscriptions that one round takes."""


async def apply_features(_billing: Billing, plan_id: str) -> None:
    """Open and close entitlements of the plan's subscribers, a bounded number at once; staged again until all are reached.

    Holders of a package keep what they bought. When the features change meanwhile, it begins anew.
    """
    name, plan = f"features of {plan_id}", await Plan.get(id=plan_id)
    position = await checkpoints.position_of(name)
    after = position["after"] if position and position["features"] == plan.features else ""
    live = Subscription.filter(plan_id=plan_id, status__in=sorted(OPEN), id__gt=after)
    ids = [str(row_id) for row_id in await live.order_by("id").limit(BATCH).values_list("id", flat=True)]
    for row_id in ids:
        await _entitle(row_id)
    if len(ids) < BATCH:
        await checkpoints.forget(name)
        return
    await checkpoints.keep(name, {"after": ids[-1], "features": plan.features})
    async with transaction():
        await outbox.stage(OutboxKind.APPLY_FEATURES, plan_id)


async def _entitle(subscription_id: str) -> None:
    async with transaction(), journal(ITSELF):
        await entitle_subscription(await lock_id(Subscription, subscription_id))
