"""What was paid twice, or beyond what was due, goes back by itself.

It happens when two pages are open for one thing and both are paid. What is decided here follows the truth at Stripe, read just before, and
the rows locked; so that several workers, and any order of events, give back once.
"""

from typing import Any

from tortoise.queryset import QuerySet

from models import LIVE, PAID, CheckoutSession, Invoice, InvoiceStatus, Payment, RefundReason, Subscription
from models.database import transaction
from services import audit, refunds
from services.billing import Billing
from services.fulfilment.standing import kept_of
from services.fulfilment.superseding import STANDING
from services.mirror import write

TWICE = "Paid twice: the second payment goes back."
TOO_MUCH = "Paid more than was due: the rest goes back."
BEGUN_TWICE = "Subscribed twice: the second subscription ends, and what it cost goes back."


async def return_duplicate(billing: Billing, payment_id: str) -> None:
    """Give back the latest of the payments by which a customer holds one package twice, none earlier than the one named."""
    subject = await Payment.get(id=payment_id)
    await _read(billing, _holding(subject))
    async with transaction():
        held = await _holding(subject).order_by("id").select_for_update(no_key=True)
        held = [row for row in held if await refunds.left_of(row) > 0]
        latest = max(held, key=_came_in, default=subject)
        twice = len(held) > 1 and _came_in(latest) >= _came_in(subject)
        begun = await _begin(latest, await refunds.left_of(latest), TWICE) if twice else None
    await _finish(billing, [begun] if begun else [])


async def return_excess(billing: Billing, invoice_id: str) -> None:
    """Give back what was paid beyond an issued invoice's total, or at all when it is void, from the latest payments first."""
    paid = Payment.filter(invoice_id=invoice_id, status__in=sorted(PAID))
    await _read(billing, paid)
    begun = []
    async with transaction():
        rows = await paid.order_by("id").select_for_update(no_key=True)
        invoice = await Invoice.filter(id=invoice_id).select_for_update(no_key=True).get()
        left = {row.id: await refunds.left_of(row) for row in rows if row.status in STANDING}
        contested = [await kept_of(row) for row in rows if row.id not in left]
        excess = sum(left.values()) + sum(contested) - (0 if invoice.status == InvoiceStatus.VOID else invoice.total)
        for row in sorted(rows, key=_came_in, reverse=True):
            amount = min(excess, left.get(row.id, 0))
            if amount > 0:
                begun.append(await _begin(row, amount, TOO_MUCH))
                excess -= amount
    await _finish(billing, begun)


async def end_duplicate(billing: Billing, subscription_id: str) -> None:
    """End the latest of the subscriptions that a customer has begun to one plan in our checkouts, and give back what was paid for it."""
    subject = await Subscription.get(id=subscription_id)
    for row in await _running(subject):
        await _read_one(billing, "subscription", row.stripe_subscription_id)
    running = sorted(await _running(subject), key=lambda row: (row.created_at, row.id))
    if len(running) < 2 or (running[-1].created_at, running[-1].id) < (subject.created_at, subject.id):
        return
    latest = running[-1]
    await _end(billing, latest)
    async with transaction():
        payments = await Payment.filter(subscription_id=latest.id, status__in=STANDING).order_by("id").select_for_update(no_key=True)
        left = [(payment, await refunds.left_of(payment)) for payment in payments]
        begun = [await _begin(payment, amount, BEGUN_TWICE) for payment, amount in left if amount > 0]
    await _finish(billing, begun)


async def _end(billing: Billing, row: Subscription) -> None:
    stripe_id = row.stripe_subscription_id
    ended = await billing.stripe.call("subscription.cancel", lambda client: client.v1.subscriptions.cancel_async(stripe_id))
    async with transaction():
        await audit.record(None, "subscription.cancel", row.id, reason=BEGUN_TWICE)
    await write(billing, ended)


async def _running(subject: Subscription) -> list[Subscription]:
    """Live subscriptions of the same customer to the same plan, as far as our checkouts began them."""
    live = await Subscription.filter(customer_id=subject.customer_id, plan_id=subject.plan_id, status__in=sorted(LIVE))
    sessions = await CheckoutSession.filter(subscription_id__in=[row.id for row in live])
    ours = {session.subscription_id for session in sessions}
    return [row for row in live if row.id in ours]


def _holding(subject: Payment) -> QuerySet[Payment]:
    return Payment.filter(
        customer_id=subject.customer_id, plan_id=subject.plan_id, status__in=STANDING, subscription_id=None, invoice_id=None
    )


def _came_in(row: Payment) -> tuple[Any, str]:
    return row.succeeded_at or row.created_at, row.id


async def _begin(payment: Payment, amount: int, why: str) -> str:
    return await refunds.begin_refund(None, payment, amount, RefundReason.DUPLICATE, why)


async def _finish(billing: Billing, refund_ids: list[str]) -> None:
    for refund_id in refund_ids:
        await refunds.finish(billing, refund_id)


async def _read(billing: Billing, payments: QuerySet[Payment]) -> None:
    for row in await payments.order_by("id"):
        await _read_one(billing, "payment_intent", row.stripe_payment_intent_id)


async def _read_one(billing: Billing, kind: str, stripe_id: str | None) -> None:
    snapshot = await billing.stripe.retrieve(kind, stripe_id) if stripe_id else None
    if snapshot is not None:
        await write(billing, snapshot)
