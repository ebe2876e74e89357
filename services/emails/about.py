"""The rows that an e-mail is about, read when it is sent."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from models import (
    PAYABLE,
    CheckoutSession,
    CheckoutStatus,
    Customer,
    Delivery,
    Dispute,
    Email,
    EventDestination,
    Invoice,
    InvoiceStatus,
    OutboxEntry,
    Payment,
    Plan,
    Price,
    PromotionCode,
    Receipt,
    Refund,
    RefundRequest,
    Seller,
    Subscription,
    WebhookEvent,
)
from models.ids import Prefix, prefix_of
from models.persistence import find
from services.fulfilment.superseding import ended_as_duplicate
from services.receipts.document import Bill, Document, bill_of, document_of
from settings import Settings

UNPAID = [*(status.value for status in PAYABLE), InvoiceStatus.UNCOLLECTIBLE.value]
"""Invoices whose money has not come in, though it was asked for."""


@dataclass(frozen=True, slots=True)
class About:
    """What is there; `invoice` is a subscription's newest that is not paid, `payment` then the newest attempt to pay it.

    `duplicate` tells that we ended a subscription because its customer had the same already, `code` that it was bought with a discount.

    `bill` says what a payment is for, `receipt_number` and `document` are those of the payment or, where there is one, of the refund.
    """

    customer: Customer | None = None
    seller: Seller | None = None
    payment: Payment | None = None
    refund: Refund | None = None
    request: RefundRequest | None = None
    dispute: Dispute | None = None
    subscription: Subscription | None = None
    plan: Plan | None = None
    price: Price | None = None
    code: PromotionCode | None = None
    invoice: Invoice | None = None
    checkout: CheckoutSession | None = None
    event: WebhookEvent | None = None
    entry: OutboxEntry | None = None
    delivery: Delivery | None = None
    destination: EventDestination | None = None
    bill: Bill | None = None
    document: Document | None = None
    receipt_number: str = ""
    duplicate: bool = False


async def about(settings: Settings, row: Email) -> About | None:
    """What an e-mail is about, None when it is gone."""
    reading = READING.get(prefix_of(row.object_id))
    found = await reading(settings, row.object_id) if reading else None
    if found is None:
        return None
    return replace(found, seller=await _named(Seller, row.seller_id))


async def _named(kind: type[Any], row_id: str | None) -> Any:
    return await find(kind, id=row_id) if row_id else None


async def _payment(settings: Settings, row_id: str) -> About | None:
    payment = await find(Payment, id=row_id)
    return await _of_payment(settings, payment, payment.id) if payment else None


async def _refund(settings: Settings, row_id: str) -> About | None:
    refund = await find(Refund, id=row_id)
    payment = await _named(Payment, refund.payment_id) if refund else None
    return replace(await _of_payment(settings, payment, row_id), refund=refund) if payment else None


async def _dispute(settings: Settings, row_id: str) -> About | None:
    dispute = await find(Dispute, id=row_id)
    payment = await _named(Payment, dispute.payment_id) if dispute else None
    return replace(await _of_payment(settings, payment, payment.id), dispute=dispute) if payment else None


async def _request(settings: Settings, row_id: str) -> About | None:
    request = await find(RefundRequest, id=row_id)
    payment = await _named(Payment, request.payment_id) if request else None
    if request is None or payment is None:
        return None
    refund = await _named(Refund, request.refund_id)
    return replace(await _of_payment(settings, payment, payment.id), request=request, refund=refund)


async def _of_payment(settings: Settings, payment: Payment, cause_id: str) -> About:
    receipt = await find(Receipt, cause_id=cause_id)
    return About(
        customer=await _named(Customer, payment.customer_id),
        payment=payment,
        plan=await _named(Plan, payment.plan_id),
        price=await _named(Price, payment.price_id),
        invoice=await _named(Invoice, payment.invoice_id),
        checkout=await CheckoutSession.filter(payment_id=payment.id, status=CheckoutStatus.OPEN.value).first(),
        bill=await bill_of(payment),
        document=await _document(settings, receipt),
        receipt_number=receipt.number if receipt else "",
    )


async def _document(settings: Settings, receipt: Receipt | None) -> Document | None:
    try:
        return await document_of(settings, receipt, personal=True) if receipt else None
    except LookupError:
        return None


async def _subscription(_: Settings, row_id: str) -> About | None:
    subscription = await find(Subscription, id=row_id)
    if subscription is None:
        return None
    invoice = await Invoice.filter(subscription_id=row_id, status__in=UNPAID).order_by("-id").first()
    payment = await Payment.filter(invoice_id=invoice.id).order_by("-id").first() if invoice else None
    return About(
        customer=await _named(Customer, subscription.customer_id),
        subscription=subscription,
        plan=await _named(Plan, subscription.plan_id),
        price=await _named(Price, subscription.price_id),
        code=await _code_of(row_id),
        invoice=invoice,
        payment=payment,
        duplicate=await ended_as_duplicate(row_id),
    )


async def _code_of(subscription_id: str) -> PromotionCode | None:
    session = await CheckoutSession.filter(subscription_id=subscription_id).exclude(promotion_code_id=None).first()
    return await _named(PromotionCode, session.promotion_code_id) if session else None


async def _event(_: Settings, row_id: str) -> About | None:
    event = await find(WebhookEvent, id=row_id)
    return About(event=event) if event else None


async def _entry(_: Settings, row_id: str) -> About | None:
    entry = await find(OutboxEntry, id=row_id)
    return About(entry=entry) if entry else None


async def _delivery(_: Settings, row_id: str) -> About | None:
    delivery = await find(Delivery, id=row_id)
    return About(delivery=delivery, destination=await _named(EventDestination, delivery.destination_id)) if delivery else None


READING: dict[Prefix | None, Callable[[Settings, str], Awaitable[About | None]]] = {
    Prefix.PAYMENT: _payment,
    Prefix.REFUND: _refund,
    Prefix.DISPUTE: _dispute,
    Prefix.REFUND_REQUEST: _request,
    Prefix.SUBSCRIPTION: _subscription,
    Prefix.WEBHOOK_EVENT: _event,
    Prefix.OUTBOX_ENTRY: _entry,
    Prefix.DELIVERY: _delivery,
}
"""Kind of row -> how it and what belongs to it are read."""
