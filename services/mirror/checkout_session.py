"""A checkout session of Stripe's: whether its page was used, and what came of it."""

from models import CheckoutMode, CheckoutSession, CheckoutStatus, Payment, PaymentStatus
from models.ids import Prefix
from models.persistence import find, lock_id
from services import stripe_fields as fields
from services import stripe_shapes as shapes
from services.journal import Facts, change
from services.mirror.customer import is_theirs
from services.mirror.guard import renew
from services.mirror.known import Known
from services.mirror.moves import CHECKOUT, may_move
from services.mirror.our_id import our_id
from services.mirror.outcome import Outcome
from services.mirror.payment import settled
from services.mirror.promotion_code import promotion_code_of
from services.mirror.subscription import subscription_of
from services.snapshot import Snapshot
from services.stripe_fields import Json, UnknownShape


async def mirror_checkout_session(snapshot: Snapshot, known: Known) -> Outcome:
    """Write a checkout session, link what it sold, and cancel the payment of one that expired; IGNORED when not made by us."""
    session = snapshot.object
    found = await _found(session, known)
    if found is None:
        return Outcome.IGNORED
    subscription_id = fields.reference(session, "subscription")
    subscription = await subscription_of(subscription_id, known) if subscription_id else None
    code_id = shapes.session_promotion_code(session)
    code = await promotion_code_of(code_id, known) if code_id and status_of(session) is CheckoutStatus.COMPLETE else None
    row = await lock_id(CheckoutSession, found.id)
    outcome = await renew(row, snapshot, known, lambda told: _facts(row, told))
    if subscription is not None and row.subscription_id is None:
        await change(row, {"subscription_id": subscription.id})
    if code is not None:
        await change(row, {"promotion_code_id": code.id})
    await _tell_payment(row, session)
    return outcome


async def _found(session: Json, known: Known) -> CheckoutSession | None:
    row = await find(CheckoutSession, stripe_session_id=fields.identifier(session, longest=fields.LONGEST_SESSION_ID))
    row_id = our_id(session, Prefix.CHECKOUT_SESSION)
    if row is None and row_id:
        named = await find(CheckoutSession, id=row_id, stripe_session_id=None)
        return named if named and await is_theirs(session, named.customer_id, known) else None
    return row


def status_of(session: Json) -> CheckoutStatus:
    """Our word for a session's status; before 2021-12 sessions had none, and were open until paid."""
    told = fields.optional_text(session, "status")
    if told is None:
        return CheckoutStatus.OPEN if session.get("payment_status") == "unpaid" else CheckoutStatus.COMPLETE
    try:
        return CheckoutStatus(told.upper())
    except ValueError:
        raise UnknownShape(session, "status", "open, complete or expired") from None


async def _facts(row: CheckoutSession, session: Json) -> Facts | None:
    told = status_of(session)
    if row.stripe_session_id and not may_move(CHECKOUT, CheckoutStatus(row.status), told):
        return None  # what was given up here without Stripe's word is what Stripe says
    facts: Facts = {
        "stripe_session_id": fields.identifier(session, longest=fields.LONGEST_SESSION_ID),
        "status": told.value,
        "url": fields.optional_text(session, "url"),
        "failure": None,
    }
    expires_at = fields.optional_moment(session, "expires_at")
    return facts | {"expires_at": expires_at} if expires_at else facts


async def _tell_payment(row: CheckoutSession, session: Json) -> None:
    """What a session that ended means for its payment, in facts that stay true whenever they are told."""
    if row.mode != CheckoutMode.PAYMENT or row.payment_id is None:
        return
    payment = await lock_id(Payment, row.payment_id)
    intent_id = fields.reference(session, "payment_intent")
    if intent_id and payment.stripe_payment_intent_id is None:
        await change(payment, {"stripe_payment_intent_id": intent_id})
    if row.status == CheckoutStatus.EXPIRED:
        await change(payment, settled(payment, {}, PaymentStatus.CANCELED))
    elif row.status == CheckoutStatus.COMPLETE and session.get("payment_status") == "no_payment_required":
        free: Facts = {"amount": fields.integer(session, "amount_total"), "succeeded_at": fields.moment(session, "created")}
        await change(payment, settled(payment, free, PaymentStatus.SUCCEEDED))
