"""What customers and staff do with a running subscription: end it, take that back, let it rest, and go on."""

from models import ENDED, Invoice, InvoiceStatus, Subscription, SubscriptionChangeKind, SubscriptionStatus
from services.billing import Billing
from services.errors import InvalidInput, SubscriptionAlreadyCanceled, SubscriptionNotActive
from services.idempotency import Done
from services.instalments import in_instalments
from services.subscription_changes import Asked, Wanted, change_subscription
from services.text_input import optional_text

MAX_REASON = 500
"""Characters of why somebody cancels."""

RENEWING = frozenset({SubscriptionStatus.ACTIVE, SubscriptionStatus.TRIALING, SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID})
"""Subscriptions whose period runs, so that they can end with it."""


async def cancel_subscription(billing: Billing, asked: Asked, *, at_period_end: bool = True, reason: str | None = None) -> Done[None]:
    """Let it end with the period that is paid for, or now. Nothing is given back by itself; what waits for an invoice is billed.

    Raises InvalidInput, SubscriptionAlreadyCanceled, SubscriptionNotActive, and as `change_subscription`.
    """
    optional_text(reason, MAX_REASON, "reason")

    async def check(subscription: Subscription) -> Wanted:
        if subscription.status in ENDED:
            raise SubscriptionAlreadyCanceled("This subscription has ended.", "id")
        if at_period_end:
            _check_period_end(subscription)
        details = {"cancellation_details": {"comment": reason}} if reason else {}
        planned = {"cancel_at_period_end": True} if at_period_end else {"invoice_now": True}
        return Wanted(SubscriptionChangeKind.CANCEL, parameters=planned | details, told={"at_period_end": at_period_end, "reason": reason})

    given = {"at_period_end": at_period_end, "reason": reason}
    return await change_subscription(billing, asked, "cancelSubscription", given, check)


def _check_period_end(subscription: Subscription) -> None:
    if subscription.cancel_at_period_end:
        raise SubscriptionAlreadyCanceled("This subscription ends with its period already.", "id")
    if subscription.status not in RENEWING:
        raise SubscriptionNotActive("No period of this subscription runs: cancel it now, with atPeriodEnd false.", "atPeriodEnd")


async def resume_subscription(billing: Billing, asked: Asked) -> Done[None]:
    """Take back a planned end. Raises SubscriptionNotActive, and as `change_subscription`."""

    async def check(subscription: Subscription) -> Wanted:
        if subscription.status in ENDED:
            raise SubscriptionNotActive("This subscription has ended: subscribe again.", "id")
        if subscription.cancel_at is None:
            raise SubscriptionNotActive("No end of this subscription is planned: there is nothing to take back.", "id")
        return Wanted(SubscriptionChangeKind.RESUME, told={"cancel_at": [subscription.cancel_at.isoformat(), None]})

    return await change_subscription(billing, asked, "resumeSubscription", {}, check)


async def pause_subscription(billing: Billing, asked: Asked) -> Done[None]:
    """Let it rest from now on: nothing is billed and nothing may be used; what was paid for and is not used is taken off the next invoice.

    (docs.stripe.com/billing/subscriptions/pausing.) Raises InvalidInput, SubscriptionNotActive, and as `change_subscription`.
    """

    async def check(subscription: Subscription) -> Wanted:
        if subscription.status != SubscriptionStatus.ACTIVE:
            raise SubscriptionNotActive("Only an active subscription can be paused.", "id")
        if subscription.cancel_at is not None or await in_instalments(subscription):
            raise InvalidInput("The end of this subscription is planned: it cannot be paused.", "id")
        return Wanted(SubscriptionChangeKind.PAUSE)

    return await change_subscription(billing, asked, "pauseSubscription", {}, check)


async def unpause_subscription(billing: Billing, asked: Asked) -> Done[None]:
    """Let it go on: a new period begins now and is charged, and while that invoice is not paid the subscription rests.

    Raises SubscriptionNotActive, and as `change_subscription`.
    """

    async def check(subscription: Subscription) -> Wanted:
        if subscription.status != SubscriptionStatus.PAUSED:
            raise SubscriptionNotActive("This subscription is not paused.", "id")
        if await Invoice.filter(subscription_id=subscription.id, status=InvoiceStatus.OPEN.value).exists():
            raise SubscriptionNotActive("It goes on once its open invoice is paid.", "id")
        return Wanted(SubscriptionChangeKind.UNPAUSE, parameters={"payment_behavior": "resume_on_payment_success"})

    return await change_subscription(billing, asked, "unpauseSubscription", {}, check)
