"""Stripe's objects as every API version shapes them: the one place that knows where a field stood when.

Pure functions on plain dicts. UnknownShape is raised where a thing that every version has is missing. Each module says what moved for its
objects (docs.stripe.com/changelog).
"""

from services.stripe_shapes.discounts import coupon_id, coupon_products, percent_off, session_promotion_code
from services.stripe_shapes.invoices import (
    Line,
    Settlement,
    credit_applied,
    discount_over,
    invoice_item,
    invoice_lines,
    invoice_subscription,
    is_draft,
    lacks_lines,
    paid_at,
    settlement,
    tax,
)
from services.stripe_shapes.payments import (
    Failure,
    Method,
    captured,
    evidence_due_by,
    failure_of_intent,
    given_back,
    latest_charge,
    method_of_charge,
    method_of_intent,
    refunds,
)
from services.stripe_shapes.subscriptions import Item, Recurring, collection_paused, ends_at, items, payment_method, period, recurring

__all__ = [
    "Failure",
    "Item",
    "Line",
    "Method",
    "Recurring",
    "Settlement",
    "captured",
    "collection_paused",
    "coupon_id",
    "coupon_products",
    "credit_applied",
    "discount_over",
    "ends_at",
    "evidence_due_by",
    "failure_of_intent",
    "given_back",
    "invoice_item",
    "invoice_lines",
    "invoice_subscription",
    "is_draft",
    "items",
    "lacks_lines",
    "latest_charge",
    "method_of_charge",
    "method_of_intent",
    "paid_at",
    "payment_method",
    "percent_off",
    "period",
    "recurring",
    "refunds",
    "session_promotion_code",
    "settlement",
    "tax",
]
