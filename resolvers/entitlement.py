"""Whether a subscription lets its holder in."""

from datetime import UTC, datetime, timedelta

from models import SubscriptionStatus
from models.rows import Row
from resolvers.context import Context


def entitled(subscription: Row, context: Context) -> bool:
    """Trialing and active do; past due does for the settings' days of grace after `past_due_since`, or from now on if that is unknown."""
    if subscription.status in (SubscriptionStatus.TRIALING, SubscriptionStatus.ACTIVE):
        return True
    if subscription.status != SubscriptionStatus.PAST_DUE:
        return False
    grace = timedelta(days=context.billing.settings.past_due_grace_days)
    since: datetime | None = subscription.past_due_since
    return since is None or datetime.now(UTC) < since + grace
