"""Two customers, a plan that is sold and one that no longer is, and everything that one can buy of them."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from models import (
    AuditEntry,
    CheckoutSession,
    CreditEntry,
    Customer,
    Delivery,
    Dispute,
    Entitlement,
    EventDestination,
    Invoice,
    InvoiceLine,
    Payment,
    Plan,
    Price,
    PromotionCode,
    Receipt,
    Refund,
    RefundRequest,
    Seller,
    Subscription,
    SubscriptionChange,
    WebhookEvent,
)

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
    invoice: Invoice
    line: InvoiceLine
    entry: CreditEntry
    right: Entitlement
    request: RefundRequest
    receipt: Receipt


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
    seller: Seller
    code: PromotionCode
    entry: AuditEntry
    destination: EventDestination
    delivery: Delivery


async def plan(code: str, **values: Any) -> Plan:
    told = {"kind": "SUBSCRIPTION", "name": code.title(), "features": ["exports"], "credits": 10, "credit_days": 30, "plan_group": "main"}
    return await Plan.create(**{"code": code, **told, **values})


async def price(of: Plan, currency: str, unit_amount: int, **values: Any) -> Price:
    recurring: dict[str, Any] = {"interval": "MONTH", "interval_count": 1, "trial_days": 7, "instalments": 12}
    return await Price.create(plan_id=of.id, currency=currency, unit_amount=unit_amount, **recurring, **values)


async def payment(of: Customer, minutes: int = 0, **values: Any) -> Payment:
    given = {"amount": 4900, "currency": "USD", "status": "SUCCEEDED", "created_at": at(minutes), **values}
    return await Payment.create(customer_id=of.id, **given)


async def invoice(of: Customer, minutes: int = 0, **values: Any) -> Invoice:
    given = {"currency": "USD", "total": 9000, "reference": f"order-{of.external_id}", "created_at": at(minutes), **values}
    return await Invoice.create(customer_id=of.id, **given)


async def purchases(name: str, bought: Plan, cost: Price, seller_id: str | None = None) -> Purchases:
    """Those of Alice are attributed to Carol."""
    customer = await Customer.create(
        external_id=name,
        email=f"{name}@example.test",
        name=name.title(),
        stripe_customer_id=f"cus_{name}",
        credit_balance=10,
        created_at=at(0),
    )
    sold: dict[str, Any] = {"customer_id": customer.id, "seller_id": seller_id}
    owned: dict[str, Any] = sold | {"plan_id": bought.id, "price_id": cost.id}
    subscription = await Subscription.create(
        **owned,
        status="ACTIVE",
        stripe_status="active",
        stripe_subscription_id=f"sub_{name}",
        currency="USD",
        monthly_amount=4900,
        collection_paused=True,
        resumes_at=at(120),
        current_period_start=at(0),
        current_period_end=at(60),
        cancel_at=at(180),
        stripe_payment_method_id="pm_1",
        created_at=at(1),
    )
    await SubscriptionChange.create(
        subscription_id=subscription.id,
        pending_subscription_id=subscription.id,
        customer_id=customer.id,
        price_id=cost.id,
        quantity=2,
        kind="CHANGE",
        created_at=at(2),
    )
    issued = await invoice(
        customer,
        1,
        seller_id=seller_id,
        subscription_id=subscription.id,
        amount_paid=4000,
        credit_applied=500,
        tax=700,
        status="PARTIALLY_PAID",
        billing_reason="subscription_cycle",
        period_start=at(0),
        period_end=at(60),
        attempts=2,
        next_attempt_at=at(90),
        due_at=at(-60),
        metadata={"term": "1"},
    )
    line = await InvoiceLine.create(
        invoice_id=issued.id,
        **sold,
        position=1,
        description="Fee",
        quantity=2,
        unit_amount=4500,
        amount=9000,
        currency="USD",
        amount_paid=4000,
        discount=100,
        proration=True,
        price_id=cost.id,
        period_start=at(0),
        period_end=at(60),
        created_at=at(1),
    )
    paid = await Payment.create(
        **owned,
        invoice_id=issued.id,
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
        **sold,
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
        **sold,
        status="WON",
        stripe_status="won",
        reason="fraudulent",
        amount=4900,
        currency="USD",
        evidence_due_by=at(90),
        stripe_dispute_id=f"dp_{name}",
        created_at=at(5),
    )
    entry = await CreditEntry.create(
        customer_id=customer.id,
        payment_id=paid.id,
        amount=10,
        balance_after=10,
        kind="RENEWAL",
        description="Pro",
        created_at=at(3),
    )
    right = await Entitlement.create(
        customer_id=customer.id,
        plan_id=bought.id,
        subscription_id=subscription.id,
        feature="exports",
        starts_at=at(1),
        created_at=at(3),
    )
    request = await RefundRequest.create(
        payment_id=paid.id,
        **sold,
        refund_id=refund.id,
        status="APPROVED",
        amount=900,
        currency="USD",
        reason="Too slow",
        decision_note="Sorry",
        decided_at=at(5),
        created_at=at(4),
    )
    receipt = await Receipt.create(
        kind="RECEIPT",
        number=f"{name}-2026-000001",
        series=seller_id or "house",
        year=2026,
        sequence=1,
        cause_id=paid.id,
        payment_id=paid.id,
        customer_id=customer.id,
        seller_id=seller_id,
        created_at=at(3),
    )
    await Receipt.create(
        kind="CREDIT_NOTE",
        number=f"{name}-CN-2026-000001",
        series=seller_id or "house",
        year=2026,
        sequence=1,
        cause_id=refund.id,
        payment_id=paid.id,
        refund_id=refund.id,
        customer_id=customer.id,
        seller_id=seller_id,
        created_at=at(4),
    )
    return Purchases(customer, subscription, paid, refund, session, dispute, issued, line, entry, right, request, receipt)


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


async def telling(of: Purchases) -> Delivery:
    """Of Alice's payment, to a destination with a secret that was just replaced."""
    destination = await EventDestination.create(
        url="https://school.example.test/events",
        event_types=["payment.succeeded"],
        secret="whsec_bmV3",
        former_secret="whsec_b2xk",
        former_secret_until=at(60),
        created_at=at(0),
    )
    return await Delivery.create(
        destination=destination,
        customer_id=of.customer.id,
        event_id="bev_1",
        event_type="payment.succeeded",
        object_id=of.payment.id,
        position=1,
        payload='{"id": "bev_1"}',
        status="FAILED",
        attempts=2,
        response_code=500,
        error="It answered 500.",
        next_attempt_at=at(9),
        created_at=at(3),
    )


