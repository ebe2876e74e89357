"""Two customers, a plan that is sold and one that no longer is, and everything that one can buy of them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from models import CheckoutSession, Customer, Dispute, Payment, Plan, Price, Refund, Subscription, WebhookEvent

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


@dataclass
class Purchases:
    """What one customer has."""

    customer: Customer
    subscription: Subscription
    payment: Payment
    refund: Refund
    session: CheckoutSession
    dispute: Dispute


@dataclass
class World:
    pro: Plan
    pro_price: Price
    retired_price: Price
    old: Plan
    old_price: Price
    alice: Purchases
    bob: Purchases
    event: WebhookEvent


async def plan(code: str, **values: Any) -> Plan:
    return await Plan.create(
        **{"code": code, "kind": "SUBSCRIPTION", "name": code.title(), "features": ["exports"], "credits": 10, **values}
    )


async def price(of: Plan, currency: str, unit_amount: int, **values: Any) -> Price:
    recurring: dict[str, Any] = {"interval": "MONTH", "interval_count": 1, "trial_days": 7}
    return await Price.create(plan_id=of.id, currency=currency, unit_amount=unit_amount, **recurring, **values)


async def payment(of: Customer, minutes: int = 0, **values: Any) -> Payment:
    given = {"amount": 4900, "currency": "USD", "status": "SUCCEEDED", "created_at": at(minutes), **values}
    return await Payment.create(customer_id=of.id, **given)


async def purchases(name: str, bought: Plan, cost: Price) -> Purchases:
    customer = await Customer.create(
        external_id=name, email=f"{name}@example.test", name=name.title(), stripe_customer_id=f"cus_{name}", created_at=at(0)
    )
    owned: dict[str, Any] = {"customer_id": customer.id, "plan_id": bought.id, "price_id": cost.id}
    subscription = await Subscription.create(
        **owned,
        status="ACTIVE",
        stripe_status="active",
        stripe_subscription_id=f"sub_{name}",
        current_period_start=at(0),
        current_period_end=at(60),
        created_at=at(1),
    )
    paid = await Payment.create(
        **owned,
        subscription_id=subscription.id,
        status="PARTIALLY_REFUNDED",
        stripe_status="succeeded",
        amount=4900,
        amount_refunded=900,
        currency="USD",
        description="Pro",
        failure_code="card_declined",
        failure_decline_code="insufficient_funds",
        failure_message="Your card has insufficient funds.",
        method_type="card",
        method_brand="visa",
        method_last4="4242",
        method_exp_month=12,
        method_exp_year=2030,
        stripe_payment_intent_id=f"pi_{name}",
        stripe_charge_id=f"ch_{name}",
        stripe_invoice_id=f"in_{name}",
        metadata={"order": "1042"},
        created_at=at(2),
        succeeded_at=at(3),
    )
    refund = await Refund.create(
        payment_id=paid.id,
        customer_id=customer.id,
        status="SUCCEEDED",
        amount=900,
        currency="USD",
        reason="DUPLICATE",
        stripe_refund_id=f"re_{name}",
        created_at=at(4),
    )
    session = await CheckoutSession.create(
        customer_id=customer.id,
        price_id=cost.id,
        payment_id=paid.id,
        subscription_id=subscription.id,
        mode="SUBSCRIPTION",
        status="COMPLETE",
        url="https://checkout.example.test/x",
        expires_at=at(90),
        stripe_session_id=f"cs_{name}",
        created_at=at(1),
    )
    dispute = await Dispute.create(
        payment_id=paid.id,
        customer_id=customer.id,
        status="WON",
        stripe_status="won",
        reason="fraudulent",
        amount=4900,
        currency="USD",
        evidence_due_by=at(90),
        stripe_dispute_id=f"dp_{name}",
        created_at=at(5),
    )
    return Purchases(customer, subscription, paid, refund, session, dispute)


async def told() -> WebhookEvent:
    return await WebhookEvent.create(
        stripe_event_id="evt_1",
        type="charge.refunded",
        api_version="2026-10-28.endive",
        object_id="ch_alice",
        status="PROCESSED",
        attempts=1,
        payload='{"id": "evt_1", "object": "event"}',
        occurred_at=at(4),
        received_at=at(5),
        processed_at=at(6),
        created_at=at(5),
    )


async def build() -> World:
    pro, old = await plan("pro", created_at=at(0)), await plan("old", active=False, created_at=at(-1))
    pro_price, old_price = await price(pro, "USD", 4900), await price(old, "EUR", 900)
    retired = await price(pro, "JPY", 500, active=False)
    alice, bob = await purchases("alice", pro, pro_price), await purchases("bob", old, old_price)
    return World(pro, pro_price, retired, old, old_price, alice, bob, await told())
