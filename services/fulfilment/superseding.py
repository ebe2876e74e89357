"""A thing that was paid is not to be paid again: what else stands open for it is staged to be closed, and a second payment to go back."""

from models import LIVE, OutboxKind, Payment, PaymentStatus, Plan, PlanKind, Subscription
from models.persistence import find
from services import outbox

STANDING = (PaymentStatus.SUCCEEDED.value, PaymentStatus.PARTIALLY_REFUNDED.value)
"""Payments by which a package is held, and that can be given back."""


async def supersede_by_payment(payment: Payment) -> None:
    """For a package that is sold once, whose payment has just come in."""
    plan = await find(Plan, id=payment.plan_id) if payment.plan_id and payment.customer_id else None
    if plan is None or plan.kind != PlanKind.PACKAGE or plan.repeatable or payment.subscription_id or payment.invoice_id:
        return
    await outbox.stage(OutboxKind.CLOSE_CHECKOUTS, payment.id)
    held = Payment.filter(customer_id=payment.customer_id, plan_id=plan.id, status__in=STANDING, subscription_id=None, invoice_id=None)
    if await held.exclude(id=payment.id).exists():
        await outbox.stage(OutboxKind.RETURN_DUPLICATE, payment.id)


async def supersede_by_subscription(subscription: Subscription) -> None:
    """For a subscription that has just begun."""
    if subscription.plan_id is None or subscription.status not in LIVE:
        return
    await outbox.stage(OutboxKind.CLOSE_CHECKOUTS, subscription.id)
    running = Subscription.filter(customer_id=subscription.customer_id, plan_id=subscription.plan_id, status__in=sorted(LIVE))
    if await running.exclude(id=subscription.id).exists():
        await outbox.stage(OutboxKind.END_DUPLICATE, subscription.id)
