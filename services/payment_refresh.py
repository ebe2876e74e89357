"""Reading a payment again from Stripe, for whoever will not wait for the webhook."""

from models import CheckoutSession, Customer, Payment
from services import audit, checkout, payment_intents
from services.audit import Caller
from services.billing import Billing
from services.errors import NotFound
from services.idempotency import Call, Done, once
from services.mirror import write
from services.text_input import MAX_ID, checked_text


async def refresh_payment(billing: Billing, caller: Caller, payment_id: str, *, staff: bool, key: str | None = None) -> Done[None]:
    """Read the caller's payment (anybody's for staff) and what belongs to it from Stripe, and write it.

    A payment that is not at Stripe yet is brought there first. Raises NotFound and the gateway's Refusals.
    """
    billing.stripe.require_enabled()
    checked_text(payment_id, MAX_ID, "id")

    async def begin() -> str:
        payment = await Payment.get_or_none(id=payment_id)
        if payment is None or not (staff or await _owns(caller, payment)):
            raise NotFound("There is no such payment.", "id")
        await audit.record(caller, "payment.refresh", payment.id)
        return str(payment.id)

    call = Call(caller.viewer.external_id, "refreshPayment", key, {"id": payment_id})
    return await once(call, begin, lambda row_id: reread(billing, row_id))


async def _owns(caller: Caller, payment: Payment) -> bool:
    return await Customer.filter(id=payment.customer_id, external_id=caller.viewer.external_id).exists()


async def reread(billing: Billing, payment_id: str) -> None:
    """Read what Stripe has of a payment and write it; not inside a transaction."""
    session = await CheckoutSession.get_or_none(payment_id=payment_id)
    payment = await Payment.get(id=payment_id)
    if session is not None and session.stripe_session_id is None:
        await checkout.finish(billing, session.id)
    elif session is not None and payment.stripe_payment_intent_id is None:
        await _read(billing, "checkout.session", session.stripe_session_id)
    elif session is None and payment.stripe_payment_intent_id is None:
        await payment_intents.finish(billing, payment_id)
    intent_id = (await Payment.get(id=payment_id)).stripe_payment_intent_id
    await _read(billing, "payment_intent", intent_id)


async def _read(billing: Billing, kind: str, object_id: str | None) -> None:
    snapshot = await billing.stripe.retrieve(kind, object_id) if object_id else None
    if snapshot is not None:
        await write(billing, snapshot)
