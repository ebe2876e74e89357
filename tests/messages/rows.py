"""Rows that e-mails are about, as they stand in a database."""

from itertools import count
from typing import Any

from models import Customer, Email, Payment, Plan, Price, Refund, Seller, Subscription
from services.receipts.issuing import issue_missing
from tests.messages.conftest import AT, SETTINGS

numbers = count(1)


async def customer(**more: Any) -> Customer:
    number = next(numbers)
    return await Customer.create(**{"external_id": f"user-{number}", "name": "Ada Lovelace", "email": "ada@example.test"} | more)


async def plan(**more: Any) -> tuple[Plan, Price]:
    row = await Plan.create(**{"code": f"plan-{next(numbers)}", "kind": "SUBSCRIPTION", "name": "Course"} | more)
    return row, await Price.create(plan_id=row.id, currency="USD", unit_amount=4_900, interval="MONTH", interval_count=1)


async def paid(buyer: Customer, **more: Any) -> Payment:
    sold, price = await plan()
    card: dict[str, Any] = {
        "method_type": "card",
        "method_brand": "visa",
        "method_last4": "4242",
        "stripe_payment_intent_id": f"pi_{next(numbers)}",
    }
    told: dict[str, Any] = {
        "status": "SUCCEEDED",
        "succeeded_at": AT,
        "amount": 4_900,
        "currency": "USD",
        "plan_id": sold.id,
        "price_id": price.id,
    }
    row = await Payment.create(**card | told | {"customer_id": buyer.id} | more)
    await issue_missing(SETTINGS, row.id)
    return row


async def refunded(payment: Payment, amount: int, **more: Any) -> Refund:
    told: dict[str, Any] = {"payment_id": payment.id, "customer_id": payment.customer_id, "amount": amount, "currency": payment.currency}
    row = await Refund.create(**told | {"status": "SUCCEEDED"} | more)
    await Payment.filter(id=payment.id).update(status="PARTIALLY_REFUNDED", amount_refunded=amount)
    await issue_missing(SETTINGS, payment.id)
    return row


async def subscribed(holder: Customer, **more: Any) -> Subscription:
    held, price = await plan()
    told: dict[str, Any] = {"customer_id": holder.id, "plan_id": held.id, "price_id": price.id, "currency": "USD", "status": "ACTIVE"}
    return await Subscription.create(**told | {"stripe_subscription_id": f"sub_{next(numbers)}"} | more)


async def seller() -> Seller:
    return await Seller.create(external_id=f"seller-{next(numbers)}", name="Cleo", email="cleo@example.test")


def email(kind: str, row_id: str, **more: Any) -> Email:
    """A mail about a row; nowhere stored, as nothing of it is read but what it holds."""
    told: dict[str, Any] = {
        "kind": kind,
        "object_id": row_id,
        "cause": f"{kind} {row_id}",
        "recipient": "somebody@example.test",
        "position": 1,
    }
    return Email(**told | more)
