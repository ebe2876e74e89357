"""A customer asks for money back; support approves, which gives it back, or rejects; the customer may withdraw."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from models import Payment, RefundReason, RefundRequest, RefundRequestStatus
from models.money import MAX_MINOR_UNITS
from services import audit, refunds
from services.audit import Caller
from services.billing import Billing
from services.deliveries.events import request_event
from services.deliveries.staging import stage
from services.emails.staging import stage_decision
from services.errors import InvalidInput, NotFound, RefundRequestClosed
from services.idempotency import Call, Done, nothing, once
from services.text_input import MAX_ID, checked_text, optional_text

MAX_REASON = 2000
MAX_NOTE = 2000
"""Characters of why somebody asks, and of what they are told."""


@dataclass(frozen=True, slots=True)
class Asked:
    """`amount` in minor units of the payment's currency; None for all that is left."""

    payment_id: str
    reason: str
    amount: int | None = None


async def request_refund(caller: Caller, asked: Asked, key: str | None) -> Done[None]:
    """Ask for money back of the caller's own payment, of which one request may be open.

    Raises InvalidInput, NotFound, PaymentNotRefundable and RefundExceedsPayment, and then nothing is written.
    """
    checked_text(asked.payment_id, MAX_ID, "paymentId")
    checked_text(asked.reason, MAX_REASON, "reason")
    if asked.amount is not None and not 0 < asked.amount <= MAX_MINOR_UNITS:
        raise InvalidInput("The amount is at least 1 minor unit.", "amount")
    call = Call(caller.viewer.external_id, "requestRefund", key, asdict(asked))
    return await once(call, lambda: _begin(caller, asked), nothing)


async def _begin(caller: Caller, asked: Asked) -> str:
    own = Payment.filter(id=asked.payment_id, customer__external_id=caller.viewer.external_id)
    if not await own.exists():
        raise NotFound("There is no such payment of yours.", "paymentId")
    payment = await Payment.filter(id=asked.payment_id).select_for_update(no_key=True).get()
    await refunds.refundable(payment, asked.amount)
    if await RefundRequest.filter(pending_payment_id=payment.id).exists():
        raise InvalidInput("You have asked for this payment already: wait for the answer, or withdraw what you asked.", "paymentId")
    row = RefundRequest(
        payment_id=payment.id,
        customer_id=str(payment.customer_id),
        seller_id=payment.seller_id,
        pending_payment_id=payment.id,
        amount=asked.amount,
        currency=payment.currency,
        reason=asked.reason,
    )
    await row.save(force_create=True)
    await audit.record(caller, "refund_request.create", row.id, payment=payment.id, amount=asked.amount)
    await stage([request_event(row)])
    return str(row.id)


async def approve_refund_request(billing: Billing, caller: Caller, request_id: str, note: str | None, key: str | None) -> Done[None]:
    """Give back what is asked for, once; whether the caller may is the resolver's question.

    Raises InvalidInput, NotFound, RefundRequestClosed, PaymentNotRefundable and RefundExceedsPayment, and then nothing is written; the
    gateway's Refusals, after which the request is approved, and its refund pending or, when they are final, failed.
    """
    billing.stripe.require_enabled()
    _check(request_id, note)

    async def begin() -> str:
        payment, row = await _open(request_id)
        amount = await refunds.refundable(payment, row.amount)
        row.refund_id = await refunds.begin_refund(caller, payment, amount, RefundReason.REQUESTED_BY_CUSTOMER, None)
        await _close(caller, row, RefundRequestStatus.APPROVED, note)
        await stage_decision(billing.settings, row)
        return str(row.id)

    async def finish(row_id: str) -> None:
        await refunds.finish(billing, str((await RefundRequest.get(id=row_id)).refund_id))

    return await once(_call(caller, "approveRefundRequest", request_id, note, key), begin, finish)


async def reject_refund_request(billing: Billing, caller: Caller, request_id: str, note: str | None, key: str | None) -> Done[None]:
    """Refuse what is asked for. Raises InvalidInput, NotFound and RefundRequestClosed."""
    _check(request_id, note)

    async def begin() -> str:
        _, row = await _open(request_id)
        await _close(caller, row, RefundRequestStatus.REJECTED, note)
        await stage_decision(billing.settings, row)
        return str(row.id)

    return await once(_call(caller, "rejectRefundRequest", request_id, note, key), begin, nothing)


async def withdraw_refund_request(caller: Caller, request_id: str, key: str | None) -> Done[None]:
    """Take back what the caller asked. Raises InvalidInput, NotFound and RefundRequestClosed."""
    _check(request_id, None)

    async def begin() -> str:
        own = RefundRequest.filter(id=request_id, customer__external_id=caller.viewer.external_id)
        if not await own.exists():
            raise NotFound("There is no such request of yours.", "id")
        _, row = await _open(request_id)
        await _close(caller, row, RefundRequestStatus.WITHDRAWN, None)
        return str(row.id)

    return await once(_call(caller, "withdrawRefundRequest", request_id, None, key), begin, nothing)


def _call(caller: Caller, mutation: str, request_id: str, note: str | None, key: str | None) -> Call:
    return Call(caller.viewer.external_id, mutation, key, {"id": request_id, "note": note})


def _check(request_id: str, note: str | None) -> None:
    checked_text(request_id, MAX_ID, "id")
    optional_text(note, MAX_NOTE, "note")


async def _open(request_id: str) -> tuple[Payment, RefundRequest]:
    """The payment and the request, locked in this order. Raises NotFound and RefundRequestClosed."""
    found = await RefundRequest.get_or_none(id=request_id)
    if found is None:
        raise NotFound("There is no such refund request.", "id")
    payment = await Payment.filter(id=found.payment_id).select_for_update(no_key=True).get()
    row = await RefundRequest.filter(id=request_id).select_for_update(no_key=True).get()
    if row.status != RefundRequestStatus.PENDING:
        raise RefundRequestClosed(f"This request is {row.status} already.", "id")
    return payment, row


async def _close(caller: Caller, row: RefundRequest, status: RefundRequestStatus, note: str | None) -> None:
    before = row.status
    row.status, row.decision_note, row.decided_at, row.pending_payment_id = status.value, note, datetime.now(UTC), None
    await row.save(update_fields=["status", "decision_note", "decided_at", "pending_payment_id", "refund_id"])
    await audit.record(caller, f"refund_request.{_VERBS[status]}", row.id, status=[before, row.status], refund=row.refund_id)
    await stage([request_event(row)])


_VERBS = {
    RefundRequestStatus.APPROVED: "approve",
    RefundRequestStatus.REJECTED: "reject",
    RefundRequestStatus.WITHDRAWN: "withdraw",
}
