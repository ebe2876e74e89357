"""Money back: all or part of what is left of one payment."""

from dataclasses import asdict, dataclass
from typing import Any

from models import RETURNING, Payment, PaymentStatus, Refund, RefundReason, RefundStatus
from models.database import transaction
from models.money import MAX_MINOR_UNITS, Money
from models.persistence import lock_id
from services import audit
from services.audit import ITSELF, Caller
from services.billing import Billing
from services.errors import InvalidInput, NotFound, PaymentNotRefundable, RefundExceedsPayment, Refusal
from services.idempotency import Call, Done, once
from services.journal import change, journal
from services.minimum_amounts import step
from services.mirror import write
from services.text_input import MAX_ID, checked_text, optional_text

REFUNDABLE = (PaymentStatus.SUCCEEDED.value, PaymentStatus.PARTIALLY_REFUNDED.value)
"""Payments of which something may go back; a disputed one is with the bank already."""

MAX_DESCRIPTION = 1000
"""Characters of a refund's description, which stays here."""


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """`amount` in minor units of the payment's currency; None for all that is left."""

    payment_id: str
    amount: int | None = None
    reason: RefundReason = RefundReason.REQUESTED_BY_CUSTOMER
    description: str | None = None


async def create_refund(billing: Billing, caller: Caller, request: RefundRequest, key: str) -> Done[None]:
    """Give money back; whether the caller may is the resolver's question.

    Raises InvalidInput, NotFound, PaymentNotRefundable and RefundExceedsPayment, and then nothing is written; the gateway's Refusals, after
    which the refund is pending or, when they are final, failed.
    """
    billing.stripe.require_enabled()
    checked_text(request.payment_id, MAX_ID, "paymentId")
    optional_text(request.description, MAX_DESCRIPTION, "description")
    if request.amount is not None and not 0 < request.amount <= MAX_MINOR_UNITS:
        raise InvalidInput("The amount is at least 1 minor unit.", "amount")

    async def begin() -> str:
        return await _begin(caller, request)

    return await once(Call(caller.viewer.external_id, "createRefund", key, asdict(request)), begin, lambda row_id: finish(billing, row_id))


async def _begin(caller: Caller, request: RefundRequest) -> str:
    payment = await Payment.filter(id=request.payment_id).select_for_update(no_key=True).first()
    if payment is None:
        raise NotFound("There is no such payment.", "paymentId")
    amount = await refundable(payment, request.amount)
    return await begin_refund(caller, payment, amount, request.reason, request.description)


async def begin_refund(caller: Caller | None, payment: Payment, amount: int, reason: RefundReason, description: str | None) -> str:
    """Write the pending refund of a locked payment, of which so much is left, and return its id; without a caller it is automatic."""
    row = Refund(
        payment_id=payment.id,
        customer_id=payment.customer_id,
        seller_id=payment.seller_id,
        amount=amount,
        currency=payment.currency,
        reason=reason.value,
        description=description,
        automatic=caller is None,
    )
    await row.save(force_create=True)
    await audit.record(
        caller or audit.ITSELF, "refund.create", row.id, payment=payment.id, amount=row.amount, currency=row.currency, reason=row.reason
    )
    return str(row.id)


async def refundable(payment: Payment, asked: int | None) -> int:
    """The minor units that can be given back of a locked payment: what is asked, or all that is left.

    Raises PaymentNotRefundable, RefundExceedsPayment, and InvalidInput for a part finer than its currency is charged in.
    """
    if payment.status not in REFUNDABLE:
        raise PaymentNotRefundable(f"This payment is {payment.status}: only one that succeeded can be given back.", "paymentId")
    left = await left_of(payment)
    if left <= 0:
        raise PaymentNotRefundable("Nothing is left of this payment.", "paymentId")
    if asked is not None and asked > left:
        raise RefundExceedsPayment(f"{Money(left, payment.currency).decimal} {payment.currency} is left of this payment.", "amount")
    if asked not in (None, left) and asked % step(payment.currency):
        raise InvalidInput(f"An amount in {payment.currency} must be a multiple of {step(payment.currency)} minor units.", "amount")
    return left if asked is None else asked


async def left_of(payment: Payment) -> int:
    """Minor units that are neither given back nor on their way; the payment must be locked. What Stripe says went back counts too."""
    returning = await Refund.filter(payment_id=payment.id, status__in=[status.value for status in RETURNING]).values_list(
        "amount", flat=True
    )
    spoken_for = sum(int(str(amount)) for amount in returning)
    return int(payment.amount) - max(spoken_for, int(payment.amount_refunded))


async def finish(billing: Billing, row_id: str) -> None:
    """Bring a pending refund to Stripe and write what it says; not inside a transaction. Safe to run again.

    Raises the gateway's Refusals; after a final one the refund is FAILED and its amount is left again.
    """
    row = await Refund.get(id=row_id).select_related("payment")
    if row.stripe_refund_id or row.status != RefundStatus.PENDING:
        return
    parameters: Any = {"amount": row.amount, "metadata": {"billgraph_id": row.id}, "expand": ["charge"], **_of(row.payment)}
    if row.reason != RefundReason.OTHER:
        parameters["reason"] = row.reason.lower()
    options: Any = {"idempotency_key": f"refund-{row.id}"}
    try:
        made = await billing.stripe.call("refund.create", lambda client: client.v1.refunds.create_async(parameters, options))
    except Refusal as refusal:
        if not refusal.retryable:
            await fail(row_id, refusal.message)
        raise
    await write(billing, made)


def _of(payment: Payment) -> dict[str, str | None]:
    if payment.stripe_payment_intent_id:
        return {"payment_intent": payment.stripe_payment_intent_id}
    return {"charge": payment.stripe_charge_id}


async def fail(row_id: str, reason: str) -> None:
    """Give up a refund that is not at Stripe and never will be."""
    async with transaction(), journal(ITSELF):
        row = await lock_id(Refund, row_id)
        if row.stripe_refund_id is None and row.status == RefundStatus.PENDING:
            await change(row, {"status": RefundStatus.FAILED.value, "failure_reason": reason[:128]})
