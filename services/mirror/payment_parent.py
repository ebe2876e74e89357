"""The payment that a refund or a dispute is of, which Stripe may tell us of for the first time."""

from models import Payment
from services import stripe_fields as fields
from services.mirror.customer import known_customer
from services.mirror.invoice import mirror_invoice
from services.mirror.known import INVOICE_OF_PAYMENT_INTENT, Known
from services.mirror.outcome import Outcome
from services.mirror.payment import locked_payment
from services.mirror.payment_intent import mirror_payment_intent
from services.stripe_fields import Json


async def known_payment_of(thing: Json, known: Known) -> Payment | None:
    """Our payment, locked, that the object names by its payment intent or its charge; None while we know none."""
    return await locked_payment(thing, known, **stripe_ids(thing))


def stripe_ids(thing: Json) -> dict[str, str | None]:
    """The columns of a payment that the object names, and their values."""
    return {"stripe_payment_intent_id": fields.reference(thing, "payment_intent"), "stripe_charge_id": fields.reference(thing, "charge")}


async def read_payment_of(thing: Json, known: Known) -> Payment | None:
    """The payment of the object's payment intent, read from Stripe and written first, with its invoice if it has one; None if not ours.

    Versions before 2019 name the charge alone, which is read for its payment intent.
    """
    charge_id, intent_id = fields.reference(thing, "charge"), fields.reference(thing, "payment_intent")
    if intent_id is None and charge_id and (charge := known.require("charge", charge_id)):
        intent_id = fields.reference(charge.object, "payment_intent")
    intent = known.require("payment_intent", intent_id) if intent_id else None
    if intent is None:
        return None
    if await mirror_payment_intent(intent, known) is Outcome.IGNORED and await known_customer(intent.object):
        invoice = known.require(INVOICE_OF_PAYMENT_INTENT, intent.object["id"])
        if invoice is not None:
            await mirror_invoice(invoice, known)
    return await locked_payment({}, known, stripe_payment_intent_id=intent_id)
