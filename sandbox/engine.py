"""What the sandbox's pages may do. Each function is one transaction that writes objects and the events they cause.

    engine = request.app.state.sandbox.engine
    view = await engine.checkout(cs_id)                                   # CheckoutView: session, line_items
    result = await engine.submit_checkout(cs_id, card, buyer)             # PaymentResult
    result = await engine.authentication(pi_id, client_secret)            # PaymentResult without doing anything
    result = await engine.finish_authentication(pi_id, client_secret, authenticated=True)
    session = await engine.expire_checkout(cs_id)
    view = await engine.portal(bps_id)                                    # PortalView
    subscription = await engine.cancel_subscription(bps_id, sub_id)       # at the period's end: sets `cancel_at` alone
    subscription = await engine.resume_subscription(bps_id, sub_id)
    method = await engine.replace_card(bps_id, card, name)                # raises CardRefusal
    invoice = await engine.invoice(in_id)                                 # with its lines; .pay_invoice(in_id, card)
    events = await engine.events(limit=50, before=None)                   # EventView: event, state, tries, next_at, attempts
    await engine.send_again(evt_id)

`CardForm(number, exp_month, exp_year, cvc)` is in sandbox.cards, `Buyer(email, name, country, postal_code)` in sandbox.submission.
Objects are dicts in Stripe's shape; amounts are minor units (sandbox.currencies.text writes them), times UTC seconds. An unknown id
raises sandbox.errors.Refusal with status 404 (`.message`, `.status`); CardRefusal is a Refusal with `.code`, `.param`, `.details`.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from sandbox import completion, payments, subscribing
from sandbox.cards import CardForm
from sandbox.errors import CardRefusal, Refusal, missing
from sandbox.expansion import expand
from sandbox.periods import next_change
from sandbox.resources import payment_methods
from sandbox.resources.checkout_sessions import fresh
from sandbox.shapes import Json
from sandbox.submission import Buyer, submit
from sandbox.transaction import Transaction

T = TypeVar("T")


class Run(Protocol):
    """Runs work in one transaction of the sandbox."""

    def __call__(self, work: Callable[[Transaction], T], /) -> Awaitable[T]:
        """Return what the work returns, after the commit."""


@dataclass(frozen=True)
class CheckoutView:
    """A checkout session with its line items; `cancel_url` and the rest are fields of the session."""

    session: Json
    line_items: list[Json]


@dataclass(frozen=True)
class PaymentResult:
    """What came of a payment. `status` is succeeded, declined or requires_action.

    `redirect_url` is where the browser goes next: the shop's success page, or the 3-D Secure page; None after a decline.
    `code`, `decline_code`, `message` and `param` (number, exp_year, cvc …) say what was wrong with the card.
    """

    status: str
    redirect_url: str | None = None
    code: str | None = None
    decline_code: str | None = None
    message: str | None = None
    param: str | None = None
    payment_intent: Json | None = field(default=None, repr=False)


@dataclass(frozen=True)
class PortalView:
    """What a customer sees in the portal. `default_payment_method` is an id or None; `flow` is the session's, if it has one."""

    session: Json
    configuration: Json
    customer: Json
    subscriptions: list[Json]
    products: dict[str, Json]
    payment_methods: list[Json]
    default_payment_method: str | None
    invoices: list[Json]


@dataclass(frozen=True)
class EventView:
    """An event and its delivery: `state` is pending, delivered, failed, or stored when nothing is to be sent.

    An attempt is {at, status (None: no answer), answer, milliseconds}.
    """

    event: Json
    state: str
    tries: int
    next_at: int | None
    attempts: list[Json]


