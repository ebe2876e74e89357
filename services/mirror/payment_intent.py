"""A payment intent of Stripe's: how far our payment has come."""

from datetime import UTC, datetime

from models import PAID, Payment, PaymentStatus
from services import stripe_fields as fields
from services import stripe_shapes as shapes
from services.journal import Facts
from services.mirror.charge import mirror_charge
from services.mirror.guard import renew
from services.mirror.known import Known
from services.mirror.outcome import Outcome
from services.mirror.payment import locked_payment, settled
from services.snapshot import Snapshot
from services.stripe_fields import Json

STATUSES = {
    "requires_payment_method": PaymentStatus.PENDING,
    "requires_confirmation": PaymentStatus.PENDING,
    "requires_action": PaymentStatus.REQUIRES_ACTION,
    "processing": PaymentStatus.PROCESSING,
    "requires_capture": PaymentStatus.PROCESSING,
    "succeeded": PaymentStatus.SUCCEEDED,
    "canceled": PaymentStatus.CANCELED,
}
"""PaymentIntent.status -> ours; any other word is UNKNOWN (docs.stripe.com/payments/paymentintents/lifecycle)."""


def status_of(intent: Json) -> PaymentStatus:
    """Our word for a payment intent's status; waiting for a method after an attempt that failed is FAILED."""
    if intent.get("status") == "requires_payment_method" and fields.part(intent, "last_payment_error"):
        return PaymentStatus.FAILED
    return STATUSES.get(fields.text(intent, "status"), PaymentStatus.UNKNOWN)


async def mirror_payment_intent(snapshot: Snapshot, known: Known) -> Outcome:
    """Write a payment intent into its payment, and its charge with it where it is given whole; IGNORED when we did not ask for it."""
    intent = snapshot.object
    row = await locked_payment(intent, known, stripe_payment_intent_id=fields.identifier(intent))
    if row is None:
        return Outcome.IGNORED
    outcome = await renew(row, snapshot, known, lambda told: _facts(row, told, snapshot.version), "intent_version")
    charge = shapes.latest_charge(intent)
    if charge is not None:
        await mirror_charge(Snapshot(charge | {"payment_intent": intent["id"]}, snapshot.version, snapshot.read), known)
    return outcome


async def _facts(row: Payment, intent: Json, version: int) -> Facts | None:
    told = status_of(intent)
    if row.status in PAID and told is not PaymentStatus.SUCCEEDED:
        return None
    code, decline_code, message = shapes.failure_of_intent(intent)
    facts: Facts = {
        "stripe_payment_intent_id": fields.identifier(intent),
        "stripe_status": fields.optional_word(intent, "status", 64),
        "currency": fields.currency(intent),
        "failure_code": code,
        "failure_decline_code": decline_code,
        "failure_message": message,
    }
    return settled(row, facts | _of_charge(row, intent, told, version), told)


def _of_charge(row: Payment, intent: Json, told: PaymentStatus, version: int) -> Facts:
    """What the charge says better: told by the payment intent only while there is none."""
    if row.charge_version:
        return {}
    paid = told is PaymentStatus.SUCCEEDED
    facts: Facts = {f"method_{name}": value for name, value in shapes.method_of_intent(intent)._asdict().items()}
    facts["amount"] = fields.integer(intent, "amount_received" if paid else "amount")
    if paid:
        facts["succeeded_at"] = datetime.fromtimestamp(version, UTC)
        facts["stripe_charge_id"] = fields.reference(intent, "latest_charge")
    return facts
