"""What is compared: which of Stripe's lists, which of our rows."""

from dataclasses import dataclass
from typing import Any

from models import (
    LIVE,
    SETTLED,
    CheckoutSession,
    CheckoutStatus,
    Customer,
    Dispute,
    DisputeStatus,
    Invoice,
    InvoiceStatus,
    Payment,
    PaymentStatus,
    Plan,
    Price,
    PromotionCode,
    Refund,
    RefundStatus,
    Subscription,
)
from models.record import Record
from services.mirror.writing import MIRRORS

LISTS: dict[str, dict[str, Any]] = {
    "customer": {},
    "product": {},
    "price": {},
    "promotion_code": {},
    "subscription": {"status": "all"},
    "invoice": {},
    "payment_intent": {},
    "checkout.session": {},
    "refund": {},
    "dispute": {},
}
"""Stripe's word for an object -> what its list has to be asked for beside `created`; parents before what belongs to them."""

LISTED = tuple(kind for kind in LISTS if kind in MIRRORS)
"""The lists of what is mirrored."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Our rows of one kind: their Stripe ids are in `column`, and Stripe may move those in the statuses `open` at any time."""

    kind: str
    model: type[Record]
    column: str
    open: tuple[str, ...] = ()


OPEN_PAYMENTS = (PaymentStatus.PENDING, PaymentStatus.REQUIRES_ACTION, PaymentStatus.PROCESSING, PaymentStatus.UNKNOWN)
OPEN_INVOICES = (InvoiceStatus.DRAFT, InvoiceStatus.OPEN, InvoiceStatus.PARTIALLY_PAID, InvoiceStatus.UNCOLLECTIBLE)
OPEN_REFUNDS = (RefundStatus.PENDING, RefundStatus.REQUIRES_ACTION, RefundStatus.UNKNOWN)
OPEN_DISPUTES = tuple(sorted(set(DisputeStatus) - SETTLED))

ROWS = tuple(
    rows
    for rows in (
        Rows("customer", Customer, "stripe_customer_id"),
        Rows("product", Plan, "stripe_product_id"),
        Rows("price", Price, "stripe_price_id"),
        Rows("promotion_code", PromotionCode, "stripe_promotion_code_id"),
        Rows("subscription", Subscription, "stripe_subscription_id", tuple(sorted(LIVE))),
        Rows("payment_intent", Payment, "stripe_payment_intent_id", OPEN_PAYMENTS),
        Rows("invoice", Invoice, "stripe_invoice_id", OPEN_INVOICES),
        Rows("checkout.session", CheckoutSession, "stripe_session_id", (CheckoutStatus.OPEN,)),
        Rows("refund", Refund, "stripe_refund_id", OPEN_REFUNDS),
        Rows("dispute", Dispute, "stripe_dispute_id", OPEN_DISPUTES),
    )
    if rows.kind in MIRRORS
)
"""Our rows of what is mirrored."""
