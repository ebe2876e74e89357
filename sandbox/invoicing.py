"""Invoices of subscriptions: made, finalized, paid, failed."""

from sandbox import crediting, discounting, dunning, pending
from sandbox.identifiers import random_text
from sandbox.invoice_lines import lines
from sandbox.periods import end_of_period, ends_with_period, next_period, plan_ahead
from sandbox.shapes import Json
from sandbox.transaction import Transaction

_WAITING = frozenset({"incomplete", "past_due", "unpaid", "paused"})
"""Statuses of subscriptions that become active once their latest invoice is paid."""


def draft(tx: Transaction, subscription: Json, reason: str, lines: list[Json]) -> Json:
    """Store a subscription's `latest_invoice`, a draft, with what waited for it and its lines (minor units); emits invoice.created."""
    held, lines = discounting.off_invoice(tx, subscription, [*pending.waiting(tx, subscription), *lines])
    pending.claim(tx, subscription, subscription["latest_invoice"])
    if held is not None:
        discounting.used_by(tx, subscription, held)
    return tx.add(_drafted(tx, subscription, reason, lines), parent=subscription["id"], event="invoice.created")


def foreseen(tx: Transaction, subscription: Json, reason: str, lines: list[Json]) -> Json:
    """Return the invoice that `draft` would store now for what waits and these lines, and what is due of it; it has no id yet."""
    _, lines = discounting.off_invoice(tx, subscription, [*pending.waiting(tx, subscription), *lines])
    invoice = _drafted(tx, subscription, reason, lines)
    _, invoice["ending_balance"] = crediting.due(invoice["total"], invoice["starting_balance"], invoice["currency"])
    return {name: value for name, value in invoice.items() if name != "id"}


def upcoming(tx: Transaction, subscription: Json, prorations: tuple[Json, ...] = ()) -> Json:
    """Return the invoice of a subscription's next period, as it will be then with what waits and these prorations; it has no id yet.

    Of one that ends with its period it is what waits alone.
    """
    then = Transaction(tx.connection, tx.configuration, end_of_period(subscription))
    following = next_period(subscription)
    periodic = [] if ends_with_period(subscription) else lines(then, following)
    return foreseen(then, following, "upcoming", [*prorations, *periodic])


def _drafted(tx: Transaction, subscription: Json, reason: str, lines: list[Json]) -> Json:
    customer = tx.get("customer", subscription["customer"])
    subtotal = sum(line["amount"] for line in lines)
    taken = [amount for line in lines for amount in line["discount_amounts"]]
    starting = crediting.balance(tx, customer, subscription["currency"])
    known = _amounts(subtotal, taken) | _of_customer(customer) | {"starting_balance": starting}
    due, _ = crediting.due(known["total"], starting, subscription["currency"])
    known |= {"amount_due": due, "amount_remaining": due}
    invoice = tx.new("invoice", **known, billing_reason=reason, status="draft", auto_advance=False)
    invoice |= {
        "id": subscription["latest_invoice"],
        "currency": subscription["currency"],
        "metadata": {},
        "description": subscription["description"],
    }
    invoice |= {"account_country": "US", "account_name": "Billgraph sandbox", "period_start": tx.now, "period_end": tx.now}
    invoice["issuer"] = {"type": "self"}
    invoice["collection_method"] = subscription["collection_method"]
    invoice["parent"] = {
        "type": "subscription_details",
        "quote_details": None,
        "subscription_details": {"metadata": subscription["metadata"], "subscription": subscription["id"]},
    }
    invoice["lines"] = {
        "object": "list",
        "data": [line | {"invoice": invoice["id"]} for line in lines],
        "has_more": False,
        "url": f"/v1/invoices/{invoice['id']}/lines",
    }
    return invoice


def _amounts(subtotal: int, taken: list[Json]) -> Json:
    names = list(dict.fromkeys(row["discount"] for row in taken))
    total = subtotal - sum(row["amount"] for row in taken)
    return {
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal,
        "total": total,
        "total_excluding_tax": total,
        "discounts": names,
        "total_discount_amounts": [
            {"amount": sum(row["amount"] for row in taken if row["discount"] == name), "discount": name} for name in names
        ],
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
    }


