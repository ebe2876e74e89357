"""Which plans exclude each other: of one group a customer has one live subscription at most, as the operator has set it."""

from models import LIVE, Plan, Subscription, SubscriptionChange, SubscriptionChangeStatus
from services.errors import AlreadySubscribed
from settings import OneSubscriptionPer

TAKEN = "You have a subscription of this kind already: change or cancel it."


async def excluding(per: OneSubscriptionPer, plan: Plan) -> list[str]:
    """The ids of the plans of which a customer has one at most if they have this: it and its group; none where nothing excludes."""
    if per is OneSubscriptionPer.NONE:
        return []
    if per is OneSubscriptionPer.PLAN or plan.plan_group is None:
        return [plan.id]
    return [row.id for row in await Plan.filter(plan_group=plan.plan_group).only("id")]


async def check_free(per: OneSubscriptionPer, customer_id: str, plan: Plan, *field: str, beside: str | None = None) -> None:
    """Raise AlreadySubscribed when the customer, whose row is locked, has such a subscription, or one is being changed to it.

    `beside` is a subscription that does not count.
    """
    plans = await excluding(per, plan)
    live = Subscription.filter(customer_id=customer_id, plan_id__in=plans, status__in=sorted(LIVE))
    changing = SubscriptionChange.filter(
        customer_id=customer_id,
        status=SubscriptionChangeStatus.PENDING.value,
        price__plan_id__in=plans,
        subscription__status__in=sorted(LIVE),
    )
    for taken, column in ((live, "id"), (changing, "subscription_id")) if plans else ():
        if await taken.exclude(**{column: beside} if beside else {"id": ""}).exists():
            raise AlreadySubscribed(TAKEN, *field)