async def build() -> World:
    pro, old = await plan("pro", created_at=at(0)), await plan("old", active=False, created_at=at(-1))
    pro_price, old_price = await price(pro, "USD", 4900), await price(old, "EUR", 900)
    retired = await price(pro, "JPY", 500, active=False)
    seller = await Seller.create(external_id="carol", name="Carol", email="carol@example.test")
    await Plan.filter(id=pro.id).update(seller_id=seller.id)
    alice, bob = await purchases("alice", pro, pro_price, seller.id), await purchases("bob", old, old_price)
    code = await PromotionCode.create(
        code="Spring",
        code_key="SPRING",
        active=True,
        percent_off=12.5,
        duration="REPEATING",
        duration_in_months=3,
        expires_at=datetime(2999, 1, 1, tzinfo=UTC),
        max_redemptions=10,
        times_redeemed=2,
        seller_id=seller.id,
        stripe_promotion_code_id="promo_1",
        stripe_coupon_id="coupon",
    )
    entry = await AuditEntry.create(
        actor="ADMIN:root", action="refund.create", object_id=alice.refund.id, changes={"amount": 900}, request_id="r-1", created_at=at(4)
    )
    delivery = await telling(alice)
    return World(pro, pro_price, retired, old, old_price, alice, bob, await told(), seller, code, entry, delivery.destination, delivery)
