"""A refund of Stripe's, and the payment that it is of."""

from models import COME_BACK, Payment, Refund
from models.ids import Prefix
from models.persistence import find, lock_id
from services import stripe_fields as fields
from services.mirror.charge import mirror_charge
from services.mirror.known import Known
from services.mirror.our_id import our_id
from services.mirror.outcome import Outcome
from services.mirror.payment import belongs
from services.mirror.payment_parent import known_payment_of, read_payment_of, stripe_ids
from services.mirror.refund_row import mirror_refund_of, status_of
from services.snapshot import Snapshot
from services.stripe_fields import Json


async def mirror_refund(snapshot: Snapshot, known: Known) -> Outcome:
    """Write a refund; IGNORED when it is of a payment that is not ours.

    A refund that failed gives its amount back to the charge, which Stripe sends no event for: the charge is read.
    """
    refund = snapshot.object
    payment = await _payment_of(refund, known)
    if payment is None:
        return Outcome.IGNORED
    outcome = await mirror_refund_of(payment, snapshot, known)
    charge = refund.get("charge")
    if isinstance(charge, dict):
        await mirror_charge(Snapshot(charge, snapshot.version, snapshot.read), known)
    elif outcome is Outcome.PROCESSED and status_of(refund) in COME_BACK:
        await _charge_anew(refund, known)
    return outcome


async def _charge_anew(refund: Json, known: Known) -> None:
    charge_id = fields.reference(refund, "charge")
    charge = known.require("charge", charge_id) if charge_id else None
    if charge is not None:
        await mirror_charge(charge, known)


async def _payment_of(refund: Json, known: Known) -> Payment | None:
    row = await known_payment_of(refund, known)
    row_id = our_id(refund, Prefix.REFUND)
    if row is None and row_id and (ours := await find(Refund, id=row_id)):
        named = await lock_id(Payment, ours.payment_id)
        row = named if belongs(named, stripe_ids(refund)) else None
    return row or await read_payment_of(refund, known)
