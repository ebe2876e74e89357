"""A thing that was paid is not to be paid again: what else stands open for it is staged to be closed, and a second payment to go back."""

from models import (
    LIVE,
    AuditEntry,
    CheckoutSession,
    Customer,
    OutboxKind,
    Payment,
    PaymentStatus,
    Plan,
    PlanKind,
    Subscription,
    SubscriptionChange,
    SubscriptionStatus,
)
from models.persistence import find, lock_id
from services import outbox
from services.audit import ITSELF
from services.plan_groups import excluding
from settings import OneSubscriptionPer

STANDING = (PaymentStatus.SUCCEEDED.value, PaymentStatus.PARTIALLY_REFUNDED.value)
"""Payments by which a package is held, and that can be given back."""

BEGUN = sorted(LIVE - {SubscriptionStatus.INCOMPLETE})
"""Subscriptions that run; one whose first payment is still to come may never begin."""


async def supersede_by_payment(payment: Payment, *, first: bool) -> None:
    """For a payment that has just come in (`first`), or stands again after a dispute or a refund that failed."""
    if payment.subscription_id:
        await _of_ended(payment.subscription_id)
        return
    if not await _is_sold_once(payment):
        return
    if first:
        await outbox.stage(OutboxKind.CLOSE_CHECKOUTS, payment.id)
    await _alone(str(payment.customer_id))
    held = Payment.filter(
        customer_id=payment.customer_id, plan_id=payment.plan_id, status__in=STANDING, subscription_id=None, invoice_id=None
    )
    if await held.exclude(id=payment.id).exists():
        await outbox.stage(OutboxKind.RETURN_DUPLICATE, payment.id)


async def supersede_on_the_way(payment: Payment) -> None:
    """For a payment that a bank has begun to settle: what else stands open for the same would be paid beside it."""
    if not payment.subscription_id and await _is_sold_once(payment):
        await outbox.stage(OutboxKind.CLOSE_CHECKOUTS, payment.id)


async def supersede_by_subscription(subscription: Subscription, *, begun: bool, asked: bool) -> None:
    """For a subscription that has just begun, or has got another plan: then what runs beside it is ended only where our customer `asked`.

    That was refused while anything ran beside it, so it has begun since then; who switches in Stripe's portal may have both.
    """
    if subscription.plan_id is None or subscription.status not in LIVE:
        return
    await outbox.stage(OutboxKind.CLOSE_CHECKOUTS, subscription.id)
    await _alone(subscription.customer_id)
    others = [row for row in await _running(OneSubscriptionPer.GROUP, subscription) if row.id != subscription.id]
    if begun and others:
        await outbox.stage(OutboxKind.END_DUPLICATE, subscription.id)
    elif asked or await SubscriptionChange.filter(pending_subscription_id=subscription.id, price__plan_id=subscription.plan_id).exists():
        for row in others:
            if row.created_at >= subscription.created_at:
                await outbox.stage(OutboxKind.END_DUPLICATE, row.id)


async def _alone(customer_id: str) -> None:
    """Until this transaction ends no other one decides about the same customer without seeing what it has written."""
    await lock_id(Customer, customer_id)


async def running_beside(per: OneSubscriptionPer, subject: Subscription) -> list[Subscription]:
    """The subscriptions of the same customer that run and exclude each other, the subject too, as far as our checkouts began them."""
    running = await _running(per, subject)
    sessions = await CheckoutSession.filter(subscription_id__in=[row.id for row in running])
    ours = {session.subscription_id for session in sessions}
    return [row for row in running if row.id in ours]


async def _running(per: OneSubscriptionPer, subject: Subscription) -> list[Subscription]:
    plan = await find(Plan, id=subject.plan_id) if subject.plan_id else None
    plans = await excluding(per, plan) if plan else []
    return await Subscription.filter(customer_id=subject.customer_id, plan_id__in=plans, status__in=BEGUN) if plans else []


async def ended_as_duplicate(subscription_id: str) -> bool:
    """Whether we have ended, or set out to end, the subscription because the customer had the same already."""
    return await AuditEntry.filter(object_id=subscription_id, action="subscription.cancel", actor=ITSELF).exists()


async def _of_ended(subscription_id: str) -> None:
    """What comes in for a subscription that was ended as a duplicate goes back."""
    subscription = await find(Subscription, id=subscription_id)
    if subscription is not None and subscription.status not in LIVE and await ended_as_duplicate(subscription_id):
        await outbox.stage(OutboxKind.END_DUPLICATE, subscription_id)


async def _is_sold_once(payment: Payment) -> bool:
    plan = await find(Plan, id=payment.plan_id) if payment.plan_id and payment.customer_id and not payment.invoice_id else None
    return plan is not None and plan.kind == PlanKind.PACKAGE and not plan.repeatable
