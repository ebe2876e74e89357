"""What follows a payment intent's outcome: its invoice is paid, its subscription starts, its checkout session completes."""

from sandbox import completion, dunning, invoicing
from sandbox.shapes import Json
from sandbox.transaction import Transaction


def succeeded(tx: Transaction, intent: Json) -> None:
    """Let a success reach the invoice and its subscription, then the checkout session."""
    known = tx.private(intent["id"])
    if known.get("invoice"):
        invoicing.paid(tx, tx.get("invoice", known["invoice"]), intent)
    if known.get("session"):
        completion.complete(tx, tx.get("checkout.session", known["session"]), intent)


def processing(tx: Transaction, intent: Json) -> None:
    """Let a debit that is under way complete its checkout session, which is not paid yet."""
    known = tx.private(intent["id"])
    if known.get("session"):
        completion.complete(tx, tx.get("checkout.session", known["session"]), intent)


def failed(tx: Transaction, intent: Json) -> None:
    """Let a failure reach the invoice and a running subscription."""
    known = tx.private(intent["id"])
    if known.get("invoice"):
        dunning.failed(tx, tx.get("invoice", known["invoice"]))
    if known.get("session"):
        completion.came_back(tx, tx.get("checkout.session", known["session"]))


def asked(tx: Transaction, intent: Json) -> None:
    """Say on the invoice that the payer has to authenticate."""
    known = tx.private(intent["id"])
    if known.get("invoice"):
        dunning.asked(tx, tx.get("invoice", known["invoice"]))
