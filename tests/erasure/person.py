"""Somebody of whom there is something in every table, beside somebody who must not be touched."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tortoise import Tortoise

from models import Customer, Email, EmailAddress, EventDestination, Invoice, Payment, RefundReason, Seller, Subscription, WebhookEvent
from models.database import client
from models.record import Record
from sandbox.cards import CardForm
from services.audit import Caller
from services.authentication import Role, Viewer
from services.billing import Billing
from services.checkout import create_checkout_session
from services.credits import Booking, grant_credits, use_credits
from services.erasure.personal import NAMING, PERSONAL
from services.erasure.tables import TEXTS
from services.inbox import receive
from services.invoices import InvoiceTerms, LineTerms, create_invoice, void_invoice
from services.mirror import write
from services.payment_intents import PaymentIntentRequest, create_payment_intent
from services.portal import PortalRequest, create_portal_session
from services.purchases import Choice
from services.reconciliation.comparison import compare
from services.refund_requests import Asked, reject_refund_request, request_refund
from services.refunds import RefundRequest, create_refund
from services.stripe_event import read_event
from services.subscriptions import cancel_subscription
from tests.services.between import Between
from tests.services.shop import BOB, SUPPORT, checkout, paid
from tests.services.subscribers import MONTHLY, begun, heard, mine
from webhooks.handlers import HANDLERS

EMAIL, NAME, EXTERNAL_ID, LAST4 = "liddell@example.test", "Alice Liddell", "user-liddell", "4444"
LIDDELL = Caller(Viewer(EXTERNAL_ID, EMAIL, frozenset({Role.CUSTOMER})), "request-liddell")
ADMIN = Caller(Viewer("root", "root@example.test", frozenset({Role.CUSTOMER, Role.ADMIN})), "request-root")
CARD = CardForm("5555555555554444", 12, 2055, "123")


@dataclass(frozen=True)
class Person:
    """`events` are all that Stripe has told of them, oldest first; `objects` names what it has of theirs, by kind."""

    customer: Customer
    payment: Payment
    subscription: Subscription
    invoice: Invoice
    events: list[dict[str, Any]]

    @property
    def traces(self) -> list[str]:
        return [EMAIL, NAME, EXTERNAL_ID, LAST4, str(self.customer.stripe_customer_id)]


async def live(billing: Billing, stripe: Between) -> Person:
    """Liddell buys, subscribes and ends it, asks, is refused and given back; Bob does much the same and stays."""
    await EventDestination.create(url="https://app.example.test/", secret="whsec_c2VjcmV0", event_types=[])
    await paid(billing, BOB)
    payment = await paid(billing, LIDDELL, method="pm_card_mastercard")
    stripe_id = str((await Customer.get(external_id=EXTERNAL_ID)).stripe_customer_id)
    named: Any = {"name": NAME, "metadata": {"nickname": NAME}}
    told = await billing.stripe.call("customer.update", lambda http: http.v1.customers.update_async(stripe_id, named))
    await compare(billing, "customer", told, dry=False)
    asked = await request_refund(LIDDELL, Asked(payment.id, f"I am {NAME} and did not want it", 1_000), "ask")
    await reject_refund_request(billing, SUPPORT, asked.object_id, f"Dear {NAME}", "no")
    given = RefundRequest(payment.id, 2_000, RefundReason.DUPLICATE, f"called by {EMAIL}")
    await create_refund(billing, SUPPORT, given, "give")
    subscription = await begun(billing, stripe, LIDDELL, CARD, **MONTHLY)
    await create_portal_session(billing, LIDDELL, PortalRequest(), "portal")
    ending = mine(subscription, LIDDELL, "end")
    await cancel_subscription(billing, ending, at_period_end=False, reason=f"Too dear, {NAME}")
    subscription = await heard(billing, subscription)
    invoice = await _invoices(billing)
    await grant_credits(SUPPORT, Booking(EXTERNAL_ID, 50, f"Welcome {NAME}"), "grant")
    await use_credits(SUPPORT, Booking(EXTERNAL_ID, 3, "Export"), "use")
    await _left_open(billing)
    await _written_to(payment)
    events = await _heard_of(billing, stripe_id)
    customer = await Customer.get(external_id=EXTERNAL_ID)
    assert (customer.email, customer.name, customer.stripe_customer_id) == (EMAIL, NAME, stripe_id)
    payment = await Payment.get(id=payment.id)
    assert payment.method_last4 == LAST4
    return Person(customer, payment, subscription, invoice, events)


async def _invoices(billing: Billing) -> Invoice:
    """One that is paid, whose line names them, and one that was taken back."""
    terms = InvoiceTerms(EXTERNAL_ID, "USD", (LineTerms(f"Fee of {NAME}", 5_000),), reference=f"fee {EMAIL}", metadata={"of": NAME})
    done = await create_invoice(SUPPORT, terms, "issue")
    begins = PaymentIntentRequest(Choice(invoice_id=done.object_id), {"pupil": NAME})
    payment = await Payment.get(id=(await create_payment_intent(billing, LIDDELL, begins, "pay")).object_id)
    confirmed: Any = {"payment_method": "pm_card_mastercard", "return_url": "https://app.example/done"}
    intent = str(payment.stripe_payment_intent_id)
    await billing.stripe.call("confirm", lambda http: http.v1.payment_intents.confirm_async(intent, confirmed))
    read = await billing.stripe.retrieve("payment_intent", intent)
    assert read is not None
    await write(billing, read)
    other = await create_invoice(SUPPORT, InvoiceTerms(EXTERNAL_ID, "USD", (LineTerms("Fee", 700),)), None)
    await void_invoice(SUPPORT, other.object_id, f"{NAME} has left", None)
    invoice = await Invoice.get(id=done.object_id)
    assert invoice.status == "PAID"
    return invoice


async def _left_open(billing: Billing) -> None:
    """A page and a form that nobody has paid on, and a card that was declined."""
    await create_checkout_session(billing, LIDDELL, checkout(plan_code="credits", currency="USD", quantity=50, metadata={"for": NAME}))
    request = PaymentIntentRequest(Choice(plan_code="credits", currency="USD", quantity=60), {"for": NAME})
    await create_payment_intent(billing, LIDDELL, request)


async def _written_to(payment: Payment) -> None:
    """A mail that was sent, one that waits, and one to whoever sells, about the same payment; and an address that mail came back from."""
    seller = await Seller.create(external_id="seller", name="Seller", email="seller@example.test")
    about: dict[str, Any] = {"object_id": payment.id, "customer_id": payment.customer_id, "position": 1}
    now = datetime.now(UTC)
    await Email.create(kind="RECEIPT", cause="a", recipient=EMAIL, status="SENT", sent_at=now, **about)
    await Email.create(kind="WELCOME", cause="b", recipient=EMAIL, next_attempt_at=now, error=f"451 {EMAIL}", **about | {"position": 2})
    await Email.create(kind="SALE", cause="c", recipient=seller.email, next_attempt_at=now, seller_id=seller.id, **about)
    await EmailAddress.create(address=EMAIL, undeliverable_since=now, undeliverable_reason="550")


async def _heard_of(billing: Billing, stripe_id: str) -> list[dict[str, Any]]:
    events = await events_of(billing, stripe_id)
    for event in events:
        await receive(billing, read_event(json.dumps(event, indent=2)), HANDLERS)
    assert await WebhookEvent.all().count() == len(events) > 20
    assert await WebhookEvent.filter(payload__contains=EMAIL).count() > 5
    return events


async def events_of(billing: Billing, stripe_id: str, after: str | None = None) -> list[dict[str, Any]]:
    """Events that name Stripe's customer, and those of refunds, which do not, oldest first; only those behind `after`."""
    found: list[dict[str, Any]] = []
    ours = {row.stripe_payment_intent_id for row in await Payment.all()}
    page: Any = {"limit": 100}
    while True:
        told = await billing.stripe.call("event.list", lambda http: http.v1.events.list_async(page))
        for event in told.object["data"]:
            if event["id"] == after:
                return found[::-1]
            if stripe_id in json.dumps(event) or (
                event["type"].startswith("refund.") and event["data"]["object"]["payment_intent"] in ours
            ):
                found.append(event)
        if not told.object["has_more"]:
            return found[::-1]
        page["starting_after"] = told.object["data"][-1]["id"]


