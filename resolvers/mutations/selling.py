"""Customers buy, for themselves only."""

from typing import Any

from models import CheckoutSession, Payment
from resolvers.mutations.payload import Payload, caller_of, made, refused
from resolvers.permissions import is_staff, require_viewer
from services.checkout import CheckoutRequest
from services.checkout import create_checkout_session as create_session
from services.errors import Refusal
from services.payment_intents import PaymentIntentRequest
from services.payment_intents import create_payment_intent as create_intent
from services.payment_refresh import refresh_payment as refresh
from services.portal import PortalRequest
from services.portal import create_portal_session as open_portal


async def create_checkout_session(info: Any, request: CheckoutRequest, key: str | None) -> Payload:
    """Anybody signed in."""
    context = info.context
    caller = caller_of(context, require_viewer(context))
    payload, _ = await made(info, "checkout_session", CheckoutSession, create_session(context.billing, caller, request, key))
    return payload


async def create_payment_intent(info: Any, request: PaymentIntentRequest, key: str | None) -> Payload:
    """Anybody signed in; the client secret is theirs alone."""
    context = info.context
    caller = caller_of(context, require_viewer(context))
    payload, secret = await made(info, "payment", Payment, create_intent(context.billing, caller, request, key))
    if secret is not None:
        payload.add(client_secret=secret, publishable_key=context.billing.settings.stripe_publishable_key)
    return payload


async def refresh_payment(info: Any, payment_id: str, key: str | None) -> Payload:
    """The payment's owner, and staff."""
    context = info.context
    viewer = require_viewer(context)
    work = refresh(context.billing, caller_of(context, viewer), payment_id, staff=is_staff(viewer), key=key)
    payload, _ = await made(info, "payment", Payment, work)
    return payload


async def create_portal_session(info: Any, request: PortalRequest, key: str | None) -> Payload:
    """Anybody signed in, to their own portal."""
    context = info.context
    caller = caller_of(context, require_viewer(context))
    try:
        done = await open_portal(context.billing, caller, request, key)
    except Refusal as refusal:
        return refused(refusal)
    return Payload([], url=done.extra)
