"""A charge of Stripe's: that money came in, by what, and how much of it went back.

Attempts that failed are told by the payment intent; here only the charge that succeeded counts, of which a payment intent has one at most.
"""

from models import Payment, PaymentStatus
from services import stripe_fields as fields
from services import stripe_shapes as shapes
from services.journal import Facts
from services.mirror.guard import renew
from services.mirror.known import Known
from services.mirror.outcome import Outcome
from services.mirror.payment import locked_payment, settled
from services.mirror.refund_row import mirror_refund_of
from services.snapshot import Snapshot
from services.stripe_fields import Json


async def mirror_charge(snapshot: Snapshot, known: Known) -> Outcome:
    """Write a charge that succeeded into its payment, and the refunds that it carries; IGNORED when it failed or is none of ours.

    That a charge failed is told by its payment intent.
    """
    charge = snapshot.object
    if fields.text(charge, "status") != "succeeded" or charge.get("captured") is False:
        return Outcome.IGNORED
    intent_id = fields.reference(charge, "payment_intent")
    row = await locked_payment(charge, known, stripe_charge_id=fields.identifier(charge), stripe_payment_intent_id=intent_id)
    if row is None:
        return Outcome.IGNORED
    outcome = await renew(row, snapshot, known, lambda told: _facts(row, told), "charge_version")
    for refund in shapes.refunds(charge):
        await mirror_refund_of(row, Snapshot(refund, snapshot.version, snapshot.read), known)
    return outcome


async def _facts(row: Payment, charge: Json) -> Facts:
    facts: Facts = {
        "stripe_charge_id": fields.identifier(charge),
        "amount": shapes.captured(charge),
        "amount_refunded": shapes.given_back(charge),
        "currency": fields.currency(charge),
        "succeeded_at": fields.moment(charge, "created"),
    }
    if intent_id := fields.reference(charge, "payment_intent"):
        facts["stripe_payment_intent_id"] = intent_id
    facts |= {f"method_{name}": value for name, value in shapes.method_of_charge(charge)._asdict().items()}
    return settled(row, facts, PaymentStatus.SUCCEEDED)