def _of_customer(customer: Json) -> Json:
    return {
        "customer": customer["id"],
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_shipping": customer["shipping"],
        "customer_tax_exempt": customer["tax_exempt"],
        "customer_tax_ids": [],
        "test_clock": customer["test_clock"],
    }


def finalize(tx: Transaction, invoice: Json) -> Json:
    """Number a draft and open it, less the customer's credit; emits invoice.finalized. What asks for nothing is paid at once."""
    customer = tx.get("customer", invoice["customer"])
    sequence = customer["next_invoice_sequence"]
    tx.save(customer | {"next_invoice_sequence": sequence + 1})
    starting = crediting.balance(tx, customer, invoice["currency"])
    due, ending = crediting.due(invoice["total"], starting, invoice["currency"])
    crediting.carry(tx, customer["id"], invoice["currency"], ending)
    invoice |= {"starting_balance": starting, "amount_due": due, "amount_remaining": due}
    url = f"{tx.configuration.public_url}/invoices/{invoice['id']}"
    invoice |= {
        "status": "open",
        "number": f"{customer['invoice_prefix']}-{sequence:04d}",
        "hosted_invoice_url": url,
        "invoice_pdf": f"{url}/pdf",
        "effective_at": tx.now,
        "ending_balance": ending,
        "due_date": None,
    }
    invoice["status_transitions"]["finalized_at"] = tx.now
    saved = tx.save(invoice, "invoice.finalized")
    return saved if saved["amount_due"] else _close(tx, saved, None)


def bill(tx: Transaction, invoice: Json, intent: Json) -> None:
    """Tie a payment intent to the invoice that it is to pay."""
    payment = tx.new("invoice_payment", amount_requested=invoice["amount_due"], currency=invoice["currency"], invoice=invoice["id"])
    payment |= {"is_default": True, "status": "open"}
    payment["payment"] = {"type": "payment_intent", "payment_intent": intent["id"]}
    tx.add(payment, parent=invoice["id"])
    tx.note(invoice["id"], payment_intent=intent["id"])
    tx.note(intent["id"], invoice=invoice["id"])


def paid(tx: Transaction, invoice: Json, intent: Json) -> Json:
    """Mark an invoice paid by an intent, and start or go on with its subscription."""
    if invoice["status"] == "paid":
        return invoice
    return _close(tx, invoice, intent)


def _close(tx: Transaction, invoice: Json, intent: Json | None) -> Json:
    tried = int(intent is not None and dunning.counts(tx, invoice))
    invoice |= {"status": "paid", "amount_paid": invoice["amount_due"], "amount_remaining": 0, "attempted": True}
    invoice |= {"next_payment_attempt": None, "auto_advance": False, "attempt_count": invoice["attempt_count"] + tried}
    tx.schedule(invoice["id"], None)
    invoice["status_transitions"]["paid_at"] = tx.now
    saved = tx.save(invoice, "invoice.paid")
    for payment in tx.children("invoice_payment", invoice["id"]):
        payment |= {"status": "paid", "amount_paid": payment["amount_requested"]}
        payment["status_transitions"]["paid_at"] = tx.now
        tx.save(payment, "invoice_payment.paid")
    tx.emit("invoice.payment_succeeded", saved)
    _activate(tx, saved, intent)
    return saved


def _activate(tx: Transaction, invoice: Json, intent: Json | None) -> None:
    subscription = tx.find("subscription", invoice["parent"]["subscription_details"]["subscription"])
    if subscription is None or subscription["status"] not in _WAITING or not dunning.decides(tx, invoice):
        return
    method = tx.find("payment_method", intent and intent["payment_method"])
    if method is not None and method["customer"] and tx.private(subscription["id"]).get("save_method"):
        subscription["default_payment_method"] = method["id"]
    resumed = subscription["status"] == "paused"
    saved = tx.save(subscription | {"status": "active"}, "customer.subscription.updated")
    plan_ahead(tx, saved)
    if resumed:
        tx.emit("customer.subscription.resumed", saved)


def new_prefix() -> str:
    """Return a customer's invoice prefix."""
    return random_text(8).upper()