def kinds() -> list[type[Record]]:
    apps: Any = Tortoise.apps
    return list(apps["models"].values())


async def places(traces: list[str]) -> list[str]:
    """Every column of every row that holds one of the traces as a word, whatever its case, read as the database has it."""
    words = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, traces))})(?!\w)", re.IGNORECASE)
    found = []
    for kind in kinds():
        table, columns = kind._meta.db_table, sorted(kind._meta.db_fields)
        names = ", ".join(f'CAST("{column}" AS TEXT)' for column in columns)
        for row in await client().read(f'SELECT {names} FROM "{table}"'):  # noqa: S608 - names of the models' own
            found += [f"{table}.{column}: {value}" for column, value in zip(columns, row, strict=True) if value and words.search(value)]
    return sorted(found)


BOOKS = (
    "payment refund dispute invoice invoice_line allocation credit_entry credit_lot receipt receipt_counter entitlement subscription "
    "statistics_delta statistics_rollup refund_request checkout_session"
).split()


async def books() -> dict[str, list[dict[str, Any]]]:
    """Every row of the books, without the columns that say who somebody is, and what texts say."""
    told = {}
    for kind in kinds():
        if kind._meta.db_table in BOOKS:
            left = {*PERSONAL.get(kind, {}), *TEXTS.get(kind, ()), *NAMING, "description"}
            rows = [row for row in await kind.all().order_by("id").values() if row.get("measure") != "WEBHOOK"]
            told[kind._meta.db_table] = [{column: value for column, value in row.items() if column not in left} for row in rows]
    return told


async def everything() -> dict[str, list[dict[str, Any]]]:
    return {kind._meta.db_table: await kind.all().order_by("id").values() for kind in kinds()}
