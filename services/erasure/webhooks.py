"""Stripe's events about the person: their rows stay, since an event is taken once; what they said goes."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from models import CheckoutSession, Dispute, Erasure, Invoice, Payment, Refund, Subscription, WebhookEvent, WebhookEventStatus
from models.ids import Prefix, earliest_id
from models.record import Record
from services.billing import Billing
from services.erasure.searching import windows
from services.erasure.tables import PAGE, rows_of
from services.erasure.traces import Traces
from services.event_retention import NOTHING

STRIPE_IDS: dict[type[Record], tuple[str, ...]] = {
    CheckoutSession: ("stripe_session_id",),
    Dispute: ("stripe_dispute_id",),
    Invoice: ("stripe_invoice_id",),
    Payment: ("stripe_payment_intent_id", "stripe_charge_id"),
    Refund: ("stripe_refund_id",),
    Subscription: ("stripe_subscription_id",),
}
"""Columns that name the objects of Stripe's that events are about."""


async def erase_events_of_objects(_billing: Billing, _row: Erasure, traces: Traces) -> None:
    """Events about the customer's objects, whether they name the customer or not."""
    async for ids in _stripe_ids(traces):
        await _forget(await WebhookEvent.filter(object_id__in=ids), traces)


async def _stripe_ids(traces: Traces) -> AsyncIterator[list[str]]:
    ids = [traces.stripe_customer_id] if traces.stripe_customer_id else []
    for kind, columns in STRIPE_IDS.items():
        async for row in rows_of(kind, traces):
            ids += [str(value) for column in columns if (value := getattr(row, column))]
            if len(ids) >= PAGE:
                yield ids
                ids = []
    yield ids


async def erase_events(billing: Billing, row: Erasure, traces: Traces) -> None:
    """Every other event that names the customer or their address, as long as payloads are kept; a failed one may be of any age."""
    words = traces.searched()
    for word in words:
        failed = WebhookEvent.filter(status=WebhookEventStatus.FAILED.value, payload_pruned_at=None, payload__icontains=word)
        await _forget(await failed, traces)
    days = billing.settings.webhook_payload_days
    oldest = earliest_id(Prefix.WEBHOOK_EVENT, datetime.now(UTC) - timedelta(days=days + 1)) if days else ""
    async for window in windows(WebhookEvent, "payload", words, max(oldest, row.position.get("after", ""))):
        await _forget(await WebhookEvent.filter(id__in=window.found), traces)
        row.position = row.position | {"after": window.last}
        await row.save(update_fields=["position"])


async def _forget(events: list[WebhookEvent], traces: Traces) -> None:
    """Not one that is still to be applied: it loses its payload with that (services.erasure.late_events)."""
    for event in events:
        if event.status == WebhookEventStatus.FAILED and event.next_attempt_at is not None:
            continue
        gone: dict[str, Any] = {"payload": NOTHING, "payload_pruned_at": event.payload_pruned_at or datetime.now(UTC)}
        gone["error"] = traces.blotted(event.error)
        if event.object_id == traces.stripe_customer_id:
            gone["object_id"] = None
        await WebhookEvent.filter(id=event.id).update(**gone)
