"""Charging a card for a payment intent: succeed, decline, or ask for 3-D Secure first."""

import stripe

from sandbox import debits, disputing, settlement
from sandbox.booking import book_charge
from sandbox.cards import MESSAGES, expired
from sandbox.errors import CardRefusal, unexpected_state
from sandbox.identifiers import random_text
from sandbox.shapes import Json, nested
from sandbox.transaction import Transaction

CONFIRMABLE = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})
AUTHENTICATION_FAILURE = "We are unable to authenticate your payment method. Please choose a different payment method and try again."


def new_intent(tx: Transaction, *, amount: int, currency: str, parent: str | None = None, **known: object) -> Json:
    """Store a payment intent that waits for a payment method (amount in minor units); emits payment_intent.created.

    `parent` is the checkout session or invoice that it pays.
    """
    made = tx.new(
        "payment_intent",
        amount=amount,
        currency=currency,
        status="requires_payment_method",
        capture_method="automatic_async",
        payment_method_types=["card"],
        payment_method_options={"card": nested(stripe.PaymentIntent.PaymentMethodOptions.Card, request_three_d_secure="automatic")},
    )
    made |= known
    made["client_secret"] = f"{made['id']}_secret_{random_text(25)}"
    return tx.add(made, parent=parent, event="payment_intent.created")


def attempt(tx: Transaction, intent: Json, method: Json, return_url: str | None = None) -> Json:
    """Charge the method's card for the intent and return the intent: `succeeded`, or `requires_action` for 3-D Secure.

    Raises CardRefusal (kept: the failed charge is a fact) when the card is declined.
    """
    behaviour = tx.private(method["id"]) | ({"code": "expired_card", "decline_code": "expired_card"} if expired(method, tx.now) else {})
    intent |= {"payment_method": method["id"], "last_payment_error": None, "next_action": None}
    if behaviour.get("code"):
        raise _decline(tx, intent, method, behaviour)
    if behaviour.get("debit"):
        return _begin_debit(tx, intent)
    if behaviour.get("three_d_secure"):
        return _ask(tx, intent, return_url)
    return _succeed(tx, intent, method)


def authenticate(tx: Transaction, intent: Json, *, authenticated: bool) -> Json:
    """Finish 3-D Secure: the charge goes through, or the intent waits for another payment method."""
    if intent["status"] != "requires_action":
        raise unexpected_state(f"This PaymentIntent has a status of {intent['status']} and waits for no authentication.", intent)
    method = tx.get("payment_method", intent["payment_method"])
    intent["next_action"] = None
    if authenticated:
        return _succeed(tx, intent, method, authenticated=True)
    error = _error(method, "payment_intent_authentication_failure", None, AUTHENTICATION_FAILURE)
    return _fail(tx, intent, error | {"type": "invalid_request_error"})


def _begin_debit(tx: Transaction, intent: Json) -> Json:
    """Take note of a debit that the bank has yet to pay; emits payment_intent.processing."""
    saved = tx.save(intent | {"status": "processing"}, "payment_intent.processing")
    tx.schedule(intent["id"], tx.now + debits.SETTLES_AFTER)
    settlement.processing(tx, saved)
    return saved


def settle_debit(tx: Transaction, intent: Json) -> None:
    """Let a debit be paid, or come back: then the intent waits for another payment method."""
    if intent["status"] != "processing":
        return
    method = tx.get("payment_method", intent["payment_method"])
    reason = tx.private(method["id"]).get("comes_back")
    if reason is None:
        _succeed(tx, intent, method)
        return
    charge = _charge(tx, intent, method)
    charge |= {"status": "failed", "failure_code": reason, "failure_message": debits.MESSAGES[reason]}
    charge["outcome"] = _outcome("declined_by_network", "issuer_declined", "The bank did not return any further details.")
    tx.add(charge, parent=intent["id"], event="charge.failed")
    error = _error(method, reason, None, debits.MESSAGES[reason]) | {"charge": charge["id"]}
    _fail(tx, intent | {"latest_charge": charge["id"]}, error)


def _ask(tx: Transaction, intent: Json, return_url: str | None) -> Json:
    url = f"{tx.configuration.public_url}/authenticate/{intent['id']}?client_secret={intent['client_secret']}"
    intent |= {
        "status": "requires_action",
        "next_action": {"type": "redirect_to_url", "redirect_to_url": {"url": url, "return_url": return_url}},
    }
    tx.note(intent["id"], return_url=return_url)
    saved = tx.save(intent, "payment_intent.requires_action")
    settlement.asked(tx, saved)
    return saved


