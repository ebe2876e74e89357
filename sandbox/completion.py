"""The end of a checkout session: complete, with what was bought, or expired."""

import stripe

from sandbox import crediting, discounting, dunning
from sandbox.shapes import Json, nested
from sandbox.transaction import Transaction


def complete(tx: Transaction, session: Json, intent: Json | None) -> Json:
    """Complete a session that is paid, is being paid by a bank debit, or had nothing to pay (a trial).

    Emits checkout.session.completed; of one whose debit has been paid, checkout.session.async_payment_succeeded.
    """
    settled = intent is None or intent["status"] == "succeeded"
    if session["status"] == "complete" and session["payment_status"] == "unpaid" and settled:
        return tx.save(session | {"payment_status": "paid"}, "checkout.session.async_payment_succeeded")
    if session["status"] != "open":
        return session
    session |= {"status": "complete", "url": None, "payment_status": "paid" if settled else "unpaid"}
    if intent is None and session["mode"] == "payment":
        session["payment_status"] = "no_payment_required"
    if session["mode"] == "payment" and intent is not None:
        session["payment_intent"] = intent["id"]
    tx.schedule(session["id"], None)
    saved = tx.save(session, "checkout.session.completed")
    discounting.redeem(tx, saved)
    return saved


def came_back(tx: Transaction, session: Json) -> None:
    """Say of a session that was complete that its payment has come back; of an open one, which may be tried again, nothing."""
    if session["status"] == "complete" and session["payment_status"] == "unpaid":
        tx.emit("checkout.session.async_payment_failed", session)


def customer_details(email: str | None, name: str | None, customer: Json | None) -> Json:
    """Return a session's `customer_details`."""
    known = customer or {}
    return nested(
        stripe.checkout.Session.CustomerDetails,
        email=email or known.get("email"),
        name=name or known.get("name"),
        phone=known.get("phone"),
        address=nested(stripe.checkout.Session.CustomerDetails.Address),
        tax_exempt="none",
        tax_ids=[],
    )


def expire(tx: Transaction, session: Json) -> Json:
    """Expire an open session, with the subscription or payment that it had begun; emits checkout.session.expired."""
    begun = tx.private(session["id"])
    tx.schedule(session["id"], None)
    intent = tx.find("payment_intent", begun.get("payment_intent"))
    if intent is not None and intent["status"] != "succeeded":
        cancellation = {"status": "canceled", "canceled_at": tx.now, "cancellation_reason": "automatic", "next_action": None}
        tx.save(intent | cancellation, "payment_intent.canceled")
    subscription = tx.find("subscription", begun.get("subscription"))
    if subscription is not None and subscription["status"] == "incomplete":
        abandon(tx, subscription)
    session |= {"status": "expired", "url": None}
    return tx.save(session, "checkout.session.expired")


def abandon(tx: Transaction, subscription: Json) -> None:
    """Give up a subscription whose first invoice was not paid: incomplete_expired, the invoice void."""
    invoice = tx.find("invoice", subscription["latest_invoice"])
    if invoice is not None and invoice["status"] == "open":
        void(tx, invoice)
    tx.schedule(subscription["id"], None)
    tx.save(subscription | {"status": "incomplete_expired", "ended_at": tx.now}, "customer.subscription.updated")


def mark_uncollectible(tx: Transaction, invoice: Json) -> Json:
    """Give an open invoice up as not to be collected; it may still be paid. Emits invoice.marked_uncollectible."""
    decides = dunning.decides(tx, invoice)
    invoice |= {"status": "uncollectible", "auto_advance": False, "next_payment_attempt": None}
    invoice["status_transitions"]["marked_uncollectible_at"] = tx.now
    saved = tx.save(invoice, "invoice.marked_uncollectible")
    dunning.forgive(tx, saved, decides=decides)
    return saved


def void(tx: Transaction, invoice: Json) -> Json:
    """Void an open or uncollectible invoice; nothing is due, and what it took of the customer's credit goes back. Emits invoice.voided."""
    decides = dunning.decides(tx, invoice)
    invoice |= {"status": "void", "auto_advance": False, "next_payment_attempt": None}
    invoice["status_transitions"]["voided_at"] = tx.now
    crediting.give_back(tx, invoice)
    saved = tx.save(invoice, "invoice.voided")
    dunning.forgive(tx, saved, decides=decides)
    return saved
