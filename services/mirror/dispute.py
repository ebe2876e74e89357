"""A dispute of Stripe's, and what it means for its payment."""

from models import CONTESTED, Dispute, DisputeStatus, Payment, PaymentStatus
from models.persistence import lock
from services import stripe_fields as fields
from services import stripe_shapes as shapes
from services.journal import Facts, change, create
from services.mirror.guard import renew
from services.mirror.known import Known
from services.mirror.moves import DISPUTE, may_move
from services.mirror.outcome import Outcome
from services.mirror.payment import settled
from services.mirror.payment_parent import known_payment_of, read_payment_of
from services.snapshot import Snapshot
from services.stripe_fields import Json

STATUSES = {status.value.lower(): status for status in DisputeStatus if status is not DisputeStatus.UNKNOWN}
"""Dispute.status -> ours; any other word is UNKNOWN (docs.stripe.com/api/disputes/object)."""


async def mirror_dispute(snapshot: Snapshot, known: Known) -> Outcome:
    """Write a dispute, and whether its payment is disputed; IGNORED when it is of a payment that is not ours."""
    dispute = snapshot.object
    payment = await known_payment_of(dispute, known) or await read_payment_of(dispute, known)
    if payment is None:
        return Outcome.IGNORED
    row = await lock(Dispute, stripe_dispute_id=fields.identifier(dispute))
    if row is None:
        outcome = await _make(payment, snapshot)
    else:
        status = DisputeStatus(row.status)
        outcome = await renew(row, snapshot, known, lambda told: _facts(status, told))
    await _tell_payment(payment)
    return outcome


def status_of(dispute: Json) -> DisputeStatus:
    """Our word for a dispute's status."""
    return STATUSES.get(fields.text(dispute, "status"), DisputeStatus.UNKNOWN)


async def _make(payment: Payment, snapshot: Snapshot) -> Outcome:
    owners = {"payment_id": payment.id, "customer_id": payment.customer_id}
    began = fields.moment(snapshot.object, "created")
    await create(Dispute(**owners, **_content(snapshot.object), created_at=began, stripe_version=snapshot.version))
    return Outcome.PROCESSED


async def _tell_payment(payment: Payment) -> None:
    contested = Dispute.filter(payment_id=payment.id, status__in=[status.value for status in CONTESTED])
    told: Facts = {"disputed": await contested.exists()}
    await change(payment, settled(payment, told, PaymentStatus(payment.status)))


async def _facts(before: DisputeStatus, dispute: Json) -> Facts | None:
    return _content(dispute) if may_move(DISPUTE, before, status_of(dispute)) else None


def _content(dispute: Json) -> Facts:
    return {
        "stripe_dispute_id": fields.identifier(dispute),
        "status": status_of(dispute).value,
        "stripe_status": fields.text(dispute, "status")[:64],
        "reason": fields.text(dispute, "reason")[:128],
        "amount": fields.integer(dispute, "amount"),
        "currency": fields.currency(dispute),
        "evidence_due_by": shapes.evidence_due_by(dispute),
    }
