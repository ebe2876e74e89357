"""Stripe's customer portal, in which customers look after their cards and subscriptions themselves."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any
from uuid import uuid4

from models import ENDED, Customer, IdempotencyKey, Subscription
from services import audit
from services.audit import Caller
from services.billing import Billing
from services.errors import InvalidInput, NoStripeCustomer, NotFound, PortalNotConfigured, StripeRejected, SubscriptionNotActive
from services.idempotency import Call, Done, once
from services.portal_configurations import configuration_for
from services.return_urls import return_url
from services.text_input import MAX_ID, checked_text


class PortalFlow(StrEnum):
    """Where the portal opens: its first page, or one task of it (docs.stripe.com/customer-management/portal-deep-links)."""

    HOME = "HOME"
    PAYMENT_METHOD_UPDATE = "PAYMENT_METHOD_UPDATE"
    SUBSCRIPTION_CANCEL = "SUBSCRIPTION_CANCEL"
    SUBSCRIPTION_UPDATE = "SUBSCRIPTION_UPDATE"


NONE_FITS = "The customer portal is not set up for this at Stripe: billgraph portal setup does it."

OF_SUBSCRIPTION = frozenset({PortalFlow.SUBSCRIPTION_CANCEL, PortalFlow.SUBSCRIPTION_UPDATE})
"""Flows that are about one subscription."""


@dataclass(frozen=True, slots=True)
class PortalRequest:
    """The return URL is the configured one when None; `subscription_id` for the flows about a subscription alone."""

    return_url: str | None = None
    flow: PortalFlow = PortalFlow.HOME
    subscription_id: str | None = None


async def create_portal_session(billing: Billing, caller: Caller, request: PortalRequest, key: str | None = None) -> Done[str]:
    """Open the portal for the caller; the Done's `extra` is its URL, which is a key to the portal for some minutes and never kept here.

    With an idempotency key the same URL is given again, as Stripe replays it. Raises InvalidInput, UrlNotAllowed, NotFound,
    SubscriptionNotActive, NoStripeCustomer, PortalNotConfigured and the gateway's Refusals.
    """
    billing.stripe.require_enabled()
    settings = billing.settings
    back = return_url(request.return_url, settings.portal_return_url, settings.origins, "returnUrl")
    _check(request)

    async def begin() -> str:
        return await _begin(caller, request)

    async def finish(customer_id: str) -> str:
        return await _opened(billing, customer_id, request, back, await _stripe_key(call))

    call = Call(caller.viewer.external_id, "createPortalSession", key, asdict(request))
    done = await once(call, begin, finish)
    return done if done.extra else Done(done.object_id, await finish(done.object_id))


def _check(request: PortalRequest) -> None:
    if request.subscription_id is not None:
        checked_text(request.subscription_id, MAX_ID, "subscriptionId")
    if (request.flow in OF_SUBSCRIPTION) != (request.subscription_id is not None):
        raise InvalidInput("A flow about a subscription needs its subscriptionId, other flows take none.", "subscriptionId")


async def _begin(caller: Caller, request: PortalRequest) -> str:
    customer = await Customer.get_or_none(external_id=caller.viewer.external_id)
    if request.subscription_id is not None:
        await _check_subscription(customer, request.subscription_id)
    if customer is None or customer.stripe_customer_id is None:
        raise NoStripeCustomer("There is nothing to show yet: buy something first.")
    await audit.record(caller, "portal_session.create", customer.id, flow=request.flow.value, subscription=request.subscription_id)
    return str(customer.id)


async def _check_subscription(customer: Customer | None, subscription_id: str) -> None:
    found = await Subscription.get_or_none(id=subscription_id, customer_id=customer.id) if customer else None
    if found is None:
        raise NotFound("There is no such subscription.", "subscriptionId")
    if found.status in ENDED:
        raise SubscriptionNotActive("This subscription has ended.", "subscriptionId")


async def _stripe_key(call: Call) -> str:
    if call.key is None:
        return f"portal-session-{uuid4()}"
    kept = await IdempotencyKey.get(actor=call.subject, mutation=call.mutation, key=call.key)
    return f"portal-session-{kept.id}"


async def _opened(billing: Billing, customer_id: str, request: PortalRequest, back: str, stripe_key: str) -> str:
    customer = await Customer.get(id=customer_id)
    configuration = await configuration_for(billing, customer_id, request.subscription_id)
    parameters: Any = {"customer": customer.stripe_customer_id, "return_url": back, **await _flow(request)}
    parameters |= {"configuration": configuration} if configuration else {}
    options: Any = {"idempotency_key": stripe_key}
    try:
        made = await billing.stripe.call(
            "billing_portal.session.create", lambda client: client.v1.billing_portal.sessions.create_async(parameters, options)
        )
    except StripeRejected as refusal:
        if "configuration" in refusal.message.lower():
            raise PortalNotConfigured(NONE_FITS) from refusal
        raise
    return str(made.object["url"])


async def _flow(request: PortalRequest) -> dict[str, Any]:
    if request.flow is PortalFlow.HOME:
        return {}
    kind = request.flow.lower()
    if request.flow not in OF_SUBSCRIPTION:
        return {"flow_data": {"type": kind}}
    subscription = await Subscription.get(id=str(request.subscription_id))
    return {"flow_data": {"type": kind, kind: {"subscription": subscription.stripe_subscription_id}}}
