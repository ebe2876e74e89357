"""Finishing what was cut off between our first write and Stripe's answer: the same request under the same key, so nothing is done twice."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from tortoise.queryset import QuerySet

from models import (
    CheckoutSession,
    Erasure,
    ErasureStatus,
    Payment,
    PaymentStatus,
    Plan,
    Price,
    PromotionCode,
    Refund,
    RefundStatus,
    SubscriptionChange,
    SubscriptionChangeStatus,
)
from services import checkout, payment_intents, promotion_codes, publication, refunds, subscription_changes
from services.billing import Billing
from services.erasure import erasing
from services.errors import Refusal, StripeRejected
from services.lost_objects import find_at_stripe
from services.mirror import write

BATCH = 100
"""Rows of each kind that one round takes."""

MAX_FAILURES = 10
"""Rows that may fail before a round ends: Stripe is then likely to be down."""

KEY_LIFETIME = timedelta(hours=23)
"""Stripe keeps idempotency keys for a day. Older rows are looked up at Stripe, and given up when Stripe has not done them."""

LOST = "Stripe was not reached within a day, and has no such object: ask again."

UNREACHED = "Stripe was not reached within a day: see how the subscription is, and ask again."

_log = structlog.get_logger(__name__)


async def _found(billing: Billing, row: Any) -> bool:
    found = await find_at_stripe(billing, row)
    if found is not None:
        await write(billing, found)
    return found is not None


async def _never(row_id: str) -> None:
    """What is begun is not given up."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How rows of one kind are finished, looked up at Stripe and closed when it has done them after all, and given up."""

    pending: Callable[[], QuerySet[Any]]
    finish: Callable[[Billing, str], Awaitable[Any]]
    give_up: Callable[[str], Awaitable[None]]
    look_up: Callable[[Billing, Any], Awaitable[bool]] = _found


KINDS = (
    Kind(
        lambda: CheckoutSession.filter(stripe_session_id=None, failure=None),
        checkout.finish,
        lambda row_id: checkout.fail(row_id, LOST),
    ),
    Kind(
        lambda: Payment.filter(
            status=PaymentStatus.PENDING.value, stripe_payment_intent_id=None, stripe_invoice_id=None, checkout_session__isnull=True
        ),
        payment_intents.finish,
        lambda row_id: payment_intents.fail(row_id, StripeRejected(LOST)),
    ),
    Kind(
        lambda: Refund.filter(status=RefundStatus.PENDING.value, stripe_refund_id=None),
        refunds.finish,
        lambda row_id: refunds.fail(row_id, LOST),
    ),
    Kind(
        lambda: PromotionCode.filter(stripe_promotion_code_id=None, failure=None),
        promotion_codes.finish,
        lambda row_id: promotion_codes.fail(row_id, LOST),
    ),
    Kind(
        lambda: SubscriptionChange.filter(status=SubscriptionChangeStatus.PENDING.value),
        subscription_changes.finish,
        lambda row_id: subscription_changes.fail(row_id, UNREACHED),
        subscription_changes.look_up,
    ),
    Kind(lambda: Erasure.filter(status=ErasureStatus.PENDING.value), erasing.finish, _never, erasing.look_up),
)


async def finish_pending(billing: Billing, older_than: timedelta) -> int:
    """Finish what was begun longer ago than that (sales, refunds, codes, changes of subscriptions, erasures), and bring prices to Stripe.

    Returns how many rows came to an end. Rows that Stripe still does not answer for stay as they are. Several processes at once do no
    harm: Stripe's keys keep the work single.
    """
    try:
        billing.stripe.require_enabled()
    except StripeRejected:
        return 0
    before = datetime.now(UTC) - older_than
    finished = await _publish(billing, before)
    for kind in KINDS:
        rows = await kind.pending().filter(created_at__lt=before).order_by("id").limit(BATCH)
        finished += await _finish(billing, kind, rows)
    return finished


async def _finish(billing: Billing, kind: Kind, rows: list[Any]) -> int:
    finished = failures = 0
    for row in rows:
        if await _finished(billing, kind, row):
            finished += 1
        elif (failures := failures + 1) >= MAX_FAILURES:
            break
    return finished


async def _finished(billing: Billing, kind: Kind, row: Any) -> bool:
    """Whether the row came to an end, good or bad."""
    try:
        if datetime.now(UTC) - row.created_at < KEY_LIFETIME:
            await kind.finish(billing, row.id)
        elif not await kind.look_up(billing, row):
            await kind.give_up(row.id)
    except Refusal as refusal:
        _log.warning("pending_row_not_finished", row=row.id, code=refusal.code.value, retryable=refusal.retryable)
        return not refusal.retryable
    return True


async def _publish(billing: Billing, before: datetime) -> int:
    """Bring to Stripe what of the catalogue is not there as it is here."""
    lacking = await Price.filter(published=False, created_at__lt=before).order_by("id").limit(BATCH)
    changed = await Plan.filter(published=False, created_at__lt=before).order_by("id").limit(BATCH)
    plans = sorted({price.plan_id for price in lacking} | {plan.id for plan in changed})
    published = 0
    for plan in plans:
        try:
            await publication.publish(billing, plan)
        except Refusal as refusal:
            _log.warning("plan_not_published", plan=plan, code=refusal.code.value)
            if refusal.retryable:
                break
        else:
            published += 1
    return published
