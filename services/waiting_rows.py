"""Rows that have waited long for Stripe's word: read again, since a webhook may have been missed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tortoise.queryset import QuerySet

from models import (
    LIVE,
    CheckoutSession,
    CheckoutStatus,
    Dispute,
    Invoice,
    InvoiceStatus,
    Payment,
    PaymentStatus,
    Refund,
    RefundStatus,
    Subscription,
)
from services.billing import Billing
from services.mirror import write
from services.reconciliation.kinds import OPEN_DISPUTES

BATCH = 20
"""Rows that one round takes."""

WAITING_AFTER = timedelta(minutes=15)
WAITING_FOR = timedelta(days=7)
"""Payments that began longer ago than the first and less long than the second, and are still open, are read again."""

REFUNDS_FOR = timedelta(days=60)
"""Refunds take up to 30 days to be told final where a bank has to be asked (docs.stripe.com/refunds); later, reconciling finds them."""

RENEWED_AFTER = timedelta(hours=1)
"""Subscriptions whose period ended longer ago: Stripe has renewed or ended them an hour after (docs.stripe.com/billing/invoices)."""

WAITING_INVOICES = (InvoiceStatus.DRAFT, InvoiceStatus.OPEN, InvoiceStatus.PARTIALLY_PAID)
WAITING_PAYMENTS = (PaymentStatus.PENDING, PaymentStatus.REQUIRES_ACTION, PaymentStatus.PROCESSING)
WAITING_REFUNDS = (RefundStatus.PENDING, RefundStatus.REQUIRES_ACTION)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Rows that wait: `kind` is Stripe's word for their objects, whose ids are in `column`; `rows` finds them at a moment."""

    name: str
    kind: str
    column: str
    rows: Callable[[datetime], QuerySet[Any]]


PAYMENTS = Waiting(
    "payments",
    "payment_intent",
    "stripe_payment_intent_id",
    lambda now: Payment.filter(status__in=WAITING_PAYMENTS, created_at__gt=now - WAITING_FOR, created_at__lt=now - WAITING_AFTER),
)
INVOICES = Waiting(
    "invoices",
    "invoice",
    "stripe_invoice_id",
    lambda now: Invoice.filter(status__in=WAITING_INVOICES, created_at__gt=now - WAITING_FOR, created_at__lt=now - RENEWED_AFTER),
)
REFUNDS = Waiting(
    "refunds",
    "refund",
    "stripe_refund_id",
    lambda now: Refund.filter(status__in=WAITING_REFUNDS, created_at__gt=now - REFUNDS_FOR, created_at__lt=now - WAITING_AFTER),
)
CHECKOUT_SESSIONS = Waiting(
    "checkout_sessions",
    "checkout.session",
    "stripe_session_id",
    lambda now: CheckoutSession.filter(status=CheckoutStatus.OPEN, expires_at__lt=now - WAITING_AFTER),
)
SUBSCRIPTIONS = Waiting(
    "subscriptions",
    "subscription",
    "stripe_subscription_id",
    lambda now: Subscription.filter(status__in=sorted(LIVE), current_period_end__lt=now - RENEWED_AFTER),
)
DISPUTES = Waiting("disputes", "dispute", "stripe_dispute_id", lambda _: Dispute.filter(status__in=OPEN_DISPUTES))


class WaitingRows:
    """Walks the rows that wait, oldest first, again and again."""

    def __init__(self, billing: Billing, waiting: Waiting) -> None:
        self._billing, self._waiting = billing, waiting
        self._after = ""

    async def round(self) -> int:
        """Read the next batch from Stripe and write it; how many were read. At the end it begins anew."""
        waiting = self._waiting
        rows = waiting.rows(datetime.now(UTC)).filter(id__gt=self._after, **{f"{waiting.column}__not_isnull": True})
        batch = await rows.order_by("id").limit(BATCH)
        for row in batch:
            self._after = row.id
            await self._read(getattr(row, waiting.column))
        self._after = self._after if len(batch) == BATCH else ""
        return len(batch)

    async def _read(self, stripe_id: str) -> None:
        snapshot = await self._billing.stripe.retrieve(self._waiting.kind, stripe_id)
        if snapshot is not None:
            await write(self._billing, snapshot)
