"""The row of one refund, once its payment is known."""

from models import Payment, Refund, RefundReason, RefundStatus
from models.ids import Prefix
from models.persistence import lock
from services import stripe_fields as fields
from services.journal import Facts, create
from services.mirror.guard import renew
from services.mirror.known import Known
from services.mirror.moves import REFUND, may_move
from services.mirror.our_id import our_id
from services.mirror.outcome import Outcome
from services.snapshot import Snapshot
from services.stripe_fields import Json

STATUSES = {
    "pending": RefundStatus.PENDING,
    "requires_action": RefundStatus.REQUIRES_ACTION,
    "succeeded": RefundStatus.SUCCEEDED,
    "failed": RefundStatus.FAILED,
    "canceled": RefundStatus.CANCELED,
}
"""Refund.status -> ours; any other word is UNKNOWN (docs.stripe.com/api/refunds/object)."""

REASONS = {reason.value.lower(): reason for reason in RefundReason}


async def locked_refund(payment: Payment, refund: Json) -> Refund | None:
    """The refund, locked, by its Stripe id or, of this payment, by our id in its metadata; None where we have no row of it yet."""
    stripe_id = fields.identifier(refund)
    row = await lock(Refund, stripe_refund_id=stripe_id)
    row_id = our_id(refund, Prefix.REFUND)
    if row is None and row_id:
        row = await lock(Refund, id=row_id, payment_id=payment.id, stripe_refund_id=None)
    return row


async def mirror_refund_of(payment: Payment, snapshot: Snapshot, known: Known) -> Outcome:
    """Write a refund of this payment: its row, or one made now for a refund that began elsewhere, such as in Stripe's dashboard."""
    refund = snapshot.object
    row = await locked_refund(payment, refund)
    if row is not None:
        return await renew(row, snapshot, known, lambda told: _facts(row, told))
    owners = {"payment_id": payment.id, "customer_id": payment.customer_id}
    began = fields.moment(refund, "created")
    await create(Refund(**owners, **_content(refund), created_at=began, stripe_version=snapshot.version))
    return Outcome.PROCESSED


def status_of(refund: Json) -> RefundStatus:
    """Our word for a refund's status."""
    return STATUSES.get(fields.optional_text(refund, "status") or "", RefundStatus.UNKNOWN)


async def _facts(row: Refund, refund: Json) -> Facts | None:
    if row.stripe_refund_id and not may_move(REFUND, RefundStatus(row.status), status_of(refund)):
        return None  # what was given up here without Stripe's word is what Stripe says
    return _content(refund)


def _content(refund: Json) -> Facts:
    reason = REASONS.get(fields.optional_text(refund, "reason") or "", RefundReason.OTHER)
    return {
        "stripe_refund_id": fields.identifier(refund),
        "status": status_of(refund).value,
        "stripe_status": fields.optional_word(refund, "status", 64),
        "amount": fields.integer(refund, "amount"),
        "currency": fields.currency(refund),
        "reason": reason.value,
        "failure_reason": fields.optional_word(refund, "failure_reason", 128),
    }
