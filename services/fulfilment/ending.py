"""A subscription of instalments ends by itself: that Stripe is told its end is staged while it has none."""

from models import LIVE, OutboxKind, Price, Subscription, SubscriptionStatus
from models.persistence import find
from services import outbox

ENDLESSLY = LIVE - {SubscriptionStatus.INCOMPLETE}
"""What goes on unless an end is planned; one whose first payment is still to come may never begin."""


async def end_by_instalments(subscription: Subscription) -> None:
    """For a subscription that was changed."""
    if subscription.cancel_at is not None or subscription.status not in ENDLESSLY:
        return
    price = await find(Price, id=subscription.price_id) if subscription.price_id else None
    if price is not None and price.instalments is not None:
        await outbox.stage(OutboxKind.PLAN_END, subscription.id)
