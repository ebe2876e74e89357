"""Causing an event at the sandbox, about a customer and a purchase of ours, so that it has the effect that Stripe's would have."""

from typing import Any

from models import CheckoutSession, Customer, Payment, Plan, PlanKind, Price
from models.database import transaction
from services import customers
from services.audit import Caller
from services.authentication import Role, Viewer
from services.billing import Billing
from services.checkout import CheckoutRequest, create_checkout_session
from services.errors import InvalidInput
from services.payment_intents import PaymentIntentRequest, create_payment_intent
from services.purchases import Choice
from services.stripe_fields import Json
from services.text_input import checked_text

MAX_TYPE = 128
"""Characters of an event type that are told again."""

_OF_SESSIONS = ("checkout.session.",)
_OF_PAYMENTS = ("payment_intent.", "charge.", "refund.")


async def trigger(billing: Billing, types: frozenset[str], kind: str, external_id: str) -> Json:
    """Have the sandbox cause an event of this type about the customer of that external id, who is made if need be, and return the event.

    For events of checkout sessions and of payments the customer first begins to buy a package that can be bought often, where the
    catalogue has one. Raises InvalidInput for a type that is not one of `types`, a customer that cannot be, and outside the sandbox, and
    then nothing was done; Refusals of the gateway.
    """
    settings = billing.settings
    if settings.production or not settings.sandbox:
        raise InvalidInput("Events are triggered in the sandbox alone: leave STRIPE_SECRET_KEY out and run billgraph serve.")
    _check(kind, types)
    caller = Caller(await _viewer(checked_text(external_id, 255, "customer")))
    async with transaction():
        customer = await customers.row_of(caller.viewer)
    given = {"customer": await customers.stripe_id_of(billing, customer.id)} | await _begun(billing, caller, kind)
    answer = await billing.stripe.call(
        "event.trigger", lambda client: client.raw_request_async("post", "/v1/test_helpers/events", type=kind, **given)
    )
    return answer.object


def _check(kind: str, types: frozenset[str]) -> None:
    if kind not in types:
        near = sorted(known for known in types if known.partition(".")[0] == kind.partition(".")[0])
        raise InvalidInput(f"No event of type {kind[:MAX_TYPE]!r} is handled. Handled are: {', '.join(near or sorted(types))}.", "type")


async def _viewer(external_id: str) -> Viewer:
    row = await Customer.get_or_none(external_id=external_id)
    return Viewer(external_id, row.email if row else None, frozenset({Role.CUSTOMER}))


async def _begun(billing: Billing, caller: Caller, kind: str) -> dict[str, Any]:
    choice = await _choice(billing.settings.default_currency)
    if choice is None:
        return {}
    if kind.startswith(_OF_SESSIONS):
        session = await create_checkout_session(billing, caller, CheckoutRequest(choice))
        return {"checkout_session": (await CheckoutSession.get(id=session.object_id)).stripe_session_id}
    if kind.startswith(_OF_PAYMENTS):
        payment = await create_payment_intent(billing, caller, PaymentIntentRequest(choice))
        return {"payment_intent": (await Payment.get(id=payment.object_id)).stripe_payment_intent_id}
    return {}


async def _choice(currency: str) -> Choice | None:
    plan = await Plan.filter(kind=PlanKind.PACKAGE, repeatable=True, active=True).order_by("id").first()
    price = await Price.filter(plan_id=plan.id, active=True, currency=currency).order_by("id").first() if plan else None
    return Choice(price_id=price.id) if price else None
