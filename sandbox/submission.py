"""A customer submits the checkout page: the card is kept as a payment method and charged for what the session sells."""

from dataclasses import dataclass

import stripe

from sandbox import completion, discounting, payments, subscribing
from sandbox.cards import MESSAGES, CardForm
from sandbox.debits import KINDS, BankForm, new_account
from sandbox.errors import CardRefusal, Refusal
from sandbox.resources.customers import new_customer
from sandbox.resources.payment_methods import attach, new_card
from sandbox.shapes import Json, nested
from sandbox.transaction import Transaction


@dataclass(frozen=True)
class Buyer:
    """What the checkout page asks for beside the card."""

    email: str
    name: str
    country: str | None = None
    postal_code: str | None = None


def submit(tx: Transaction, session: Json, means: CardForm | BankForm, buyer: Buyer) -> Json | None:
    """Pay an open session and return the payment intent (`succeeded`, `processing` or `requires_action`), None when nothing was due.

    Raises CardRefusal when the card is wrong or declined; the session stays open then and another card may be tried.
    """
    if session["status"] != "open":
        raise Refusal(f"This Checkout Session has a status of {session['status']} and cannot be paid.")
    method = _method(tx, session, means, buyer)
    session = _identify(tx, session, buyer)
    if session["mode"] == "subscription":
        return _subscribe(tx, session, method)
    if session["amount_total"] == 0:
        completion.complete(tx, session, None)
        return None
    return payments.attempt(tx, intent_of(tx, session), method, session["success_url"])


def _method(tx: Transaction, session: Json, means: CardForm | BankForm, buyer: Buyer) -> Json:
    if isinstance(means, CardForm):
        return new_card(tx, means, _billing(buyer))
    if session["mode"] != "payment" or KINDS.get(session["currency"]) != means.kind:
        raise Refusal(f"This Checkout Session is not paid by {means.kind}.", param="payment_method_types")
    return new_account(tx, means, _billing(buyer))


def _billing(buyer: Buyer) -> Json:
    address = nested(stripe.PaymentMethod.BillingDetails.Address, country=buyer.country, postal_code=buyer.postal_code)
    return nested(stripe.PaymentMethod.BillingDetails, address=address, email=buyer.email or None, name=buyer.name or None)


def _identify(tx: Transaction, session: Json, buyer: Buyer) -> Json:
    if session["customer"] is None and session["customer_creation"] == "always":
        session["customer"] = new_customer(tx, email=buyer.email, name=buyer.name)["id"]
    customer = tx.find("customer", session["customer"])
    session["customer_details"] = completion.customer_details(buyer.email, buyer.name, customer)
    return tx.save(session)


def intent_of(tx: Transaction, session: Json) -> Json:
    """The payment intent that a session in payment mode is paid by, made at first use."""
    known = tx.private(session["id"])
    begun = tx.find("payment_intent", known.get("payment_intent"))
    if begun is not None:
        return begun
    data = dict(known.get("payment_intent_data", {}))
    intent = payments.new_intent(
        tx, amount=session["amount_total"], currency=session["currency"], parent=session["id"], customer=session["customer"], **data
    )
    tx.note(intent["id"], session=session["id"])
    tx.note(session["id"], payment_intent=intent["id"])
    return intent


def _subscribe(tx: Transaction, session: Json, method: Json) -> Json | None:
    subscription, intent = _subscription(tx, session)
    if intent is None:
        _start_trial(tx, session, subscription, method)
        return None
    tx.save(tx.get("checkout.session", session["id"]) | {"subscription": subscription["id"], "invoice": subscription["latest_invoice"]})
    return payments.attempt(tx, intent, method, session["success_url"])


def _subscription(tx: Transaction, session: Json) -> tuple[Json, Json | None]:
    known = tx.private(session["id"])
    begun = tx.find("subscription", known.get("subscription"))
    if begun is not None:
        return begun, tx.get("payment_intent", known["payment_intent"])
    terms = _terms(tx, session, dict(known.get("subscription_data", {})))
    subscription, intent = subscribing.begin(tx, terms)
    if intent is not None:
        tx.note(session["id"], subscription=subscription["id"], payment_intent=intent["id"])
        tx.note(intent["id"], session=session["id"])
    return subscription, intent


def _terms(tx: Transaction, session: Json, data: Json) -> subscribing.Terms:
    customer = tx.get("customer", session["customer"])
    items = [(entry["price"], entry["quantity"]) for entry in tx.children("item", session["id"]) if entry["price"]["recurring"]]
    days = data.pop("trial_period_days", None)
    trial_end = data.pop("trial_end", None) or (tx.now + days * 86400 if days else None)
    return subscribing.Terms(customer, items, trial_end, save_method=True, known=data, discount=discounting.of_subscription(tx, session))


def _start_trial(tx: Transaction, session: Json, subscription: Json, method: Json) -> None:
    behaviour = tx.private(method["id"])
    if behaviour.get("code") and not behaviour["attachable"]:
        code, decline_code = behaviour["code"], behaviour["decline_code"]
        refusal = CardRefusal(MESSAGES[decline_code], code=code, decline_code=decline_code, payment_method=method)
        refusal.keep = False
        raise refusal
    attach(tx, method, session["customer"])
    tx.save(subscription | {"default_payment_method": method["id"]}, "customer.subscription.updated")
    changed = {"subscription": subscription["id"], "invoice": subscription["latest_invoice"]}
    completion.complete(tx, tx.get("checkout.session", session["id"]) | changed, None)
