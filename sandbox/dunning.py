"""Invoices that could not be paid: charged again in the account's rhythm, until its settings say what becomes of the subscription.

docs.stripe.com/billing/revenue-recovery/smart-retries; the rhythm is fixed here (sandbox.account).
"""

from sandbox import subscribing
from sandbox.periods import plan_ahead
from sandbox.shapes import Json
from sandbox.transaction import Transaction

DAY = 86400
RUNNING = frozenset({"active", "past_due"})
"""Statuses of subscriptions that an unpaid invoice makes past due."""

CHARGED = RUNNING | {"paused"}
"""Statuses of subscriptions whose invoices are charged by themselves: of one that rests, the invoice that is to let it go on.

docs.stripe.com/changelog/dahlia/2026-05-27/pause-subscriptions, `resume_on_payment_success`.
"""


def counts(tx: Transaction, invoice: Json) -> bool:
    """Say whether a try of an invoice counts: the first one does, whoever makes it, and after it those that `retry` makes."""
    return not invoice["attempt_count"] or bool(tx.private(invoice["id"]).get("retrying"))


def failed(tx: Transaction, invoice: Json) -> None:
    """Keep a failed try of an invoice; a running subscription becomes past due. Emits invoice.updated and invoice.payment_failed."""
    counted = counts(tx, invoice)
    invoice = _tried(tx, invoice, counted=counted)
    tx.emit("invoice.payment_failed", invoice)
    _follow(tx, invoice, counted=counted)


def asked(tx: Transaction, invoice: Json) -> None:
    """Say that the payer has to authenticate (invoice.payment_action_required); a charge that nobody waits for has failed by that."""
    tx.emit("invoice.payment_action_required", invoice)
    subscription = _subscription(tx, invoice)
    if subscription is not None and subscription["status"] in CHARGED and counts(tx, invoice):
        failed(tx, invoice)


def retry(tx: Transaction, invoice: Json) -> None:
    """Charge an open invoice again to the default card, when its time has come.

    A card that waits for its owner's answer is not charged again, though the try counts (see `Invoice.attempt_count` at Stripe).
    """
    subscription = _subscription(tx, invoice)
    if invoice["status"] != "open" or invoice["next_payment_attempt"] is None or subscription is None:
        return
    tx.note(invoice["id"], retrying=True)
    intent = tx.get("payment_intent", tx.private(invoice["id"])["payment_intent"])
    method = subscribing.default_method(tx, subscription)
    if method is None:
        failed(tx, invoice)
    elif intent["status"] == "requires_action" and intent["payment_method"] == method["id"]:
        _follow(tx, _tried(tx, invoice, counted=True), counted=True)
    else:
        subscribing.pay(tx, intent, method, "allow_incomplete")
    tx.note(invoice["id"], retrying=False)


def stop(tx: Transaction, subscription: Json) -> None:
    """Charge none of a subscription's open invoices again by itself; emits invoice.updated for each that would have been."""
    for invoice in list(tx.children("invoice", subscription["id"])):
        if invoice["next_payment_attempt"] is not None:
            tx.schedule(invoice["id"], None)
            tx.save(invoice | {"next_payment_attempt": None, "auto_advance": False}, "invoice.updated")


def forgive(tx: Transaction, invoice: Json, *, decides: bool) -> None:
    """Charge an invoice that was given up no more; what its subscription was past due for, where it decided that, is over.

    One that rests goes on when the invoice that is to let it is uncollectible; void, it does not (Subscription.resume at Stripe).
    """
    tx.schedule(invoice["id"], None)
    subscription = _subscription(tx, invoice)
    status = subscription["status"] if decides and subscription is not None else None
    rested = status == "paused" and invoice["status"] == "uncollectible"
    if subscription is not None and (rested or status == "past_due"):
        saved = tx.save(subscription | {"status": "active"}, "customer.subscription.updated")
        if rested:
            plan_ahead(tx, saved)
            tx.emit("customer.subscription.resumed", saved)


def decides(tx: Transaction, invoice: Json) -> bool:
    """Say whether an invoice is its subscription's latest that was finalized: that one alone makes it past due, or active again."""
    latest = None
    for found in tx.children("invoice", invoice["parent"]["subscription_details"]["subscription"]):
        if found["status"] not in {"draft", "void"}:
            latest = found["id"]
    return bool(latest == invoice["id"])


def _subscription(tx: Transaction, invoice: Json) -> Json | None:
    return tx.find("subscription", invoice["parent"]["subscription_details"]["subscription"])


def _tried(tx: Transaction, invoice: Json, *, counted: bool) -> Json:
    invoice["attempted"] = True
    if counted:
        invoice["attempt_count"] += 1
        at = _next_attempt(tx, invoice)
        invoice |= {"next_payment_attempt": at, "auto_advance": at is not None}
        tx.schedule(invoice["id"], at)
    return tx.save(invoice, "invoice.updated")


def _next_attempt(tx: Transaction, invoice: Json) -> int | None:
    subscription = _subscription(tx, invoice)
    if subscription is None or subscription["status"] not in CHARGED or invoice["status"] != "open":
        return None
    ahead = tx.configuration.account.settings.retry_days[invoice["attempt_count"] - 1 :]
    return tx.now + ahead[0] * DAY if ahead else None


def _follow(tx: Transaction, invoice: Json, *, counted: bool) -> None:
    """Make a running subscription past due, and after the last try what the settings say."""
    subscription = _subscription(tx, invoice)
    if subscription is None or subscription["status"] not in RUNNING:
        return
    if subscription["status"] == "active" and decides(tx, invoice):
        subscription = tx.save(subscription | {"status": "past_due"}, "customer.subscription.updated")
    if counted and invoice["next_payment_attempt"] is None and subscription["status"] == "past_due":
        _give_up(tx, subscription)


def _give_up(tx: Transaction, subscription: Json) -> None:
    after = tx.configuration.account.settings.after_retries
    if after == "cancel":
        subscribing.cancel(tx, subscription, "payment_failed")
    elif after == "unpaid":
        stop(tx, subscription)
        tx.save(subscription | {"status": "unpaid"}, "customer.subscription.updated")
