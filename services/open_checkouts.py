"""What stands open to be paid, and what is closed of it once the thing is paid."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from tortoise.queryset import QuerySet

from models import CheckoutSession, CheckoutStatus, Invoice, InvoiceStatus, Payment, Plan, Subscription
from models.ids import Prefix, prefix_of
from services import checkout, payment_intents
from services.billing import Billing
from services.errors import Refusal, StripeRejected, StripeUnavailable
from services.mirror import write
from services.payment_intents import UNPAID
from services.plan_groups import excluding
from services.stripe_gateway import Request
from settings import OneSubscriptionPer

SUPERSEDED = "This was paid meanwhile in another way."

BEING_MADE = timedelta(minutes=2)
"""A row that is not at Stripe so long after it was written is not being brought there any more."""


async def close_checkouts(billing: Billing, subject_id: str) -> None:
    """Expire the open sessions and cancel the open payment intents for what a payment or a subscription has bought, or of an invoice.

    Of an invoice that is paid in part, only those that ask for more than is due. One that cannot be closed keeps none of the others open.
    Raises the gateway's retryable Refusals.
    """
    await _close(billing, *await _open_for(billing.settings.one_subscription_per, subject_id))


async def close_of(billing: Billing, customer_id: str) -> None:
    """The same for everything that a customer could still pay, subscriptions' invoices apart."""
    sessions = CheckoutSession.filter(customer_id=customer_id, status=CheckoutStatus.OPEN.value)
    payments = Payment.filter(customer_id=customer_id, status__in=UNPAID, subscription_id=None, checkout_session__isnull=True)
    await _close(billing, sessions, payments)


async def _close(billing: Billing, sessions: QuerySet[CheckoutSession], payments: QuerySet[Payment]) -> None:
    closing = [lambda row=row: _expire(billing, row) for row in await sessions.order_by("id")]
    closing += [lambda row=row: _cancel(billing, row) for row in await payments.order_by("id")]
    failed = [refusal for close in closing if (refusal := await _refused(close)) is not None]
    if failed:
        raise failed[0]


async def _refused(close: Callable[[], Awaitable[None]]) -> Refusal | None:
    try:
        await close()
    except Refusal as refusal:
        return refusal
    return None


def sessions_for(customer_id: str, plan_ids: list[str]) -> QuerySet[CheckoutSession]:
    """A customer's open sessions for these plans."""
    return CheckoutSession.filter(customer_id=customer_id, status=CheckoutStatus.OPEN.value, price__plan_id__in=plan_ids)


def payments_for(customer_id: str, plan_id: str) -> QuerySet[Payment]:
    """A customer's payments of a package that wait to be paid in the seller's own page."""
    return Payment.filter(
        customer_id=customer_id, plan_id=plan_id, status__in=UNPAID, subscription_id=None, invoice_id=None, checkout_session__isnull=True
    )


async def _open_for(per: OneSubscriptionPer, subject_id: str) -> tuple[QuerySet[CheckoutSession], QuerySet[Payment]]:
    match prefix_of(subject_id):
        case Prefix.INVOICE:
            return _of_invoice(await Invoice.get(id=subject_id))
        case Prefix.SUBSCRIPTION:
            customer_id, plan_id = await Subscription.get(id=subject_id).values_list("customer_id", "plan_id")
            plan = await Plan.get_or_none(id=plan_id) if plan_id else None
            plans = await excluding(per, plan) if plan else []  # it may be of another plan by now, which is not ours
        case _:
            customer_id, plan_id = await Payment.get(id=subject_id).values_list("customer_id", "plan_id")
            plans = [plan_id]
    return sessions_for(customer_id, plans), payments_for(customer_id, plan_id)


def _of_invoice(invoice: Invoice) -> tuple[QuerySet[CheckoutSession], QuerySet[Payment]]:
    due = 0 if invoice.status == InvoiceStatus.VOID else invoice.total - invoice.amount_paid
    sessions = CheckoutSession.filter(invoice_id=invoice.id, status=CheckoutStatus.OPEN.value, payment__amount__gt=due)
    payments = Payment.filter(invoice_id=invoice.id, status__in=UNPAID, amount__gt=due, checkout_session__isnull=True)
    return sessions, payments


async def _expire(billing: Billing, session: CheckoutSession) -> None:
    stripe_id = session.stripe_session_id
    if stripe_id is None:
        _require_old(session)
        await checkout.fail(session.id, SUPERSEDED)
        return
    await _end(billing, "checkout.session", str(stripe_id), lambda client: client.v1.checkout.sessions.expire_async(str(stripe_id)))


async def _cancel(billing: Billing, payment: Payment) -> None:
    stripe_id = payment.stripe_payment_intent_id
    if stripe_id is None:
        _require_old(payment)
        await payment_intents.fail(payment.id, StripeRejected(SUPERSEDED))
        return
    await _end(billing, "payment_intent", str(stripe_id), lambda client: client.v1.payment_intents.cancel_async(str(stripe_id)))


def _require_old(row: CheckoutSession | Payment) -> None:
    if datetime.now(UTC) - row.created_at < BEING_MADE:
        raise StripeUnavailable(f"{row.id} is just being brought to Stripe.")


async def _end(billing: Billing, kind: str, stripe_id: str, request: Request) -> None:
    """Ask for the end, and write what is so; what was paid just now cannot be ended, and tells of itself."""
    try:
        told = await billing.stripe.call(f"{kind}.end", request)
    except StripeRejected:
        read = await billing.stripe.retrieve(kind, stripe_id)
        if read is None:
            return
        told = read
    await write(billing, told)
