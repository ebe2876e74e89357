"""Payments that have waited long for Stripe's word."""

from datetime import UTC, datetime, timedelta

from models import Payment, PaymentStatus
from services.billing import Billing
from services.mirror import write

BATCH = 20
"""Rows that one round takes."""

WAITING_AFTER = timedelta(minutes=15)
WAITING_FOR = timedelta(days=7)
"""Payments that began longer ago than the first and less long than the second, and are still open, are read again."""

WAITING = (PaymentStatus.PENDING, PaymentStatus.REQUIRES_ACTION, PaymentStatus.PROCESSING)


class WaitingPayments:
    """Walks the payments that wait for Stripe's word, oldest first, again and again: a webhook may have been missed."""

    def __init__(self, billing: Billing) -> None:
        self._billing = billing
        self._after = ""

    async def round(self) -> int:
        """Read the next batch from Stripe and write it; how many were read. At the end it begins anew."""
        now = datetime.now(UTC)
        waiting = Payment.filter(status__in=WAITING, id__gt=self._after, stripe_payment_intent_id__not_isnull=True)
        batch = await waiting.filter(created_at__gt=now - WAITING_FOR, created_at__lt=now - WAITING_AFTER).order_by("id").limit(BATCH)
        for row in batch:
            self._after = row.id
            await self._read(row.stripe_payment_intent_id or "")
        self._after = self._after if len(batch) == BATCH else ""
        return len(batch)

    async def _read(self, intent_id: str) -> None:
        snapshot = await self._billing.stripe.retrieve("payment_intent", intent_id)
        if snapshot is not None:
            await write(self._billing, snapshot)