class Engine:
    """The functions of the module's docstring."""

    def __init__(self, run: Run) -> None:
        self._run = run

    async def checkout(self, session_id: str) -> CheckoutView:
        """Return a checkout session as it stands now (expired when its time has come) with its line items."""

        def work(tx: Transaction) -> CheckoutView:
            session = fresh(tx, tx.get("checkout.session", session_id))
            return CheckoutView(session, list(tx.children("item", session_id)))

        return await self._run(work)

    async def submit_checkout(self, session_id: str, card: CardForm, buyer: Buyer) -> PaymentResult:
        """Pay an open session with a card; raises Refusal when the session is not open."""

        def work(tx: Transaction) -> PaymentResult:
            session = fresh(tx, tx.get("checkout.session", session_id))
            intent = submit(tx, session, card, buyer)
            return _result(tx, intent, _success_url(session))

        return await _or_declined(self._run(work))

    async def expire_checkout(self, session_id: str) -> Json:
        """Expire an open session."""

        def work(tx: Transaction) -> Json:
            session = fresh(tx, tx.get("checkout.session", session_id))
            if session["status"] != "open":
                raise Refusal(f"This Checkout Session has a status of {session['status']} and cannot be expired.")
            return completion.expire(tx, session)

        return await self._run(work)

    async def authentication(self, intent_id: str, client_secret: str) -> PaymentResult:
        """Return how a payment intent stands, for the 3-D Secure page."""
        return await self._run(lambda tx: _result(tx, _intent(tx, intent_id, client_secret), None))

    async def finish_authentication(self, intent_id: str, client_secret: str, *, authenticated: bool) -> PaymentResult:
        """Finish 3-D Secure: the charge goes through, or the intent waits for another card."""

        def work(tx: Transaction) -> PaymentResult:
            intent = _intent(tx, intent_id, client_secret)
            back = _back(tx, intent)
            return _result(tx, payments.authenticate(tx, intent, authenticated), back)

        return await self._run(work)

    async def portal(self, session_id: str) -> PortalView:
        """Return what the portal session's customer has."""
        return await self._run(lambda tx: _portal(tx, session_id))

    async def cancel_subscription(self, session_id: str, subscription_id: str) -> Json:
        """Plan a subscription's end for the end of its period. Like Stripe's portal this sets `cancel_at`, not cancel_at_period_end."""

        def work(tx: Transaction) -> Json:
            subscription = _owned(tx, session_id, subscription_id)
            subscribing.check_running(subscription)
            subscription |= {"cancel_at": subscribing.end_of_period(subscription), "canceled_at": tx.now}
            subscription["cancellation_details"]["reason"] = "cancellation_requested"
            return _save(tx, subscription)

        return await self._run(work)

    async def resume_subscription(self, session_id: str, subscription_id: str) -> Json:
        """Take a planned end back."""

        def work(tx: Transaction) -> Json:
            subscription = _owned(tx, session_id, subscription_id)
            subscribing.check_running(subscription)
            subscription |= {"cancel_at": None, "canceled_at": None, "cancel_at_period_end": False}
            subscription["cancellation_details"]["reason"] = None
            return _save(tx, subscription)

        return await self._run(work)

    async def replace_card(self, session_id: str, card: CardForm, name: str | None = None) -> Json:
        """Keep a new card and make it the default of the customer and of their subscriptions; raises CardRefusal."""

        def work(tx: Transaction) -> Json:
            customer = tx.get("customer", tx.get("billing_portal.session", session_id)["customer"])
            billing = payment_methods.billing_details({"email": customer["email"], "name": name or customer["name"]})
            method = payment_methods.attach(tx, payment_methods.new_card(tx, card, billing), customer["id"])
            customer["invoice_settings"]["default_payment_method"] = method["id"]
            tx.save(customer, "customer.updated")
            for subscription in _running(tx, customer["id"]):
                tx.save(subscription | {"default_payment_method": method["id"]}, "customer.subscription.updated")
            return method

        return await self._run(work)

    async def invoice(self, invoice_id: str) -> Json:
        """Return an invoice with its lines and payments."""
        return await self._run(lambda tx: expand(tx, tx.get("invoice", invoice_id), ["payments"]))

    async def pay_invoice(self, invoice_id: str, card: CardForm) -> PaymentResult:
        """Pay an open invoice on its hosted page."""

        def work(tx: Transaction) -> PaymentResult:
            invoice = tx.get("invoice", invoice_id)
            if invoice["status"] != "open":
                raise Refusal(f"This invoice has a status of {invoice['status']} and cannot be paid.")
            intent = tx.get("payment_intent", tx.private(invoice_id)["payment_intent"])
            method = payment_methods.new_card(tx, card)
            return _result(tx, payments.attempt(tx, intent, method, invoice["hosted_invoice_url"]), invoice["hosted_invoice_url"])

        return await _or_declined(self._run(work))

    async def events(self, limit: int = 50, before: str | None = None) -> list[EventView]:
        """Return the newest events (at most 200), or those older than the event `before`, with their deliveries."""
        return await self._run(lambda tx: _events(tx, min(max(limit, 1), 200), before))

    async def send_again(self, event_id: str) -> None:
        """Queue an event's delivery afresh, whatever became of it."""

        def work(tx: Transaction) -> None:
            tx.get("event", event_id)
            if tx.configuration.webhook_url is None:
                raise Refusal("The sandbox was started without a webhook address; there is nowhere to send to.")
            tx.connection.execute("DELETE FROM deliveries WHERE event = ?", (event_id,))
            tx.connection.execute("INSERT INTO deliveries (event, state, next_at) VALUES (?, 'pending', ?)", (event_id, tx.now))

        await self._run(work)


