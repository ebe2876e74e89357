"""What keeps a person from being erased: something that is still open, and needs them to be known."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tortoise.queryset import QuerySet

from models import (
    LIVE,
    PAYABLE,
    SETTLED,
    Dispute,
    Invoice,
    Payment,
    PaymentStatus,
    Refund,
    RefundRequest,
    RefundRequestStatus,
    RefundStatus,
    Subscription,
    SubscriptionChange,
    SubscriptionChangeStatus,
    WebhookEvent,
    WebhookEventStatus,
)
from services.erasure.traces import Traces
from services.errors import CustomerNotErasable

MOST_NAMED = 10
"""Rows that a refusal names."""

ON_THE_WAY = (PaymentStatus.PROCESSING.value, PaymentStatus.UNKNOWN.value)
GOING_BACK = (RefundStatus.PENDING.value, RefundStatus.REQUIRES_ACTION.value, RefundStatus.UNKNOWN.value)


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Rows of a customer that are open, and what is to be done about them."""

    rows: Callable[[str], QuerySet[Any]]
    advice: str


OBSTACLES = (
    Obstacle(lambda of: Subscription.filter(customer_id=of, status__in=sorted(LIVE)), "end it now, with atPeriodEnd false"),
    Obstacle(
        lambda of: SubscriptionChange.filter(customer_id=of, status=SubscriptionChangeStatus.PENDING.value), "wait until Stripe has done it"
    ),
    Obstacle(
        lambda of: Invoice.filter(customer_id=of, status__in=sorted(PAYABLE)),
        "have it paid, or void it (Stripe's own: void it, or mark it uncollectible, there)",
    ),
    Obstacle(lambda of: Payment.filter(customer_id=of, status__in=ON_THE_WAY), "wait until the bank has said whether it is paid"),
    Obstacle(lambda of: Refund.filter(customer_id=of, status__in=GOING_BACK), "wait until it has arrived or failed"),
    Obstacle(lambda of: RefundRequest.filter(customer_id=of, status=RefundRequestStatus.PENDING.value), "decide it"),
    Obstacle(lambda of: Dispute.filter(customer_id=of).exclude(status__in=sorted(SETTLED)), "wait until the bank has decided"),
)


async def refuse_open(traces: Traces) -> None:
    """Raises CustomerNotErasable, naming what is open and what is to be done about it; inside the transaction, the customer locked."""
    found: list[str] = []
    for obstacle in OBSTACLES:
        rows = await obstacle.rows(traces.customer_id).order_by("id").limit(MOST_NAMED + 1 - len(found))
        found += [f"{row.id} is {row.status}: {obstacle.advice}" for row in rows]
        if len(found) > MOST_NAMED:
            break
    found += await _events(traces)
    if found:
        more = ", and more" if len(found) > MOST_NAMED else ""
        raise CustomerNotErasable(f"Something of this customer is still open: {'; '.join(found[:MOST_NAMED])}{more}.", "id")


async def _events(traces: Traces) -> list[str]:
    """Events that are still to be applied: what they tell would be lost."""
    waiting = WebhookEvent.filter(status=WebhookEventStatus.FAILED.value, next_attempt_at__not_isnull=True)
    found: list[str] = []
    for word in traces.searched():
        rows = await waiting.filter(payload__contains=word).order_by("id").limit(MOST_NAMED)
        found += [f"{row.id} failed: wait until it is applied, or replay it" for row in rows]
    return sorted(set(found))
