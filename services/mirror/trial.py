"""Stripe's word that a trial ends soon."""

from models import Subscription, SubscriptionStatus
from models.persistence import find
from services import stripe_fields as fields
from services.deliveries.events import trial_will_end
from services.journal import tell
from services.mirror.known import Known
from services.mirror.outcome import Outcome
from services.mirror.subscription import mirror_subscription
from services.snapshot import Snapshot


async def expect_trial_end(snapshot: Snapshot, known: Known) -> Outcome:
    """Write the subscription as any event of it, and tell destinations once that its trial ends."""
    outcome = await mirror_subscription(snapshot, known)
    row = await find(Subscription, stripe_subscription_id=fields.identifier(snapshot.object))
    if row is not None and row.status == SubscriptionStatus.TRIALING and row.trial_ends_at is not None:
        tell(trial_will_end(row))
    return outcome
