"""What Stripe is asked for a query: what a change of a subscription would cost."""

from typing import Any

from resolvers.context import Context
from resolvers.mutations.subscribing import asked
from services.plan_changes import PlanChange, Preview, ProrationBehavior, preview_change


async def preview_subscription_change(context: Context, arguments: dict[str, Any]) -> Preview:
    """The owner of the subscription, and staff. Raises the Refusals of services.plan_changes."""
    change = PlanChange(
        price_id=arguments["priceId"],
        quantity=arguments.get("quantity"),
        proration=arguments.get("proration") or ProrationBehavior.CREATE_PRORATIONS,
        proration_date=arguments.get("prorationDate"),
    )
    return await preview_change(context.billing, asked(context, arguments["id"]), change)
