"""What customers are told of payments and refunds."""

from collections.abc import Mapping

from models import CheckoutSession, EmailKind, Payment, PaymentStatus, RefundRequestStatus, RefundStatus
from models.payment import PAID
from services.emails.about import About
from services.emails.told import Told, Values, facts, of_document
from services.emails.voice import Voice
from services.plain_text import lines_of

REASONS: Mapping[str, frozenset[str]] = {
    "reason_funds": frozenset({"insufficient_funds", "withdrawal_count_limit_exceeded", "card_velocity_exceeded"}),
    "reason_expired": frozenset({"expired_card"}),
    "reason_details": frozenset(
        "incorrect_number invalid_number incorrect_cvc invalid_cvc invalid_expiry_month invalid_expiry_year incorrect_zip "
        "invalid_account invalid_account_number".split()
    ),
    "reason_confirm": frozenset(
        {
            "authentication_required",
            "authentication_not_handled",
            "payment_intent_authentication_failure",
            "setup_intent_authentication_failure",
        }
    ),
    "reason_later": frozenset({"processing_error", "try_again_later", "issuer_not_available", "reenter_transaction"}),
}
"""Phrase -> Stripe's codes that it puts into words (docs.stripe.com/declines/codes); of all others, such as a card that is reported
stolen, its holder is to be told nothing."""


def receipt(voice: Voice, about: About) -> Told | None:
    """That money came in, with the receipt."""
    payment, document = about.payment, about.document
    if payment is None or document is None or payment.status not in PAID:
        return None
    values = {"number": document.number, "amount": voice.money(payment.amount, payment.currency), "item": item_of(voice, about)}
    known, lines, sums = of_document(voice, document)
    return told(EmailKind.RECEIPT, voice, about, values, facts=known, lines=lines, sums=sums, document=document)


def welcome(voice: Voice, about: About) -> Told | None:
    """That somebody bought something for the first time."""
    return told(EmailKind.WELCOME, voice, about, {"item": item_of(voice, about)})


def payment_failed(voice: Voice, about: About) -> Told | None:
    """That a payment did not go through, and what to do; no more once it has, or was given up."""
    payment = about.payment
    if payment is None or payment.status not in {PaymentStatus.FAILED, PaymentStatus.REQUIRES_ACTION}:
        return None
    amount, method = voice.money(payment.amount, payment.currency), _method(voice, payment)
    values = {"amount": amount, "item": item_of(voice, about), "reason": reason_of(voice, payment), "method": method}
    shown = facts(voice, item=whole_item(voice, about), amount=amount, method=method, date=voice.day(payment.created_at))
    return told(EmailKind.PAYMENT_FAILED, voice, about, values, facts=shown, url=_again(voice, about))


def refund_confirmed(voice: Voice, about: About) -> Told | None:
    """That money went back, with the credit note."""
    refund, document, payment = about.refund, about.document, about.payment
    if refund is None or document is None or payment is None or refund.status != RefundStatus.SUCCEEDED:
        return None
    values = {
        "number": document.number,
        "amount": voice.money(refund.amount, refund.currency),
        "item": item_of(voice, about),
        "method": _method(voice, payment),
    }
    known, lines, sums = of_document(voice, document)
    return told(EmailKind.REFUND_CONFIRMED, voice, about, values, facts=known, lines=lines, sums=sums, document=document)


def request_decided(voice: Voice, about: About) -> Told | None:
    """That a refund was granted or refused, with support's answer; nothing of a request that is open or was withdrawn."""
    request, payment, refund = about.request, about.payment, about.refund
    if request is None or payment is None or request.status not in {RefundRequestStatus.APPROVED, RefundRequestStatus.REJECTED}:
        return None
    asked = request.amount or (refund.amount if refund else None)
    amount = voice.money(asked, request.currency) if asked else ""
    note = tuple(lines_of(request.decision_note or ""))
    approved = request.status == RefundRequestStatus.APPROVED
    values: Values = {"approved": approved, "amount": amount, "item": item_of(voice, about)}
    paid_on = voice.day(payment.succeeded_at or payment.created_at)
    shown = facts(voice, item=whole_item(voice, about), amount=amount or voice.money(payment.amount, payment.currency), date=paid_on)
    return told(EmailKind.REFUND_REQUEST_DECIDED, voice, about, values, facts=shown, note=note)


def told(kind: EmailKind, voice: Voice, about: About, values: Values, **more: object) -> Told:
    """To the customer; its button leads to their account unless it says otherwise."""
    more.setdefault("url", voice.settings.email_account_url or "")
    name = (about.customer.name if about.customer else None) or ""
    return Told(kind, voice, values, name, **more)  # type: ignore[arg-type] # of many types


def item_of(voice: Voice, about: About) -> str:
    """What a payment is for, to stand within a sentence; empty where nothing says it."""
    names = _names(about)
    if not names:
        return ""
    first = voice.name(names[0])
    return first if len(names) == 1 else voice.phrase("and_more", first=first, count=len(names) - 1)


def whole_item(voice: Voice, about: About) -> str:
    """What a payment is for, as long as it is."""
    names, payment = _names(about), about.payment
    if about.plan and payment and payment.quantity > 1:
        return voice.phrase("times", item=names[0], quantity=voice.formats.number(payment.quantity))
    return ", ".join(names)


def reason_of(voice: Voice, payment: Payment | None) -> str:
    """Why a payment failed and what to do about it, in words for who pays."""
    if payment is not None and payment.status == PaymentStatus.REQUIRES_ACTION:
        return voice.phrase("reason_confirm")
    codes = {payment.failure_decline_code, payment.failure_code} - {None} if payment else set()
    if not codes:
        return voice.phrase("reason_unknown")
    return voice.phrase(next((phrase for phrase, known in REASONS.items() if known & codes), "reason_other"))


def _names(about: About) -> list[str]:
    if about.plan is not None:
        return [about.plan.name]
    return [line.description for line in about.bill.lines if line.description.strip()] if about.bill else []


def _method(voice: Voice, payment: Payment) -> str:
    return voice.method(payment.method_type, payment.method_brand, payment.method_last4)


def _again(voice: Voice, about: About) -> str:
    """Where it can be paid: the checkout that is still open, Stripe's page of the invoice, or else the account."""
    checkout: CheckoutSession | None = about.checkout
    hosted = about.invoice.hosted_url if about.invoice else None
    return (checkout.url if checkout else None) or hosted or voice.settings.email_account_url or ""