async def _or_declined(paying: Awaitable[PaymentResult]) -> PaymentResult:
    try:
        return await paying
    except CardRefusal as refusal:
        details: dict[str, Any] = refusal.details
        return PaymentResult(
            "declined",
            code=refusal.code,
            decline_code=details.get("decline_code"),
            message=refusal.message,
            param=refusal.param,
            payment_intent=details.get("payment_intent"),
        )


def _success_url(session: Json) -> str | None:
    url = session["success_url"] or session["return_url"]
    return None if url is None else url.replace("{CHECKOUT_SESSION_ID}", session["id"])


def _result(tx: Transaction, intent: Json | None, done_url: str | None) -> PaymentResult:
    if intent is None or intent["status"] == "succeeded":
        return PaymentResult("succeeded", done_url or (_back(tx, intent) if intent else None), payment_intent=intent)
    if intent["status"] == "requires_action":
        return PaymentResult("requires_action", intent["next_action"]["redirect_to_url"]["url"], payment_intent=intent)
    error = intent["last_payment_error"] or {}
    again = _back(tx, intent)
    return PaymentResult("declined", again, error.get("code"), error.get("decline_code"), error.get("message"), payment_intent=intent)


def _back(tx: Transaction, intent: Json) -> str | None:
    session = tx.find("checkout.session", tx.private(intent["id"]).get("session"))
    if session is not None:
        return session["url"] if session["status"] == "open" else _success_url(session)
    action = (intent["next_action"] or {}).get("redirect_to_url") or {}
    url: str | None = action.get("return_url")
    return url


def _intent(tx: Transaction, intent_id: str, client_secret: str) -> Json:
    intent = tx.get("payment_intent", intent_id)
    if intent["client_secret"] != client_secret:
        raise missing("payment_intent", intent_id)
    return intent


def _owned(tx: Transaction, session_id: str, subscription_id: str) -> Json:
    subscription = tx.get("subscription", subscription_id)
    if subscription["customer"] != tx.get("billing_portal.session", session_id)["customer"]:
        raise missing("subscription", subscription_id)
    return subscription


def _save(tx: Transaction, subscription: Json) -> Json:
    tx.schedule(subscription["id"], next_change(subscription))
    return tx.save(subscription, "customer.subscription.updated")


def _running(tx: Transaction, customer: str) -> list[Json]:
    return [found for found in tx.of_customer("subscription", customer) if found["status"] not in subscribing.ENDED]


def _portal(tx: Transaction, session_id: str) -> PortalView:
    session = tx.get("billing_portal.session", session_id)
    customer = tx.get("customer", session["customer"])
    subscriptions = list(tx.of_customer("subscription", customer["id"]))[::-1]
    ids = {item["price"]["product"] for subscription in subscriptions for item in subscription["items"]["data"]}
    return PortalView(
        session=session,
        configuration=tx.get("billing_portal.configuration", session["configuration"]),
        customer=customer,
        subscriptions=subscriptions,
        products={product: tx.get("product", product) for product in ids},
        payment_methods=list(tx.of_customer("payment_method", customer["id"]))[::-1],
        default_payment_method=customer["invoice_settings"]["default_payment_method"],
        invoices=list(tx.of_customer("invoice", customer["id"]))[::-1],
    )


def _events(tx: Transaction, limit: int, before: str | None) -> list[EventView]:
    rows = tx.connection.execute(
        "SELECT o.id, o.body, d.state, d.tries, d.next_at FROM objects o LEFT JOIN deliveries d ON d.event = o.id WHERE o.kind = 'event'"
        " AND o.seq < coalesce((SELECT seq FROM objects WHERE id = ?), 9223372036854775807) ORDER BY o.seq DESC LIMIT ?",
        (before, limit),
    ).fetchall()
    return [
        EventView(
            event=json.loads(row["body"]),
            state=row["state"] or "stored",
            tries=row["tries"] or 0,
            next_at=row["next_at"] if row["state"] == "pending" else None,
            attempts=[dict(attempt) for attempt in _attempts(tx, row["id"])],
        )
        for row in rows
    ]


def _attempts(tx: Transaction, event: str) -> list[Any]:
    return tx.connection.execute("SELECT at, status, answer, milliseconds FROM attempts WHERE event = ? ORDER BY seq", (event,)).fetchall()
