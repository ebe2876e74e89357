"""What a customer has left in one year: something of every kind, closed long ago."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from models import (
    Allocation,
    AuditEntry,
    CheckoutSession,
    CreditEntry,
    CreditLot,
    Customer,
    Delivery,
    Dispute,
    Email,
    Entitlement,
    EventDestination,
    IdempotencyKey,
    Invoice,
    InvoiceLine,
    Payment,
    Plan,
    Price,
    Receipt,
    Refund,
    RefundRequest,
    Subscription,
    SubscriptionChange,
    WebhookEvent,
)
from models.record import Record
from services.retention.running import run
from services.retention.tally import Tally
from settings import Environment, Settings

numbers = count(1)
SETTINGS = Settings(environment=Environment.TEST)
THIS_YEAR = datetime.now(UTC).year
OLD, KEPT = THIS_YEAR - 8, THIS_YEAR - 7
"""The last year whose books go by the settings, and the first whose stay."""


@dataclass
class History:
    """`at` is when everything of it was made; some minutes later it was over."""

    at: datetime
    customer: Customer
    package: Payment
    invoice: Invoice
    subscription: Subscription
    renewal: Invoice


def make(model: type[Any], at: datetime, /, **columns: Any) -> Any:
    return model.create(created_at=at, **columns)


async def history(year: int, customer: Customer | None = None) -> History:
    at, number = datetime(year, 6, 15, 12, tzinfo=UTC), next(numbers)
    customer = customer or await make(Customer, at, external_id=f"user-{number}")
    price = await make(Price, at, plan=await make(Plan, at, code=f"p{number}", kind="PACKAGE", name="P"), currency="USD", unit_amount=4_900)
    package = await _package(at, number, customer, price)
    invoice = await _issued(at, number, customer)
    subscription, renewal = await _subscribed(at, number, customer, price)
    await _credits(at, number, customer, package, renewal)
    await _records(at, number, customer)
    return History(at, customer, package, invoice, subscription, renewal)


async def _payment(at: datetime, number: int, kind: str, **columns: Any) -> Payment:
    known = {"currency": "USD", "status": "SUCCEEDED", "succeeded_at": at + timedelta(minutes=1)}
    row: Payment = await make(Payment, at, stripe_payment_intent_id=f"pi_{kind}{number}", **known | columns)
    counted = {"series": "house", "year": at.year, "sequence": next(numbers), "number": f"{kind}{number}"}
    await make(Receipt, at, kind="RECEIPT", cause_id=row.id, payment_id=row.id, customer_id=row.customer_id, **counted)
    return row


async def _package(at: datetime, number: int, customer: Customer, price: Price) -> Payment:
    columns = {"amount": 4_900, "amount_refunded": 900, "status": "PARTIALLY_REFUNDED", "price_id": price.id, "plan_id": price.plan_id}
    row = await _payment(at, number, "package", customer_id=customer.id, **columns)
    owners = {"payment_id": row.id, "customer_id": customer.id}
    refund = await make(Refund, at, amount=900, currency="USD", status="SUCCEEDED", stripe_refund_id=f"re_{number}", **owners)
    counted = {"series": "house", "year": at.year, "sequence": next(numbers), "number": f"CN{number}"}
    await make(Receipt, at, kind="CREDIT_NOTE", cause_id=refund.id, refund_id=refund.id, **owners, **counted)
    decided = {"status": "APPROVED", "decided_at": at, "refund_id": refund.id, "reason": "Broken", "currency": "USD"}
    await make(RefundRequest, at, **owners, **decided)
    told = {"status": "WON", "stripe_status": "won", "reason": "fraudulent", "stripe_dispute_id": f"dp_{number}"}
    await make(Dispute, at, amount=4_900, currency="USD", **owners, **told)
    await make(Entitlement, at, feature="course", starts_at=at, active_until=at + timedelta(days=90), revoked_reason="refunded", **owners)
    page = {"mode": "PAYMENT", "status": "COMPLETE", "expires_at": at, "stripe_session_id": f"cs_{number}", "price_id": price.id}
    await make(CheckoutSession, at, **owners, **page)
    left = {"mode": "PAYMENT", "status": "EXPIRED", "expires_at": at, "stripe_session_id": f"cs_left{number}", "price_id": price.id}
    await make(CheckoutSession, at, customer_id=customer.id, **left)
    return row


async def _issued(at: datetime, number: int, customer: Customer) -> Invoice:
    owed = {"total": 300, "amount_paid": 300, "currency": "USD", "status": "PAID", "reference": f"r{number}", "reference_key": f"r{number}"}
    row: Invoice = await make(Invoice, at, customer_id=customer.id, **owed)
    fee = {"position": 1, "description": "Fee", "unit_amount": 300, "amount": 300, "amount_paid": 300, "currency": "USD"}
    line = await make(InvoiceLine, at, invoice_id=row.id, customer_id=customer.id, **fee)
    paid = await _payment(at, number, "issued", customer_id=customer.id, amount=300, invoice_id=row.id)
    await make(Allocation, at, line_id=line.id, payment_id=paid.id, amount=300)
    return row


async def _subscribed(at: datetime, number: int, customer: Customer, price: Price) -> tuple[Subscription, Invoice]:
    ended = {"status": "CANCELED", "canceled_at": at, "ended_at": at + timedelta(days=30), "stripe_subscription_id": f"sub_{number}"}
    row: Subscription = await make(Subscription, at, customer_id=customer.id, plan_id=price.plan_id, price_id=price.id, **ended)
    owners = {"subscription_id": row.id, "customer_id": customer.id}
    change = {"kind": "CANCEL", "status": "DONE"}
    await make(SubscriptionChange, at, **owners, **change)
    page = {"mode": "SUBSCRIPTION", "status": "COMPLETE", "expires_at": at, "stripe_session_id": f"cs_sub{number}", "price_id": price.id}
    await make(CheckoutSession, at, **owners, **page)
    until = at + timedelta(days=30)
    await make(Entitlement, at, feature="pro", starts_at=at, active_until=until, revoked_reason="canceled", **owners)
    billed = {"total": 1_900, "amount_paid": 1_900, "currency": "USD", "status": "PAID", "origin": "SUBSCRIPTION", "paid_at": at}
    renewal: Invoice = await make(Invoice, at, stripe_invoice_id=f"in_{number}", **owners, **billed)
    line = {"position": 1, "description": "Pro", "unit_amount": 1_900, "amount": 1_900, "amount_paid": 1_900, "currency": "USD"}
    await make(InvoiceLine, at, invoice_id=renewal.id, customer_id=customer.id, **line)
    await _payment(at, number, "renewal", amount=1_900, invoice_id=renewal.id, **owners)
    return row, renewal


async def _credits(at: datetime, number: int, customer: Customer, package: Payment, renewal: Invoice) -> None:
    """40 and 60 granted, 70 used: 30 are left of what the host gave."""
    owner: dict[str, Any] = {"customer_id": customer.id}
    await make(CreditLot, at, granted=40, remaining=0, payment_id=package.id, **owner)
    await make(CreditLot, at, granted=60, remaining=0, invoice_id=renewal.id, **owner)
    await make(CreditLot, at, granted=10, remaining=0, **owner)
    await make(CreditLot, at, granted=30, remaining=30, **owner)
    booked = [(40, "PURCHASE", package.id), (60, "RENEWAL", None), (40, "GRANT", None), (-110, "USE", None)]
    for place, (amount, kind, payment_id) in enumerate(booked):
        balance = customer.credit_balance + amount
        named = {"kind": kind, "cause": f"{kind} {number}", "payment_id": payment_id}
        await make(CreditEntry, at + timedelta(seconds=place), amount=amount, balance_after=balance, **owner, **named)
        customer.credit_balance = balance
    await customer.save(update_fields=["credit_balance"])


async def _records(at: datetime, number: int, customer: Customer) -> None:
    await make(AuditEntry, at, actor="CUSTOMER:x", action="x.y", object_id=customer.id, changes={})
    times = {"occurred_at": at, "received_at": at, "processed_at": at}
    told = {"stripe_event_id": f"evt_{number}", "type": "customer.updated", "status": "PROCESSED", "payload": "{}"}
    await make(WebhookEvent, at, **told, **times)
    to = await make(EventDestination, at, url="https://app.example.test/", secret="whsec_x")
    sent = {"event_id": f"bev_{number}", "event_type": "payment.succeeded", "object_id": f"pay_{number}", "position": 1, "payload": "{}"}
    await make(Delivery, at, destination_id=to.id, customer_id=customer.id, status="DELIVERED", delivered_at=at, **sent)
    mail = {"kind": "RECEIPT", "cause": f"RECEIPT {number}", "object_id": f"pay_{number}", "position": 1, "status": "SENT", "sent_at": at}
    await make(Email, at, customer_id=customer.id, recipient="a@example.test", **mail)
    key = {"actor": "x", "mutation": "y", "key": f"key-{number}", "input_hash": "0", "answer": {"object": "x"}, "locked_until": at}
    await make(IdempotencyKey, at, **key)


WHOLE = {
    "allocation": 1,
    "audit_entry": 1,
    "checkout_session": 3,
    "credit_entry": 3,
    "credit_lot": 3,
    "delivery": 1,
    "dispute": 1,
    "email": 1,
    "entitlement": 2,
    "idempotency_key": 1,
    "invoice": 2,
    "invoice_line": 2,
    "payment": 3,
    "receipt": 4,
    "refund": 1,
    "refund_request": 1,
    "subscription": 1,
    "subscription_change": 1,
    "webhook_event": 1,
}
"""Rows that go of one old year, by table; of the four entries of credits one is left that carries them forward."""

STAYING = {"customer": 1, "credit_entry": 1, "credit_lot": 1}
"""Rows that are left of it; the catalogue and destinations apart."""


async def clean(settings: Settings = SETTINGS, *, dry: bool = False, stop: asyncio.Event | None = None) -> Tally:
    return await run(settings, dry=dry, stop=stop or asyncio.Event(), told=lambda _: None)


async def sizes(kinds: list[type[Record]]) -> Counter[str]:
    return +Counter({kind._meta.db_table: await kind.all().count() for kind in kinds})
