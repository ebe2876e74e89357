"""Which events there are, and which changes of rows they come of. docs/events.md shows them to those who receive them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from models import (
    COME_BACK,
    ENDED,
    PAID,
    SETTLED,
    CreditEntry,
    Customer,
    Dispute,
    Entitlement,
    Invoice,
    InvoiceStatus,
    Payment,
    PaymentStatus,
    Refund,
    RefundRequest,
    RefundStatus,
    Subscription,
    SubscriptionStatus,
)
from models.record import Record
from services.row_change import Change

EVENT_TYPES = {
    "payment.succeeded": "A payment is paid; told once.",
    "payment.failed": "A payment came to nothing: the card was declined, or the bank refused.",
    "payment.refunded": "More of a payment was given back, `amountRefunded` in all.",
    "refund.succeeded": "A refund is with the customer's bank.",
    "refund.failed": "A refund came back, or was canceled: the customer has not got it.",
    "refund_request.created": "A customer asks for money back.",
    "refund_request.decided": "Support approved or rejected what was asked.",
    "refund_request.withdrawn": "The customer took back what they asked.",
    "dispute.created": "A payer's bank asks for money back, or about it.",
    "dispute.closed": "A dispute is won, lost, or was prevented; `stripeStatus` has Stripe's word.",
    "subscription.created": "There is a new subscription, whatever its status.",
    "subscription.updated": "Anything else of a subscription changed: status, plan, quantity, period, planned end.",
    "subscription.past_due": "A period could not be charged; the days of grace begin.",
    "subscription.canceled": "A subscription has ended.",
    "subscription.trial_will_end": "A trial ends in three days (sooner for a shorter one); told once for each end of a trial.",
    "invoice.paid": "Nothing is due of an invoice any more.",
    "invoice.voided": "An invoice was taken back.",
    "entitlement.opened": "A customer may use a feature.",
    "entitlement.updated": "An entitlement is past due, disputed or runs out, or no longer so.",
    "entitlement.closed": "A customer may not use a feature any more, or will not from `endsAt` on.",
    "customer.erased": "A customer was erased here: do the same where you know them by `customerId`; nothing else names them.",
    "credits.changed": "Something was booked on a customer's credits; `balanceAfter` is what there is now.",
}
"""Event type -> what it says."""

UPDATES = frozenset(
    "status plan_id price_id quantity collection_paused resumes_at current_period_end trial_ends_at cancel_at_period_end cancel_at".split()
)
"""Columns of a subscription that its event is about."""

RIGHTS = frozenset({"active_until", "past_due_since", "disputed", "revoked_reason"})
"""Columns of an entitlement that its event is about."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a row. With a `cause`, destinations are told of it once."""

    type: str
    row: Record
    cause: str | None = None


def events_of(changes: Iterable[Change]) -> list[Event]:
    """The events that changes in this order come to; each shows its row as it was last written."""
    kept = [one for one in changes if type(one.row) in TELLING]
    last = {one.row.id: one.row for one in kept}
    return [Event(name, last[one.row.id]) for one in kept for name in TELLING[type(one.row)](one)]


def trial_will_end(row: Subscription) -> Event:
    """The event of a trial that ends soon."""
    return Event("subscription.trial_will_end", row, f"trial_will_end {row.id} {row.trial_ends_at}")


def customer_erased(row: Customer) -> Event:
    """The event of a customer who is erased by now."""
    return Event("customer.erased", row, f"customer_erased {row.id}")


def moved(one: Change) -> tuple[Any, Any] | None:
    """The status before, None for a new row, and now; None where it is the same."""
    if one.before is None:
        return None, one.after["status"]
    return (one.before["status"], one.after["status"]) if "status" in one.before else None


def _payment(one: Change) -> Iterable[str]:
    before, now = moved(one) or (None, None)
    if now in PAID and before not in PAID:
        yield "payment.succeeded"
    if now == PaymentStatus.FAILED:
        yield "payment.failed"
    if one.after.get("amount_refunded", 0) > (one.before or {}).get("amount_refunded", 0):
        yield "payment.refunded"


def _refund(one: Change) -> Iterable[str]:
    _, now = moved(one) or (None, None)
    if now == RefundStatus.SUCCEEDED:
        yield "refund.succeeded"
    if now in COME_BACK:
        yield "refund.failed"


def _dispute(one: Change) -> Iterable[str]:
    before, now = moved(one) or (None, None)
    if one.before is None:
        yield "dispute.created"
    if now in SETTLED and before not in SETTLED:
        yield "dispute.closed"


def _subscription(one: Change) -> Iterable[str]:
    before, now = moved(one) or (None, None)
    if one.before is None:
        yield "subscription.created"
    if now in ENDED and before not in ENDED:
        yield "subscription.canceled"
    elif now == SubscriptionStatus.PAST_DUE:
        yield "subscription.past_due"
    elif one.before is not None and UPDATES & one.before.keys():
        yield "subscription.updated"


def _invoice(one: Change) -> Iterable[str]:
    _, now = moved(one) or (None, None)
    if now == InvoiceStatus.PAID:
        yield "invoice.paid"
    if now == InvoiceStatus.VOID:
        yield "invoice.voided"


def _entitlement(one: Change) -> Iterable[str]:
    if one.before is None or one.before.get("revoked_reason") is not None:
        closed = one.after.get("revoked_reason") is not None
        yield "entitlement.updated" if one.before and closed else "entitlement.closed" if closed else "entitlement.opened"
    elif "revoked_reason" in one.before:
        yield "entitlement.closed"
    elif RIGHTS & one.before.keys():
        yield "entitlement.updated"


def _credit_entry(_: Change) -> Iterable[str]:
    yield "credits.changed"


TELLING: dict[type[Record], Callable[[Change], Iterable[str]]] = {
    Payment: _payment,
    Refund: _refund,
    Dispute: _dispute,
    Subscription: _subscription,
    Invoice: _invoice,
    Entitlement: _entitlement,
    CreditEntry: _credit_entry,
}
"""Kind of row -> the events of one change of it. Those of a RefundRequest are told by the service that writes it."""

REQUESTED = {"PENDING": "created", "APPROVED": "decided", "REJECTED": "decided", "WITHDRAWN": "withdrawn"}
"""Status of a refund request -> the event that it came to."""


def request_event(row: RefundRequest) -> Event:
    """The event of a refund request that was just made or closed."""
    return Event(f"refund_request.{REQUESTED[row.status]}", row)
