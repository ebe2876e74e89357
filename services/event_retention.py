"""Keeping the inbox small: payloads of handled events go after a time, their rows stay."""

from datetime import UTC, datetime, timedelta

from models import WebhookEvent, WebhookEventStatus
from services.billing import Billing

PRUNED_AT_ONCE = 500
"""Payloads that one round prunes."""

HANDLED = (WebhookEventStatus.PROCESSED.value, WebhookEventStatus.IGNORED.value, WebhookEventStatus.STALE.value)
"""Events that nothing is to be done about any more; a failed one keeps its payload."""

NOTHING = "{}"
"""What is left of a payload."""


async def prune_payloads(billing: Billing) -> int:
    """Prune payloads handled longer ago than WEBHOOK_PAYLOAD_DAYS, a bounded number at once; how many. None when the setting is 0."""
    days = billing.settings.webhook_payload_days
    if not days:
        return 0
    now = datetime.now(UTC)
    old = WebhookEvent.filter(payload_pruned_at__isnull=True, processed_at__lt=now - timedelta(days=days), status__in=HANDLED)
    ids = await old.order_by("processed_at").limit(PRUNED_AT_ONCE).values_list("id", flat=True)
    return await WebhookEvent.filter(id__in=ids, status__in=HANDLED).update(payload=NOTHING, payload_pruned_at=now) if ids else 0
