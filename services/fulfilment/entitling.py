"""Entitlements: open while paid for."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from models import ENDLESS, PAID, Entitlement, Invoice, InvoiceStatus, Payment, Plan, PlanKind, Subscription, SubscriptionStatus
from models.persistence import find, new
from services.fulfilment.standing import is_given_back, is_lost
from services.journal import change, create

REFUNDED = "refunded"
LOST = "dispute_lost"
PLAN_CHANGED = "plan_changed"
"""Why an entitlement was closed, beside the status of its subscription in lower case."""

OPEN = frozenset({SubscriptionStatus.TRIALING, SubscriptionStatus.ACTIVE, SubscriptionStatus.PAST_DUE})
"""Subscriptions whose holder may use the plan; past due for the days of grace alone."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a source is worth now: closed for a `reason`, or open, perhaps past due or disputed."""

    reason: str | None = None
    past_due_since: datetime = ENDLESS
    disputed: bool = False


async def entitle_payment(payment: Payment) -> None:
    """Open or close what the payment of a package gives; of other payments, nothing."""
    plan = await find(Plan, id=payment.plan_id) if payment.plan_id and payment.customer_id else None
    if plan is None or plan.kind != PlanKind.PACKAGE or payment.subscription_id or payment.invoice_id:
        return
    owner = {"customer_id": payment.customer_id, "payment_id": payment.id, "starts_at": payment.succeeded_at or payment.created_at}
    await _settle(owner, plan, await _of_payment(payment), await Entitlement.filter(payment_id=payment.id))


async def entitle_subscription(subscription: Subscription) -> None:
    """Open or close what the subscription's plan gives; it must be locked."""
    plan = await find(Plan, id=subscription.plan_id) if subscription.plan_id else None
    held = await Entitlement.filter(subscription_id=subscription.id)
    owner = {"customer_id": subscription.customer_id, "subscription_id": subscription.id, "starts_at": subscription.created_at}
    await _settle(owner, plan, await _of_subscription(subscription), held)


async def _of_payment(payment: Payment) -> Standing:
    if await is_lost(payment):
        return Standing(LOST)
    return Standing(REFUNDED) if is_given_back(payment) else Standing(disputed=payment.disputed)


async def _of_subscription(subscription: Subscription) -> Standing:
    """As its status says, and as the payment of its newest paid period stands; one that credit has paid stands by itself."""
    if subscription.status not in OPEN:
        return Standing(subscription.status.lower())
    periods = Invoice.filter(subscription_id=subscription.id, status=InvoiceStatus.PAID.value, lines__proration=False)
    newest = await periods.order_by("-created_at", "-id").first()
    payment = await Payment.filter(invoice_id=newest.id, status__in=sorted(PAID)).first() if newest else None
    standing = await _of_payment(payment) if payment else Standing()
    if standing.reason or subscription.status != SubscriptionStatus.PAST_DUE:
        return standing
    return Standing(None, subscription.past_due_since or datetime.now(UTC), standing.disputed)


async def _settle(owner: dict[str, Any], plan: Plan | None, standing: Standing, held: list[Entitlement]) -> None:
    features = dict.fromkeys(plan.features) if plan else {}
    for row in held:
        stays = row.payment_id is not None or row.feature in features
        columns = _columns(row, standing if stays else Standing(standing.reason or PLAN_CHANGED))
        await change(row, columns | ({"plan_id": plan.id} if plan and stays else {}))
    missing = [feature for feature in features if feature not in {row.feature for row in held}]
    for feature in missing if standing.reason is None else ():
        row = new(Entitlement, feature=feature, plan_id=plan and plan.id, **owner)
        row.past_due_since, row.disputed = standing.past_due_since, standing.disputed
        await create(row)


def _columns(row: Entitlement, standing: Standing) -> dict[str, Any]:
    told: dict[str, Any] = {"past_due_since": standing.past_due_since, "disputed": standing.disputed, "revoked_reason": standing.reason}
    if standing.reason is None:
        return told | {"active_until": ENDLESS}
    return told | ({} if row.revoked_reason else {"active_until": datetime.now(UTC)})
