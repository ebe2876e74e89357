"""What sellers are told; they know the customer by their external id alone."""

from models import EmailKind, RefundStatus
from models.payment import PAID
from services.emails.about import About
from services.emails.purchases import item_of, whole_item
from services.emails.told import Fact, Told, Values, facts
from services.emails.voice import Voice


def sale(voice: Voice, about: About) -> Told | None:
    """That something of theirs was paid."""
    payment = about.payment
    if payment is None or payment.status not in PAID:
        return None
    amount = voice.money(payment.amount, payment.currency)
    day = voice.day(payment.succeeded_at or payment.created_at)
    shown = facts(voice, item=whole_item(voice, about), amount=amount, date=day, customer=_buyer(about), receipt=about.receipt_number)
    values: Values = {"amount": amount, "item": item_of(voice, about)}
    return _told(EmailKind.SALE, voice, about, values, shown + facts(voice, payment=payment.id))


def sale_refunded(voice: Voice, about: About) -> Told | None:
    """That a customer of theirs was given money back."""
    payment, refund = about.payment, about.refund
    if payment is None or refund is None or refund.status != RefundStatus.SUCCEEDED:
        return None
    amount, buyer, number = voice.money(refund.amount, refund.currency), _buyer(about), about.receipt_number
    shown = facts(
        voice, item=whole_item(voice, about), amount=amount, date=voice.day(refund.created_at), customer=buyer, credit_note=number
    )
    values: Values = {"amount": amount, "item": item_of(voice, about)}
    return _told(EmailKind.SALE_REFUNDED, voice, about, values, shown + facts(voice, payment=payment.id))


def _told(kind: EmailKind, voice: Voice, about: About, values: Values, shown: tuple[Fact, ...]) -> Told:
    name = about.seller.name if about.seller else ""
    return Told(kind, voice, values, name, facts=shown, because="because_seller")


def _buyer(about: About) -> str:
    return about.customer.external_id if about.customer else ""