def _succeed(tx: Transaction, intent: Json, method: Json, *, authenticated: bool = False) -> Json:
    charge = _charge(tx, intent, method, authenticated=authenticated)
    charge |= {"paid": True, "captured": True, "amount_captured": intent["amount"], "status": "succeeded"}
    charge["balance_transaction"] = book_charge(tx, charge)["id"]
    charge["outcome"] = _outcome("approved_by_network", "authorized", "Payment complete.")
    charge["receipt_url"] = f"{tx.configuration.public_url}/receipts/{charge['id']}"
    tx.add(charge, parent=intent["id"], event="charge.succeeded")
    intent |= {"status": "succeeded", "amount_received": intent["amount"], "latest_charge": charge["id"]}
    if intent["setup_future_usage"] and intent["customer"] and not method["customer"]:
        tx.save(method | {"customer": intent["customer"]}, "payment_method.attached")
    saved = tx.save(intent, "payment_intent.succeeded")
    settlement.succeeded(tx, saved)
    _afterwards(tx, charge, tx.private(method["id"]))
    return saved


def _afterwards(tx: Transaction, charge: Json, behaviour: Json) -> None:
    if behaviour.get("dispute"):
        disputing.open_dispute(tx, charge, disputing.Claim(behaviour["dispute"], bool(behaviour.get("inquiry"))))
    if behaviour.get("fraud_warning"):
        disputing.warn(tx, charge)


def _decline(tx: Transaction, intent: Json, method: Json, behaviour: Json) -> CardRefusal:
    code, decline_code = behaviour["code"], behaviour["decline_code"]
    message = MESSAGES[decline_code]
    charge = _charge(tx, intent, method)
    charge |= {"status": "failed", "failure_code": code, "failure_message": message}
    charge["outcome"] = _outcome("declined_by_network", "issuer_declined", "The bank did not return any further details.") | {
        "reason": decline_code
    }
    tx.add(charge, parent=intent["id"], event="charge.failed")
    intent["latest_charge"] = charge["id"]
    error = _error(method, code, decline_code, message) | {"charge": charge["id"]}
    failed = _fail(tx, intent, error)
    details = {"charge": charge["id"], "decline_code": decline_code, "payment_intent": failed, "payment_method": method}
    return CardRefusal(message, code=code, **details)


def _fail(tx: Transaction, intent: Json, error: Json) -> Json:
    intent |= {"status": "requires_payment_method", "payment_method": None, "last_payment_error": error}
    saved = tx.save(intent, "payment_intent.payment_failed")
    settlement.failed(tx, saved)
    return saved


def _charge(tx: Transaction, intent: Json, method: Json, *, authenticated: bool = False) -> Json:
    shared = {name: intent[name] for name in ("amount", "currency", "customer", "description", "metadata", "receipt_email", "shipping")}
    return tx.new(
        "charge",
        **shared,
        billing_details=method["billing_details"],
        payment_intent=intent["id"],
        payment_method=method["id"],
        payment_method_details=_details(intent, method, authenticated),
        calculated_statement_descriptor="BILLGRAPH SANDBOX",
        fraud_details={},
        radar_options={},
    )


def _details(intent: Json, method: Json, authenticated: bool) -> Json:
    kind = method["type"]
    return {"type": kind, kind: _card(intent, method, authenticated) if kind == "card" else method[kind]}


def _card(intent: Json, method: Json, authenticated: bool) -> Json:
    card = method["card"]
    kept = ("brand", "country", "exp_month", "exp_year", "fingerprint", "funding", "last4")
    checks = nested(stripe.Charge.PaymentMethodDetails.Card.Checks, cvc_check="pass" if card["checks"]["cvc_check"] else None)
    known: Json = {name: card[name] for name in kept}
    known |= {"amount_authorized": intent["amount"], "network": card["brand"], "checks": checks}
    if authenticated:
        known["three_d_secure"] = nested(
            stripe.Charge.PaymentMethodDetails.Card.ThreeDSecure, authentication_flow="challenge", result="authenticated", version="2.2.0"
        )
    return nested(stripe.Charge.PaymentMethodDetails.Card, **known)


def _outcome(network_status: str, kind: str, message: str) -> Json:
    return nested(
        stripe.Charge.Outcome, network_status=network_status, type=kind, seller_message=message, risk_level="normal", risk_score=20
    )


def _error(method: Json, code: str, decline_code: str | None, message: str) -> Json:
    error: Json = {"type": "card_error", "code": code, "message": message, "payment_method": method}
    error["doc_url"] = f"https://docs.stripe.com/error-codes/{code.replace('_', '-')}"
    return error | ({"decline_code": decline_code} if decline_code else {})
