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
FEATURE_REMOVED = "feature_removed"
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
    standing, held = await _of_payment(payment), await Entitlement.filter(payment_id=payment.id)
    for row in held:
        await change(row, _columns(row, standing))
    if not held:
        await _open(owner, plan, plan.features, standing)


async def entitle_subscription(subscription: Subscription) -> None:
    """Open or close what the subscription's plan gives; it must be locked.

    A feature that the plan has no more stays until the end of the period that runs when this is noticed.
    """
    plan = await find(Plan, id=subscription.plan_id) if subscription.plan_id else None
    standing, held = await _of_subscription(subscription), await Entitlement.filter(subscription_id=subscription.id)
    features = plan.features if plan else []
    for row in held:
        await change(row, _of_plan(row, plan, standing) or _running_out(row, standing, subscription.current_period_end))
    owner = {"customer_id": subscription.customer_id, "subscription_id": subscription.id, "starts_at": subscription.created_at}
    await _open(owner, plan, [feature for feature in features if feature not in {row.feature for row in held}], standing)


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


async def _open(owner: dict[str, Any], plan: Plan | None, features: list[str], standing: Standing) -> None:
    for feature in dict.fromkeys(features) if standing.reason is None else ():
        row = new(Entitlement, feature=feature, plan_id=plan and plan.id, **owner)
        row.past_due_since, row.disputed = standing.past_due_since, standing.disputed
        await create(row)


def _of_plan(row: Entitlement, plan: Plan | None, standing: Standing) -> dict[str, Any] | None:
    """The columns of a right that the plan gives, or that another plan gave; None for one that this plan gave and gives no more."""
    if plan is not None and row.feature in plan.features:
        return _columns(row, standing) | {"plan_id": plan.id}
    if plan is not None and row.plan_id == plan.id and row.revoked_reason in {None, FEATURE_REMOVED}:
        return None
    return _columns(row, Standing(standing.reason or PLAN_CHANGED))


def _running_out(row: Entitlement, standing: Standing, end: datetime | None) -> dict[str, Any]:
    if standing.reason is not None:
        return _columns(row, standing)
    told = {"past_due_since": standing.past_due_since, "disputed": standing.disputed, "revoked_reason": FEATURE_REMOVED}
    return told | ({} if row.revoked_reason else {"active_until": end or datetime.now(UTC)})


def _columns(row: Entitlement, standing: Standing) -> dict[str, Any]:
    told: dict[str, Any] = {"past_due_since": standing.past_due_since, "disputed": standing.disputed, "revoked_reason": standing.reason}
    if standing.reason is None:
        return told | {"active_until": ENDLESS}
    now = datetime.now(UTC)
    return told | ({} if row.active_until <= now else {"active_until": now})
