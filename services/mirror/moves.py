"""Which status may follow which. What is terminal at Stripe never goes back, whatever order its words arrive in."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from models import PAID, CheckoutStatus, DisputeStatus, InvoiceStatus, PaymentStatus, RefundStatus, SubscriptionStatus

Status = TypeVar("Status", bound=StrEnum)
Moves = Mapping[Status, frozenset[Status]]

_ANY_PAYMENT = frozenset(PaymentStatus)
PAYMENT: Moves[PaymentStatus] = {
    PaymentStatus.PENDING: _ANY_PAYMENT,
    PaymentStatus.REQUIRES_ACTION: _ANY_PAYMENT,
    PaymentStatus.PROCESSING: _ANY_PAYMENT,
    PaymentStatus.FAILED: _ANY_PAYMENT,
    PaymentStatus.UNKNOWN: _ANY_PAYMENT,
    PaymentStatus.CANCELED: PAID | {PaymentStatus.CANCELED},
    PaymentStatus.SUCCEEDED: PAID,
    PaymentStatus.PARTIALLY_REFUNDED: PAID,
    PaymentStatus.REFUNDED: PAID,
    PaymentStatus.DISPUTED: PAID,
}
"""FAILED is an attempt of a payment intent that may be tried again. CANCELED may be our own view of an expired checkout, so money that came
in late still counts. A paid payment stays paid; its refunds may fail again."""

_ANY_REFUND = frozenset(RefundStatus)
REFUND: Moves[RefundStatus] = {
    RefundStatus.PENDING: _ANY_REFUND,
    RefundStatus.REQUIRES_ACTION: _ANY_REFUND,
    RefundStatus.UNKNOWN: _ANY_REFUND,
    RefundStatus.SUCCEEDED: frozenset({RefundStatus.SUCCEEDED, RefundStatus.FAILED}),
    RefundStatus.FAILED: frozenset({RefundStatus.FAILED}),
    RefundStatus.CANCELED: frozenset({RefundStatus.CANCELED}),
}
"""A succeeded refund may still come back from the bank (docs.stripe.com/refunds#failed-refunds)."""

_BEGUN = frozenset(SubscriptionStatus) - {SubscriptionStatus.INCOMPLETE, SubscriptionStatus.INCOMPLETE_EXPIRED}
SUBSCRIPTION: Moves[SubscriptionStatus] = {
    SubscriptionStatus.INCOMPLETE: frozenset(SubscriptionStatus),
    SubscriptionStatus.UNKNOWN: frozenset(SubscriptionStatus),
    SubscriptionStatus.TRIALING: _BEGUN,
    SubscriptionStatus.ACTIVE: _BEGUN,
    SubscriptionStatus.PAST_DUE: _BEGUN,
    SubscriptionStatus.UNPAID: _BEGUN,
    SubscriptionStatus.PAUSED: _BEGUN,
    SubscriptionStatus.INCOMPLETE_EXPIRED: frozenset({SubscriptionStatus.INCOMPLETE_EXPIRED}),
    SubscriptionStatus.CANCELED: frozenset({SubscriptionStatus.CANCELED}),
}
"""A subscription that has begun is never incomplete again; one that has ended stays so (docs.stripe.com/billing/subscriptions/overview)."""

_CLOSED_DISPUTE = frozenset({DisputeStatus.WON, DisputeStatus.WARNING_CLOSED, DisputeStatus.PREVENTED})
_APPEALED = frozenset({DisputeStatus.LOST, DisputeStatus.WON, DisputeStatus.APPEAL_NEEDS_RESPONSE, DisputeStatus.APPEAL_UNDER_REVIEW})
_APPEALS = frozenset({DisputeStatus.LOST, DisputeStatus.APPEAL_NEEDS_RESPONSE, DisputeStatus.APPEAL_UNDER_REVIEW})
DISPUTE: Moves[DisputeStatus] = {
    status: frozenset({status}) if status in _CLOSED_DISPUTE else _APPEALED if status in _APPEALS else frozenset(DisputeStatus)
    for status in DisputeStatus
}
"""One that was won, closed or prevented stays so; one that was lost can only be appealed (docs.stripe.com/disputes/how-disputes-work)."""

_FINALIZED = frozenset(InvoiceStatus) - {InvoiceStatus.DRAFT}
INVOICE: Moves[InvoiceStatus] = {
    InvoiceStatus.DRAFT: frozenset(InvoiceStatus),
    InvoiceStatus.OPEN: _FINALIZED,
    InvoiceStatus.PARTIALLY_PAID: _FINALIZED,
    InvoiceStatus.UNCOLLECTIBLE: _FINALIZED,
    InvoiceStatus.PAID: frozenset({InvoiceStatus.PAID}),
    InvoiceStatus.VOID: frozenset({InvoiceStatus.VOID}),
}
"""Stripe's own invoices: one that was finalized is no draft again, and paid or void ones stay so (docs.stripe.com/invoicing/overview)."""

CHECKOUT: Moves[CheckoutStatus] = {
    CheckoutStatus.OPEN: frozenset(CheckoutStatus),
    CheckoutStatus.COMPLETE: frozenset({CheckoutStatus.COMPLETE}),
    CheckoutStatus.EXPIRED: frozenset({CheckoutStatus.EXPIRED}),
}


def may_move(moves: Moves[Status], before: Status, after: Status) -> bool:
    """Whether a row in status `before` may be given status `after`."""
    return after in moves[before]
