"""What was paid twice, or beyond what was due, goes back by itself.

It happens when several pages are open for one thing and more than one is paid. What is decided here follows the truth at Stripe, read just
before, and the rows locked; so that several workers, and any order of events, give back once.
"""

from datetime import datetime

from tortoise.queryset import QuerySet

from models import COME_BACK, LIVE, PAID, Invoice, InvoiceStatus, OutboxKind, Payment, Refund, RefundReason, Subscription
from models.database import transaction
from models.money import Money
from services import audit, outbox, refunds
from services.billing import Billing
from services.errors import StripeRejected
from services.fulfilment.standing import kept_of
from services.fulfilment.superseding import STANDING, ended_as_duplicate, running_beside
from services.mirror import write
from services.stripe_fields import reference

TWICE = "Paid twice: the second payment goes back."
TOO_MUCH = "Paid more than was due: the rest goes back."
BEGUN_TWICE = "Subscribed twice: the second subscription ends, and what it cost goes back."


class CameBack(StripeRejected):
    """What is to go back was sent once and came back: it is not sent again by itself, an operator has to find another way."""

    def __init__(self, amount: int, currency: str) -> None:
        super().__init__(f"{Money(amount, currency).decimal} {currency} was given back and came back: give it back in another way.")


async def return_duplicate(billing: Billing, payment_id: str) -> None:
    """Give back all but the first of the payments by which a customer holds one package, none that came in before the one named.

    Raises CameBack, and the gateway's Refusals.
    """
    subject = await Payment.get(id=payment_id)
    await _read(billing, _holding(subject))
    async with transaction():
        held = await _holding(subject).order_by("id").select_for_update(no_key=True)
        left = {row.id: await refunds.left_of(row) for row in held}
        standing = sorted((row for row in held if left[row.id] > 0 or not row.amount), key=_came_in)
        twice = [row for row in standing[1:] if left[row.id] > 0 and _came_in(row) >= _came_in(subject)]
        begun = [await _begin(row, left[row.id], TWICE) for row in twice if not await _came_back(row)]
    await _finish(billing, begun)
    if stuck := sum(left[row.id] for row in twice) - await _amount(begun):
        raise CameBack(stuck, subject.currency)


async def return_excess(billing: Billing, invoice_id: str) -> None:
    """Give back what was paid beyond an issued invoice's total, or at all when it is void, from the latest payments first.

    Raises CameBack, and the gateway's Refusals.
    """
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
            if amount > 0 and not await _came_back(row):
                begun.append(await _begin(row, amount, TOO_MUCH))
                excess -= amount
    await _finish(billing, begun)
    if excess > sum(contested):
        raise CameBack(excess - sum(contested), invoice.currency)


async def end_duplicate(billing: Billing, subscription_id: str) -> None:
    """End all but the first of a customer's subscriptions that exclude each other, begun in our checkouts, none before the one named.

    What was paid for one that was ended so goes back, also when it comes in later. Raises CameBack, and the gateway's Refusals.
    """
    subject = await Subscription.get(id=subscription_id)
    per = billing.settings.one_subscription_per
    for row in await running_beside(per, subject):
        await _read_subscription(billing, row)
    running = sorted(await running_beside(per, subject), key=_began)
    for row in running[1:]:
        if _began(row) >= _began(subject):
            await _end(billing, row, subject)
    if await ended_as_duplicate(subject.id):
        await _return_all(billing, subject)


async def _end(billing: Billing, row: Subscription, subject: Subscription) -> None:
    """Another row than the subject is staged for itself, so that what it cost goes back whatever happens in between."""
    async with transaction():
        if not await ended_as_duplicate(row.id):
            await audit.record(audit.ITSELF, "subscription.cancel", row.id, reason=BEGUN_TWICE)
        if row.id != subject.id:
            await outbox.stage(OutboxKind.END_DUPLICATE, row.id)
    stripe_id = row.stripe_subscription_id
    ended = await billing.stripe.call("subscription.cancel", lambda client: client.v1.subscriptions.cancel_async(stripe_id))
    await write(billing, ended)


async def _return_all(billing: Billing, ended: Subscription) -> None:
    if (await Subscription.get(id=ended.id)).status in LIVE:
        return
    async with transaction():
        payments = await Payment.filter(subscription_id=ended.id, status__in=STANDING).order_by("id").select_for_update(no_key=True)
        left = [(row, amount) for row in payments if (amount := await refunds.left_of(row)) > 0]
        begun = [await _begin(row, amount, BEGUN_TWICE) for row, amount in left if not await _came_back(row)]
    await _finish(billing, begun)
    if stuck := sum(amount for _, amount in left) - await _amount(begun):
        raise CameBack(stuck, left[0][0].currency)


async def _came_back(payment: Payment) -> bool:
    sent = Refund.filter(payment_id=payment.id, automatic=True, stripe_refund_id__not_isnull=True)
    return await sent.filter(status__in=sorted(COME_BACK)).exists()


async def _amount(refund_ids: list[str]) -> int:
    return sum([row.amount for row in await Refund.filter(id__in=refund_ids)]) if refund_ids else 0


def _holding(subject: Payment) -> QuerySet[Payment]:
    return Payment.filter(
        customer_id=subject.customer_id, plan_id=subject.plan_id, status__in=STANDING, subscription_id=None, invoice_id=None
    )


def _came_in(row: Payment) -> tuple[datetime, str]:
    return row.succeeded_at or row.created_at, row.id


def _began(row: Subscription) -> tuple[datetime, str]:
    return row.created_at, row.id


async def _begin(payment: Payment, amount: int, why: str) -> str:
    return await refunds.begin_refund(None, payment, amount, RefundReason.DUPLICATE, why)


async def _finish(billing: Billing, refund_ids: list[str]) -> None:
    for refund_id in refund_ids:
        await refunds.finish(billing, refund_id)


async def _read(billing: Billing, payments: QuerySet[Payment]) -> None:
    for row in await payments.order_by("id"):
        await _read_one(billing, "payment_intent", row.stripe_payment_intent_id)


async def _read_subscription(billing: Billing, row: Subscription) -> None:
    """With the invoice that it began with, or was renewed by, and what paid that."""
    snapshot = await billing.stripe.retrieve("subscription", row.stripe_subscription_id)
    if snapshot is not None:
        await write(billing, snapshot)
        await _read_one(billing, "invoice", reference(snapshot.object, "latest_invoice"))


async def _read_one(billing: Billing, kind: str, stripe_id: str | None) -> None:
    snapshot = await billing.stripe.retrieve(kind, stripe_id) if stripe_id else None
    if snapshot is not None:
        await write(billing, snapshot)
