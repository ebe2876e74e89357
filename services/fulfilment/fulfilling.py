"""Which rows the transaction has changed, and what follows: locks in the order of payments, subscriptions, invoices, customers."""

from collections.abc import Iterable
from typing import TypeVar

from models import (
    PAID,
    CheckoutSession,
    Dispute,
    Invoice,
    InvoiceStatus,
    Payment,
    PaymentStatus,
    Refund,
    Subscription,
    SubscriptionChange,
    SubscriptionStatus,
)
from models.persistence import find, lock_id
from models.record import Record
from services.emails.staging import stage_emails
from services.fulfilment.allocation import allocate
from services.fulfilment.attribution import attribute_dependent, attribute_session, attribute_subscription
from services.fulfilment.crediting import credit_invoice, credit_payment
from services.fulfilment.ending import end_by_instalments
from services.fulfilment.entitling import entitle_payment, entitle_subscription
from services.fulfilment.superseding import STANDING, supersede_by_payment, supersede_by_subscription, supersede_on_the_way
from services.journal import changes, told
from services.receipts.issuing import issue_receipts
from services.row_change import Change
from settings import Settings

Kind = TypeVar("Kind", bound=Record)

MATTERS = frozenset({"status", "amount", "amount_refunded", "disputed", "succeeded_at", "plan_id", "subscription_id", "invoice_id"})
"""Columns of a payment from which something follows."""


async def fulfil(settings: Settings) -> None:
    """Do what follows from the changes in the open journal, inside the transaction that made them; nothing of it asks Stripe."""
    if changes():
        await _follow(settings, list(changes()))
    await stage_emails(settings, changes(), told())


async def _follow(settings: Settings, made: list[Change]) -> None:
    await _attribute(made)
    payments = await _payments(made)
    billed = await _billed(made, payments)
    for subscription in await _subscriptions(made, [*payments, *billed]):
        await entitle_subscription(subscription)
    for invoice_id in sorted({str(payment.invoice_id) for payment in payments if payment.invoice_id and not payment.subscription_id}):
        await allocate(invoice_id)
    for payment in sorted(payments, key=lambda row: (row.customer_id or "", row.id)):
        await entitle_payment(payment)
        await credit_payment(payment)
    for invoice in sorted(billed, key=lambda row: (row.customer_id, row.id)):
        await credit_invoice(invoice)
    await _supersede(made)
    await issue_receipts(settings, made, payments)


def _rows(made: Iterable[Change], kind: type[Kind]) -> dict[str, Kind]:
    """The rows of one kind that were changed, as they are now: the last object that was written of each."""
    return {one.row.id: one.row for one in made if isinstance(one.row, kind)}


async def _attribute(made: list[Change]) -> None:
    for session in _rows(made, CheckoutSession).values():
        await attribute_session(session)
    for one in made:
        if isinstance(one.row, Subscription) and (one.before is None or "seller_id" in one.before):
            await attribute_subscription(one.row)
        elif isinstance(one.row, Payment | Invoice | Refund | Dispute) and one.before is None:
            await attribute_dependent(one.row)


async def _payments(made: list[Change]) -> list[Payment]:
    """Paid payments of which something changed that matters, and those of changed disputes; all of them are locked."""
    found: dict[str, Payment] = {}
    for one in made:
        if isinstance(one.row, Payment) and (one.before is None or MATTERS & one.before.keys()):
            found[one.row.id] = one.row
    for dispute in _rows(made, Dispute).values():
        if dispute.payment_id not in found:
            found[dispute.payment_id] = await lock_id(Payment, dispute.payment_id)
    return [row for row in found.values() if row.status in PAID]


async def _billed(made: list[Change], payments: list[Payment]) -> list[Invoice]:
    """Paid invoices of subscriptions that were changed, and those of changed payments."""
    found = _rows(made, Invoice)
    for payment in payments:
        if payment.subscription_id and payment.invoice_id and payment.invoice_id not in found:
            invoice = await find(Invoice, id=payment.invoice_id)
            found |= {invoice.id: invoice} if invoice else {}
    return [row for row in found.values() if row.subscription_id and row.status == InvoiceStatus.PAID]


async def _subscriptions(made: list[Change], paid: list[Payment | Invoice]) -> list[Subscription]:
    """Changed subscriptions, and those of changed payments and invoices; all of them are locked."""
    found = _rows(made, Subscription)
    for subscription_id in sorted({str(row.subscription_id) for row in paid if row.subscription_id} - found.keys()):
        found[subscription_id] = await lock_id(Subscription, subscription_id)
    return [found[row_id] for row_id in sorted(found)]


async def _supersede(made: list[Change]) -> None:
    """Nobody is charged twice: what stands open for a thing that is paid, or being paid, now is closed."""
    asked = {(row.subscription_id, row.price_id) for row in _rows(made, SubscriptionChange).values()}
    for one in made:
        begun = one.before is None or "status" in one.before
        former = one.before.get("status") if one.before else None
        if isinstance(one.row, Payment) and begun and one.row.status in PAID and former not in STANDING:
            await supersede_by_payment(one.row, first=former not in PAID)
        elif isinstance(one.row, Payment) and begun and one.row.status == PaymentStatus.PROCESSING:
            await supersede_on_the_way(one.row)
        elif isinstance(one.row, Subscription):
            await end_by_instalments(one.row)
            first = begun and former in {None, SubscriptionStatus.INCOMPLETE}
            if first or (one.before and "plan_id" in one.before):
                await supersede_by_subscription(one.row, begun=first, asked=(one.row.id, one.row.price_id) in asked)
