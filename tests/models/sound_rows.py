"""Values that a row of each kind may have, new ones at every call, its parents made before."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any

from models import (
    Allocation,
    AuditEntry,
    CheckoutSession,
    Checkpoint,
    CreditEntry,
    CreditLot,
    Customer,
    Delivery,
    Dispute,
    Email,
    EmailAddress,
    Entitlement,
    Erasure,
    EventDestination,
    IdempotencyKey,
    Invoice,
    InvoiceLine,
    OutboxEntry,
    Payment,
    Plan,
    Price,
    PromotionCode,
    Receipt,
    ReceiptCounter,
    Refund,
    RefundRequest,
    RetentionRun,
    Seller,
    StatisticsDelta,
    StatisticsRollup,
    Subscription,
    SubscriptionChange,
    WebhookEvent,
)
from models.record import Record

MOMENT = datetime(2026, 11, 20, 12, 30, 15, 123456, tzinfo=UTC)

numbers = count(1)


async def sound(kind: type[Record]) -> dict[str, Any]:
    """What `kind(**values)` needs."""
    return await SOUND[kind](next(numbers))


async def sound_row(kind: type[Any]) -> Any:
    """A row of the kind, in the database."""
    return await kind.create(**await sound(kind))


async def _customer(number: int) -> dict[str, Any]:
    return {"external_id": f"user-{number}", "stripe_customer_id": f"cus_{number}"}


async def _plan(number: int) -> dict[str, Any]:
    told = {"name": "Plan", "features": ["a", "é"], "credit_days": 30, "plan_group": "tier", "stripe_product_id": f"prod_{number}"}
    return {"code": f"plan-{number}", "kind": "SUBSCRIPTION", "seller": await sound_row(Seller), **told}


async def _price(number: int) -> dict[str, Any]:
    plan = await sound_row(Plan)
    values = {"currency": "USD", "unit_amount": 100, "interval": "MONTH", "interval_count": 1, "trial_days": 14, "instalments": 12}
    return {"plan": plan, "stripe_price_id": f"price_{number}", **values}


async def _subscription(number: int) -> dict[str, Any]:
    customer, price = await sound_row(Customer), await sound_row(Price)
    values = {"customer": customer, "price": price, "plan_id": price.plan_id, "status": "ACTIVE", "current_period_end": MOMENT}
    values |= {"currency": "USD", "monthly_amount": 100}
    values["seller_id"] = (await price.plan).seller_id
    return {"stripe_subscription_id": f"sub_{number}", **values}


async def _subscription_change(number: int) -> dict[str, Any]:
    subscription = await sound_row(Subscription)
    owners = {"subscription": subscription, "customer_id": subscription.customer_id, "price": await sound_row(Price)}
    return {
        "kind": "CHANGE",
        "pending_subscription_id": subscription.id,
        "quantity": 2,
        "parameters": {"proration_behavior": "none"},
        **owners,
    }


async def _payment(number: int) -> dict[str, Any]:
    subscription = await sound_row(Subscription)
    owners = {
        "subscription": subscription,
        "customer_id": subscription.customer_id,
        "plan_id": subscription.plan_id,
        "price_id": subscription.price_id,
        "seller_id": subscription.seller_id,
        "invoice": await sound_row(Invoice),
        "promotion_code": await sound_row(PromotionCode),
    }
    stripe = {"stripe_payment_intent_id": f"pi_{number}", "stripe_charge_id": f"ch_{number}", "stripe_invoice_id": f"in_{number}"}
    return {"amount": 100, "amount_refunded": 40, "currency": "USD", "metadata": {"a": [1, None, "é"]}, **owners, **stripe}


async def _refund(number: int) -> dict[str, Any]:
    payment = await sound_row(Payment)
    owners = {"payment": payment, "customer_id": payment.customer_id, "seller_id": payment.seller_id}
    return {"amount": 40, "currency": "USD", "stripe_refund_id": f"re_{number}", **owners}


async def _dispute(number: int) -> dict[str, Any]:
    payment = await sound_row(Payment)
    owners = {"payment": payment, "customer_id": payment.customer_id, "seller_id": payment.seller_id}
    told = {"status": "NEEDS_RESPONSE", "stripe_status": "needs_response", "reason": "fraudulent", "evidence_due_by": MOMENT}
    return {"amount": 100, "currency": "USD", "stripe_dispute_id": f"dp_{number}", **owners, **told}


async def _promotion_code(number: int) -> dict[str, Any]:
    stripe = {"stripe_promotion_code_id": f"promo_{number}", "stripe_coupon_id": f"coupon-{number}", "product_ids": ["prod_1"]}
    terms = {"code": f"CODE{number}", "active": True, "amount_off": 100, "currency": "USD", "duration": "ONCE", "expires_at": MOMENT}
    owners = {"customer": await sound_row(Customer), "seller": await sound_row(Seller), "code_key": f"CODE{number}"}
    return {**owners, **stripe, **terms}


async def _seller(number: int) -> dict[str, Any]:
    return {"external_id": f"seller-{number}", "name": "Seller", "email": "seller@example.test"}


async def _invoice(number: int) -> dict[str, Any]:
    subscription = await sound_row(Subscription)
    owners = {"customer_id": subscription.customer_id, "subscription": subscription, "seller_id": subscription.seller_id}
    named = {"reference": f"order-{number}", "reference_key": f"{number}:order", "stripe_invoice_id": f"in_{number}", "due_at": MOMENT}
    return {"currency": "USD", "total": 100, "amount_paid": 40, "metadata": {"a": "é"}, **owners, **named}


async def _invoice_line(number: int) -> dict[str, Any]:
    told = {"description": "Fee", "quantity": 2, "unit_amount": 50, "amount": 100, "currency": "USD", "amount_paid": 40}
    invoice = await sound_row(Invoice)
    owners = {"invoice": invoice, "customer_id": invoice.customer_id, "seller_id": invoice.seller_id, "price": await sound_row(Price)}
    told |= {"proration": True, "discount": 5, "period_start": MOMENT, "period_end": MOMENT, "stripe_line_id": f"il_{number}"}
    return {"position": number, **owners, **told}


async def _allocation(number: int) -> dict[str, Any]:
    return {"line": await sound_row(InvoiceLine), "payment": await sound_row(Payment), "amount": 40}


async def _credit_entry(number: int) -> dict[str, Any]:
    payment = await sound_row(Payment)
    owners = {"payment": payment, "customer_id": payment.customer_id}
    return {"amount": 10, "balance_after": 10, "kind": "PURCHASE", "cause": f"cause-{number}", **owners}


async def _credit_lot(number: int) -> dict[str, Any]:
    payment = await sound_row(Payment)
    owners = {"payment": payment, "customer_id": payment.customer_id, "invoice": await sound_row(Invoice)}
    return {"granted": 10, "remaining": 4, "withdrawn": 1, "expired": 2, **owners}


async def _entitlement(number: int) -> dict[str, Any]:
    payment = await sound_row(Payment)
    owners = {"payment": payment, "customer_id": payment.customer_id, "plan_id": payment.plan_id}
    return {"feature": "export", "starts_at": MOMENT, **owners}


async def entitlement_of_subscription(number: int) -> dict[str, Any]:
    subscription = await sound_row(Subscription)
    owners = {"subscription": subscription, "customer_id": subscription.customer_id, "plan_id": subscription.plan_id}
    return {"feature": "export", "starts_at": MOMENT, **owners}


async def _refund_request(number: int) -> dict[str, Any]:
    refund = await sound_row(Refund)
    owners = {"payment_id": refund.payment_id, "customer_id": refund.customer_id, "seller_id": refund.seller_id, "refund": refund}
    return {"amount": 10, "currency": "USD", "reason": "Broken", "pending_payment_id": refund.payment_id, **owners}


async def _outbox_entry(number: int) -> dict[str, Any]:
    return {"kind": "RETURN_EXCESS", "subject_id": f"inv_{number}", "next_attempt_at": MOMENT}


async def _checkout_session(number: int) -> dict[str, Any]:
    payment = await sound_row(Payment)
    owners = {
        "payment": payment,
        "customer_id": payment.customer_id,
        "price_id": payment.price_id,
        "subscription_id": payment.subscription_id,
    }
    return {"mode": "PAYMENT", "expires_at": MOMENT, "stripe_session_id": f"cs_{number}", **owners}


async def _webhook_event(number: int) -> dict[str, Any]:
    times = {"occurred_at": MOMENT, "received_at": MOMENT}
    return {"stripe_event_id": f"evt_{number}", "type": "charge.refunded", "status": "FAILED", "payload": "{}", **times}


async def _idempotency_key(number: int) -> dict[str, Any]:
    return {"actor": "CUSTOMER:1", "mutation": "createRefund", "key": f"key-{number}", "input_hash": "0", "locked_until": MOMENT}


async def _audit_entry(number: int) -> dict[str, Any]:
    return {"actor": "stripe", "action": "payment.status", "object_id": f"pay_{number}", "changes": {"status": [None, "PENDING"]}}


async def _checkpoint(number: int) -> dict[str, Any]:
    return {"name": f"walk-{number}", "position": {"after": "evt_1"}, "updated_at": MOMENT}


async def _statistics_delta(number: int) -> dict[str, Any]:
    return {"minute": number, "measure": "FAILED", "currency": "USD", "detail": "card_declined", "number": 1, "amount": -100}


async def _statistics_rollup(number: int) -> dict[str, Any]:
    return {"day": f"{1 + number % 9999:04}-01-01", "measure": "SUCCEEDED", "currency": "USD", "number": 1, "amount": 100}


async def _event_destination(number: int) -> dict[str, Any]:
    return {"url": f"https://app.example.test/{number}", "event_types": ["payment.succeeded"], "secret": "whsec_c2VjcmV0"}


async def _delivery(number: int) -> dict[str, Any]:
    owners = {"destination": await sound_row(EventDestination), "customer": await sound_row(Customer)}
    told = {"event_id": f"bev_{number}", "event_type": "payment.succeeded", "object_id": f"pay_{number}", "cause": f"cause {number}"}
    return {**owners, **told, "position": number, "payload": "{}", "next_attempt_at": MOMENT}


async def _receipt(number: int) -> dict[str, Any]:
    refund = await sound_row(Refund)
    owners = {"payment_id": refund.payment_id, "customer_id": refund.customer_id, "seller_id": refund.seller_id, "refund": refund}
    counted = {"series": refund.seller_id, "year": 2026, "sequence": number, "number": f"CN-2026-{number:06d}"}
    return {"kind": "CREDIT_NOTE", "cause_id": refund.id, **owners, **counted}


async def _receipt_counter(number: int) -> dict[str, Any]:
    return {"series": f"series-{number}", "kind": "RECEIPT", "year": 2026, "highest": 1}


async def _email(number: int) -> dict[str, Any]:
    customer, seller = await sound_row(Customer), await sound_row(Seller)
    told = {"kind": "RECEIPT", "cause": f"RECEIPT {number}", "object_id": f"pay_{number}", "recipient": f"user-{number}@example.test"}
    return {"customer": customer, "seller": seller, **told, "position": number, "next_attempt_at": MOMENT}


async def _email_address(number: int) -> dict[str, Any]:
    return {"address": f"user-{number}@example.test", "unsubscribed": ["WELCOME"]}


async def _erasure(number: int) -> dict[str, Any]:
    known = {"external_id": f"user-{number}", "email": "user@example.test", "name": "User", "stripe_customer_id": f"cus_{number}"}
    return {"customer": await sound_row(Customer), "stripe_digest": f"{number:064x}", "position": {"step": "rows"}, **known}


async def _retention_run(number: int) -> dict[str, Any]:
    return {"books_before": MOMENT, "audit_before": MOMENT, "counts": {"payment": number}}


SOUND: dict[type[Record], Callable[[int], Awaitable[dict[str, Any]]]] = {
    Allocation: _allocation,
    AuditEntry: _audit_entry,
    CheckoutSession: _checkout_session,
    Checkpoint: _checkpoint,
    CreditEntry: _credit_entry,
    CreditLot: _credit_lot,
    Customer: _customer,
    Delivery: _delivery,
    Dispute: _dispute,
    Email: _email,
    EmailAddress: _email_address,
    Entitlement: _entitlement,
    Erasure: _erasure,
    EventDestination: _event_destination,
    IdempotencyKey: _idempotency_key,
    Invoice: _invoice,
    InvoiceLine: _invoice_line,
    OutboxEntry: _outbox_entry,
    Payment: _payment,
    Plan: _plan,
    Price: _price,
    PromotionCode: _promotion_code,
    Receipt: _receipt,
    ReceiptCounter: _receipt_counter,
    Refund: _refund,
    RefundRequest: _refund_request,
    RetentionRun: _retention_run,
    Seller: _seller,
    StatisticsDelta: _statistics_delta,
    StatisticsRollup: _statistics_rollup,
    Subscription: _subscription,
    SubscriptionChange: _subscription_change,
    WebhookEvent: _webhook_event,
}
