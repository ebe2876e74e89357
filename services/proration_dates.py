"""As of when a change is prorated: as of now, or of a preview of just before.

Whoever could choose another moment would have a dear plan for nothing until its period ends, or be credited for time that they used.
"""

from datetime import UTC, datetime, timedelta

from models import Subscription, SubscriptionChange, SubscriptionChangeKind, SubscriptionChangeStatus
from services import stripe_shapes as shapes
from services.errors import InvalidInput
from services.snapshot import Snapshot

KEPT = timedelta(hours=1)
"""How long after a preview its date is taken, by Stripe's clock."""

CHANGES = 20
"""Newest changes of a subscription that are looked through for the date of the last one."""


async def proration_date(subscription: Subscription, told: Snapshot, wanted: datetime | None) -> datetime:
    """The wanted date, else that of the reading, which is of the subscription.

    Raises InvalidInput for one that is still to come, older than KEPT, of another period, or before the last change.
    """
    start, end = shapes.period(told.object)
    now = max(start, min(datetime.fromtimestamp(told.version, UTC), end))
    if wanted is None:
        return now
    if not max(start, now - KEPT, await _last_change(subscription, start)) <= wanted <= now:
        raise InvalidInput(
            "The date to prorate from is that of a preview of the last hour, with no change since: ask for a new one.", "prorationDate"
        )
    return wanted


async def _last_change(subscription: Subscription, otherwise: datetime) -> datetime:
    done = SubscriptionChange.filter(
        subscription_id=subscription.id, kind=SubscriptionChangeKind.CHANGE.value, status=SubscriptionChangeStatus.DONE.value
    )
    dates = [row.parameters.get("proration_date") for row in await done.order_by("-id").limit(CHANGES)]
    return max((datetime.fromtimestamp(date, UTC) for date in dates if date is not None), default=otherwise)
