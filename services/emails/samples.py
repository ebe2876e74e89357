"""E-mails of every kind about made-up rows, to see them without having sold anything."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from models import (
    Customer,
    Delivery,
    Dispute,
    EmailKind,
    EventDestination,
    Invoice,
    OutboxEntry,
    Payment,
    Plan,
    Price,
    PromotionCode,
    ReceiptKind,
    Refund,
    RefundRequest,
    Seller,
    Subscription,
    WebhookEvent,
)
from services.emails.about import About
from services.receipts.document import Bill, Document, Line, house_of
from settings import Settings

Columns = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cast:
    """Who and what the made-up rows are of; `amount` in minor units of `currency`, `at` when it all happens."""

    settings: Settings
    locale: str
    name: str = "Ada Lovelace"
    item: str = "Python from the ground up"
    amount: int = 49_900
    currency: str = "USD"
    at: datetime = field(default_factory=lambda: datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0))
    note: str = "You have used three of twelve lessons.\nSo we give back the rest."

    def customer(self) -> Customer:
        """Somebody known by name."""
        made = {"name": self.name, "email": "ada@example.com", "locale": self.locale, "stripe_payment_method_id": "pm_sample"}
        return Customer(external_id="user-4711", **made)

    def plan(self) -> Plan:
        """What is sold."""
        return Plan(code="sample", kind="SUBSCRIPTION", name=self.item)

    def price(self, **more: Any) -> Price:
        """By the month."""
        return Price(currency=self.currency, unit_amount=self.amount, **{"interval": "MONTH", "interval_count": 1} | more)

    def payment(self, **more: Any) -> Payment:
        """Paid by card, unless said otherwise."""
        card = {"method_type": "card", "method_brand": "visa", "method_last4": "4242", "stripe_payment_intent_id": "pi_sample"}
        paid = {"status": "SUCCEEDED", "succeeded_at": self.at, "amount": self.amount, "currency": self.currency}
        return Payment(**card | paid | more)

    def refund(self) -> Refund:
        """A half of it."""
        return Refund(amount=self.amount // 2, currency=self.currency, status="SUCCEEDED", created_at=self.at)

    def subscription(self, **more: Any) -> Subscription:
        """Running, unless said otherwise."""
        running = {"status": "ACTIVE", "quantity": 1, "currency": self.currency, "stripe_subscription_id": "sub_sample"}
        return Subscription(**running | {"current_period_start": self.at, "current_period_end": self.at + timedelta(days=30)} | more)

    def document(self, **more: Any) -> Document:
        """The receipt, unless said otherwise."""
        told: Columns = {
            "kind": ReceiptKind.RECEIPT,
            "locale": self.locale,
            "number": f"{self.at.year}-000042",
            "issued_at": self.at,
            "house": house_of(self.settings),
            "seller": "Cleo",
            "customer": (self.name, "ada@example.com"),
            "currency": self.currency,
            "paid_at": self.at,
            "paid": self.amount,
            "method": ("card", "visa", "4242"),
            "bill": Bill((Line(self.item, 1, self.amount, self.amount),), self.amount),
        }
        return Document(**told | more)


def samples(cast: Cast) -> Iterator[tuple[EmailKind, About]]:
    """Each kind in all that it may say."""
    buyer: dict[str, Any] = {"customer": cast.customer()}
    sold = buyer | {"plan": cast.plan(), "price": cast.price(), "seller": Seller(external_id="cleo", name="Cleo")}
    yield from _of_purchases(cast, sold)
    yield from _of_refunds(cast, sold)
    yield from _of_memberships(cast, sold)
    yield from _to_admins(cast, sold)


def _of_purchases(cast: Cast, sold: Columns) -> Iterator[tuple[EmailKind, About]]:
    yield EmailKind.RECEIPT, About(**sold, payment=cast.payment(), document=cast.document())
    lines = tuple(Line(f"{cast.item} {place}", place, cast.amount, cast.amount * place) for place in (1, 2, 3))
    bill = Bill(lines, cast.amount * 5, discount=cast.amount, code="SPRING", tax=cast.amount // 2, tax_included=True, reference="ORDER-7")
    paid: Columns = {
        "payment": cast.payment(amount=cast.amount * 5),
        "document": cast.document(bill=bill, paid=cast.amount * 5),
        "bill": bill,
    }
    yield EmailKind.RECEIPT, About(**sold | {"plan": None}, **paid)
    yield EmailKind.WELCOME, About(**sold, payment=cast.payment())
    yield EmailKind.SALE, About(**sold, payment=cast.payment(quantity=2), receipt_number=f"{cast.at.year}-000042")
    for code in ("insufficient_funds", "expired_card", "incorrect_cvc", "authentication_required", "processing_error", "generic_decline"):
        failed = cast.payment(status="FAILED", failure_code="card_declined", failure_decline_code=code, succeeded_at=None)
        yield EmailKind.PAYMENT_FAILED, About(**sold, payment=failed, invoice=Invoice(hosted_url="https://invoice.example/1"))


def _of_refunds(cast: Cast, sold: Columns) -> Iterator[tuple[EmailKind, About]]:
    number, half = f"CN-{cast.at.year}-000007", cast.amount // 2
    note = cast.document(kind=ReceiptKind.CREDIT_NOTE, number=number, refunded=half, original=f"{cast.at.year}-000042")
    back = sold | {"payment": cast.payment(), "refund": cast.refund()}
    yield EmailKind.REFUND_CONFIRMED, About(**back, document=note)
    yield EmailKind.SALE_REFUNDED, About(**back, receipt_number=number)
    for status, amount, answer in (("APPROVED", None, None), ("APPROVED", half, cast.note), ("REJECTED", half, cast.note)):
        request = RefundRequest(status=status, amount=amount, currency=cast.currency, reason="Too hard", decision_note=answer)
        yield EmailKind.REFUND_REQUEST_DECIDED, About(**sold, payment=cast.payment(), request=request)


def _of_memberships(cast: Cast, sold: Columns) -> Iterator[tuple[EmailKind, About]]:
    soon, member = cast.at + timedelta(days=3), {name: value for name, value in sold.items() if name != "seller"}
    trial = cast.subscription(status="TRIALING", trial_ends_at=soon, current_period_end=soon)
    yield EmailKind.SUBSCRIPTION_STARTED, About(**member, subscription=cast.subscription(quantity=3))
    yield EmailKind.SUBSCRIPTION_STARTED, About(**member, subscription=trial)
    code = PromotionCode(code="SPRING")
    yield EmailKind.SUBSCRIPTION_STARTED, About(**member, subscription=trial, code=code)
    parts = cast.price(interval="WEEK", interval_count=2, instalments=12)
    yield EmailKind.SUBSCRIPTION_STARTED, About(**member | {"price": parts}, subscription=cast.subscription())
    ending: Columns = {"cancel_at": soon, "cancel_at_period_end": True}
    yield EmailKind.SUBSCRIPTION_STARTED, About(**member, subscription=cast.subscription(**ending))
    yield EmailKind.TRIAL_ENDING, About(**member, subscription=trial)
    yield EmailKind.TRIAL_ENDING, About(**member | {"customer": None}, subscription=trial)
    owing = Invoice(total=cast.amount, currency=cast.currency, number="A-7", hosted_url="https://invoice.example/1", next_attempt_at=soon)
    failed = cast.payment(status="FAILED", failure_decline_code="insufficient_funds")
    due = cast.subscription(status="PAST_DUE", past_due_since=cast.at)
    yield EmailKind.SUBSCRIPTION_PAYMENT_FAILED, About(**member, subscription=due, invoice=owing, payment=failed)
    yield EmailKind.SUBSCRIPTION_PAYMENT_FAILED, About(**member, subscription=due)
    yield EmailKind.SUBSCRIPTION_ENDING, About(**member, subscription=cast.subscription(**ending))
    ended = cast.subscription(status="CANCELED", ended_at=cast.at)
    yield EmailKind.SUBSCRIPTION_ENDED, About(**member, subscription=ended)
    yield EmailKind.SUBSCRIPTION_ENDED, About(**member, subscription=ended, invoice=owing)


def _to_admins(cast: Cast, sold: Columns) -> Iterator[tuple[EmailKind, About]]:
    message = "Your card has insufficient funds."
    failed = cast.payment(status="FAILED", failure_decline_code="insufficient_funds", failure_message=message)
    yield EmailKind.ADMIN_PAYMENT_FAILED, About(**sold, payment=failed)
    for status in ("FAILED", "CANCELED"):
        back = Refund(status=status, amount=cast.amount // 2, currency=cast.currency, failure_reason="lost_or_stolen_card")
        yield EmailKind.ADMIN_REFUND_FAILED, About(**sold, payment=cast.payment(), refund=back)
    asked = {"amount": cast.amount, "currency": cast.currency, "reason": "product_not_received", "stripe_dispute_id": "du_sample"}
    due = cast.at + timedelta(days=9)
    opened = Dispute(status="NEEDS_RESPONSE", stripe_status="needs_response", evidence_due_by=due, **asked)
    yield EmailKind.ADMIN_DISPUTE_OPENED, About(**sold, payment=cast.payment(), dispute=opened)
    for status in ("won", "lost", "warning_closed"):
        closed = Dispute(status=status.upper(), stripe_status=status, **asked)
        yield EmailKind.ADMIN_DISPUTE_CLOSED, About(**sold, payment=cast.payment(), dispute=closed)
    error = "The customer of this event is not known (404)."
    event = {"stripe_event_id": "evt_sample", "type": "invoice.paid", "payload": "{}", "occurred_at": cast.at, "received_at": cast.at}
    yield EmailKind.ADMIN_WORK_GIVEN_UP, About(event=WebhookEvent(status="FAILED", attempts=12, error=error, **event))
    yield EmailKind.ADMIN_WORK_GIVEN_UP, About(entry=OutboxEntry(kind="RETURN_EXCESS", subject_id="pay_sample", attempts=20, error=error))
    sent = {"event_id": "bev_sample", "event_type": "payment.succeeded", "object_id": "pay_sample", "position": 1, "payload": "{}"}
    delivery = Delivery(status="DEAD", attempts=12, error="It answered 500.", **sent)
    address = EventDestination(url="https://app.example.com/events", secret="")
    yield EmailKind.ADMIN_WORK_GIVEN_UP, About(delivery=delivery, destination=address)
