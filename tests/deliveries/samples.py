"""One delivery of each type, as docs/events.md shows them: made by the code that makes the real ones."""

import json
from datetime import UTC, datetime
from typing import Any

from models import CreditEntry, Customer, Dispute, Entitlement, Invoice, Payment, Refund, RefundRequest, Subscription
from models.record import Record
from services.deliveries.events import EVENT_TYPES, Event
from services.deliveries.payloads import COLUMNS, payload_of

AT = datetime(2026, 11, 20, 12, 30, 15, tzinfo=UTC)
END = datetime(2026, 12, 20, 12, 30, 15, tzinfo=UTC)
DIGITS = "06b3h2a4d5xm0f1qk7c8n9p2r3"

OWNED = {"customer_id": f"cust_{DIGITS}", "seller_id": f"sel_{DIGITS}", "currency": "USD"}
PAYMENT: dict[str, Any] = OWNED | {"amount": 4900, "plan_id": f"plan_{DIGITS}", "price_id": f"prc_{DIGITS}"}
SUBSCRIPTION: dict[str, Any] = OWNED | {
    "plan_id": f"plan_{DIGITS}",
    "price_id": f"prc_{DIGITS}",
    "monthly_amount": 4900,
    "current_period_start": AT,
    "current_period_end": END,
    "stripe_subscription_id": "sub_1",
}
REFUND: dict[str, Any] = OWNED | {"payment_id": f"pay_{DIGITS}", "amount": 900, "reason": "DUPLICATE"}
REQUEST: dict[str, Any] = OWNED | {"payment_id": f"pay_{DIGITS}", "amount": 900, "reason": "Too slow"}
DISPUTE: dict[str, Any] = OWNED | {"payment_id": f"pay_{DIGITS}", "amount": 4900, "reason": "fraudulent", "evidence_due_by": END}
INVOICE: dict[str, Any] = OWNED | {"number": "F-0001", "reference": "order-1042", "total": 9000, "due_at": END}
RIGHT: dict[str, Any] = {"customer_id": OWNED["customer_id"], "feature": "course", "payment_id": f"pay_{DIGITS}", "starts_at": AT}
RIGHT |= {"plan_id": f"plan_{DIGITS}", "subscription_id": None}
ENDED = {"status": "CANCELED", "canceled_at": AT, "ended_at": AT, "monthly_amount": 0}

ROWS: dict[str, tuple[type[Record], dict[str, Any]]] = {
    "payment.succeeded": (Payment, PAYMENT | {"status": "SUCCEEDED", "succeeded_at": AT}),
    "payment.failed": (
        Payment,
        PAYMENT | {"status": "FAILED", "failure_code": "card_declined", "failure_decline_code": "insufficient_funds"},
    ),
    "payment.refunded": (Payment, PAYMENT | {"status": "PARTIALLY_REFUNDED", "amount_refunded": 900, "succeeded_at": AT}),
    "refund.succeeded": (Refund, REFUND | {"status": "SUCCEEDED"}),
    "refund.failed": (Refund, REFUND | {"status": "FAILED", "failure_reason": "lost_or_stolen_card"}),
    "refund_request.created": (RefundRequest, REQUEST),
    "refund_request.decided": (RefundRequest, REQUEST | {"status": "APPROVED", "refund_id": f"rfd_{DIGITS}", "decided_at": AT}),
    "refund_request.withdrawn": (RefundRequest, REQUEST | {"status": "WITHDRAWN", "decided_at": AT}),
    "dispute.created": (Dispute, DISPUTE | {"status": "NEEDS_RESPONSE", "stripe_status": "needs_response"}),
    "dispute.closed": (Dispute, DISPUTE | {"status": "WON", "stripe_status": "won"}),
    "subscription.created": (Subscription, SUBSCRIPTION | {"status": "ACTIVE"}),
    "subscription.updated": (Subscription, SUBSCRIPTION | {"status": "ACTIVE", "quantity": 3, "monthly_amount": 14_700}),
    "subscription.past_due": (Subscription, SUBSCRIPTION | {"status": "PAST_DUE"}),
    "subscription.canceled": (Subscription, SUBSCRIPTION | ENDED),
    "subscription.trial_will_end": (Subscription, SUBSCRIPTION | {"status": "TRIALING", "trial_ends_at": END}),
    "invoice.paid": (Invoice, INVOICE | {"status": "PAID", "amount_paid": 9000}),
    "invoice.voided": (Invoice, INVOICE | {"status": "VOID", "voided_at": AT}),
    "entitlement.opened": (Entitlement, RIGHT),
    "entitlement.updated": (Entitlement, RIGHT | {"disputed": True}),
    "entitlement.closed": (Entitlement, RIGHT | {"revoked_reason": "refunded", "active_until": AT}),
    "customer.erased": (Customer, {"erased_at": AT}),
    "credits.changed": (
        CreditEntry,
        {"customer_id": OWNED["customer_id"], "amount": -3, "balance_after": 97, "kind": "USE", "description": "Export"},
    ),
}


def bare(kind: type[Record], /, **columns: Any) -> Record:
    """A row made without a database, where the models know nothing of their foreign keys yet; nothing of that must be kept for later."""
    row = kind.__new__(kind)
    fields = kind._meta.fields_map
    blank = {column: None for column in COLUMNS.get(kind, "").split() if column not in fields}
    defaults = {name: field.default() if callable(field.default) else field.default for name, field in fields.items()}
    row.__dict__.update(defaults | blank | {"id": f"{kind.prefix}_{DIGITS}", "created_at": AT} | columns)
    return row


def sample(name: str) -> str:
    kind, columns = ROWS[name]
    row = bare(kind, **columns)
    return payload_of(Event(name, row), f"bev_{DIGITS}", AT, None if kind is Customer else "user-42")


def event_samples() -> str:
    parts = ["| Event | What happened |", "|---|---|", *(f"| `{name}` | {meaning} |" for name, meaning in EVENT_TYPES.items())]
    for name in EVENT_TYPES:
        parts += ["", f"### {name}", "", "```json", json.dumps(json.loads(sample(name)), indent=2), "```"]
    return "\n".join(parts)
