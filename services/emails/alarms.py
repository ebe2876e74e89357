"""What administrators are told: payments and refunds that failed, disputes, and work that waits for somebody."""

from dataclasses import replace

from models import COME_BACK, SETTLED, DeliveryStatus, DisputeStatus, EmailKind, PaymentStatus, RefundStatus, WebhookEventStatus
from services.development import SANDBOX_MOUNT
from services.emails.about import About
from services.emails.purchases import item_of, whole_item
from services.emails.told import Fact, Told, Values, facts
from services.emails.voice import Voice
from services.plain_text import one_line, shortened

DASHBOARD = "https://dashboard.stripe.com"
LONGEST_ERROR = 500
"""Characters of an error that are told."""


def payment_failed(voice: Voice, about: About) -> Told | None:
    """That a payment failed, in Stripe's words; nothing once it has succeeded."""
    payment = about.payment
    if payment is None or payment.status not in {PaymentStatus.FAILED, PaymentStatus.REQUIRES_ACTION}:
        return None
    amount, code = voice.money(payment.amount, payment.currency), payment.failure_decline_code or payment.failure_code or ""
    message = shortened(one_line(payment.failure_message or ""), LONGEST_ERROR)
    values: Values = {"amount": amount, "item": item_of(voice, about), "code": one_line(code), "message": message}
    shown = facts(voice, item=whole_item(voice, about), amount=amount, customer=_customer(about), reason=code, payment=payment.id)
    return _told(EmailKind.ADMIN_PAYMENT_FAILED, voice, values, shown, _at_stripe(voice, about))


def refund_failed(voice: Voice, about: About) -> Told | None:
    """That a customer has not got what they were to be given back, though they may have been told so."""
    refund = about.refund
    if refund is None or refund.status not in COME_BACK:
        return None
    amount = voice.money(refund.amount, refund.currency)
    reason = shortened(one_line(refund.failure_reason or "").replace("_", " ").rstrip("."), LONGEST_ERROR)
    values: Values = {"amount": amount, "item": item_of(voice, about), "canceled": refund.status == RefundStatus.CANCELED, "reason": reason}
    paid = about.payment.id if about.payment else None
    shown = facts(voice, item=whole_item(voice, about), amount=amount, customer=_customer(about), reason=reason, payment=paid)
    return _told(EmailKind.ADMIN_REFUND_FAILED, voice, values, shown, _at_stripe(voice, about))


def dispute_opened(voice: Voice, about: About) -> Told | None:
    """That a bank asks for money back; nothing once it is settled."""
    dispute = about.dispute
    if dispute is None or dispute.status in SETTLED:
        return None
    amount, by = voice.money(dispute.amount, dispute.currency), voice.day(dispute.evidence_due_by)
    shown = _of_dispute(voice, about, amount) + facts(voice, answer_by=by)
    return _told(EmailKind.ADMIN_DISPUTE_OPENED, voice, {"amount": amount, "answer_by": by}, shown, _at_stripe(voice, about))


def dispute_closed(voice: Voice, about: About) -> Told | None:
    """How a dispute ended."""
    dispute = about.dispute
    if dispute is None or dispute.status not in SETTLED:
        return None
    amount, status = voice.money(dispute.amount, dispute.currency), one_line(dispute.stripe_status.replace("_", " "))
    won, lost = dispute.status == DisputeStatus.WON, dispute.status == DisputeStatus.LOST
    values: Values = {"amount": amount, "won": won, "lost": lost, "status": status}
    shown = _of_dispute(voice, about, amount) + facts(voice, status=status)
    return _told(EmailKind.ADMIN_DISPUTE_CLOSED, voice, values, shown, _at_stripe(voice, about))


def work_given_up(voice: Voice, about: About) -> Told | None:
    """That something waits for an operator, and by which command it goes on; nothing once somebody let it."""
    for found in (_event(voice, about), _entry(voice, about), _delivery(voice, about)):
        if found is not None:
            return found
    return None


def _event(voice: Voice, about: About) -> Told | None:
    row = about.event
    if row is None or row.status != WebhookEventStatus.FAILED:
        return None
    shown = facts(voice, number=row.id, type=row.type, error=_error(row.error))
    return _given_up(voice, "what_event", row.attempts, f"billgraph webhooks replay {row.id}", "billgraph webhooks failed", shown)


def _entry(voice: Voice, about: About) -> Told | None:
    row = about.entry
    if row is None or row.next_attempt_at is not None:
        return None
    shown = facts(voice, number=row.id, type=row.kind, reason=row.subject_id, error=_error(row.error))
    return _given_up(voice, "what_outbox", row.attempts, f"billgraph outbox retry {row.id}", "billgraph outbox list --given-up", shown)


def _delivery(voice: Voice, about: About) -> Told | None:
    row = about.delivery
    if row is None or row.status != DeliveryStatus.DEAD:
        return None
    address = about.destination.url if about.destination else None
    shown = facts(voice, number=row.id, type=row.event_type, address=address, error=_error(row.error))
    return _given_up(
        voice, "what_delivery", row.attempts, f"billgraph deliveries redeliver {row.id}", "billgraph deliveries list --dead", shown
    )


def _given_up(voice: Voice, what: str, attempts: int, command: str, listing: str, shown: tuple[Fact, ...]) -> Told:
    values: Values = {"what": voice.phrase(what), "attempts": attempts}
    return replace(_told(EmailKind.ADMIN_WORK_GIVEN_UP, voice, values, shown, ""), note=(command, listing))


def _told(kind: EmailKind, voice: Voice, values: Values, shown: tuple[Fact, ...], url: str) -> Told:
    return Told(kind, voice, values, facts=shown, url=url, because="because_admin")


def _of_dispute(voice: Voice, about: About, amount: str) -> tuple[Fact, ...]:
    dispute = about.dispute
    reason, number = (dispute.reason.replace("_", " "), dispute.stripe_dispute_id) if dispute else ("", "")
    paid = about.payment.id if about.payment else None
    return facts(voice, dispute=number, amount=amount, reason=reason, customer=_customer(about), payment=paid)


def _customer(about: About) -> str:
    row = about.customer
    return ", ".join(filter(None, (row.external_id, row.name, row.email))) if row else ""


def _error(text: str | None) -> str:
    return shortened(one_line(text or ""), LONGEST_ERROR)


def _at_stripe(voice: Voice, about: About) -> str:
    """The payment in Stripe's dashboard, or the sandbox; empty where Stripe is neither."""
    settings, payment = voice.settings, about.payment
    if settings.sandbox:
        return f"{(settings.public_url or '').rstrip('/')}{SANDBOX_MOUNT}/"
    intent = payment.stripe_payment_intent_id if payment and settings.stripe_api_base is None else None
    key = settings.stripe_secret_key.get_secret_value() if settings.stripe_secret_key else ""
    test = "" if "_live_" in key else "/test"
    return f"{DASHBOARD}{test}/payments/{intent}" if intent else ""
