"""/v1/invoices and /v1/invoice_payments: made by subscriptions."""

from stripe import params

from sandbox import completion, payments, subscribing
from sandbox.errors import Refusal
from sandbox.pagination import Where, page, whole
from sandbox.resources.assignment import assign, refuse_unsupported
from sandbox.resources.payment_methods import resolve
from sandbox.routing import Call, Route
from sandbox.shapes import Json
from sandbox.transaction import Transaction


def retrieve(tx: Transaction, call: Call) -> Json:
    """Return an invoice."""
    return tx.get("invoice", call.id, "invoice")


def listing(tx: Transaction, call: Call) -> Json:
    """List invoices."""
    where = Where()
    if call.given("subscription"):
        where.add("parent = ?", call.given("subscription"))
    return page(tx, call, "invoice", "/v1/invoices", where, ("customer", "status", "collection_method"))


def update(tx: Transaction, call: Call) -> Json:
    """Change an invoice's description, footer or metadata; emits invoice.updated."""
    return tx.save(assign(tx.get("invoice", call.id, "invoice"), call, "description", "footer"), "invoice.updated")


def pay(tx: Transaction, call: Call) -> Json:
    """Charge an invoice to a card, the one given or the subscription's or customer's default; a draft is finalized first."""
    refuse_unsupported(call, "paid_out_of_band", "forgive", "source", "mandate")
    invoice = tx.get("invoice", call.id, "invoice")
    if invoice["status"] == "paid":
        raise Refusal("Invoice is already paid")
    if invoice["status"] not in {"draft", "open", "uncollectible"}:
        raise Refusal(f"This invoice has a status of {invoice['status']} and cannot be paid.", code="invoice_not_editable")
    method = _method(tx, invoice, call)
    if method is None:
        raise Refusal(subscribing.NO_METHOD, code="resource_missing")
    if invoice["status"] == "draft" and subscribing.open_for_payment(tx, invoice) is None:
        return tx.get("invoice", invoice["id"])
    intent = tx.get("payment_intent", tx.private(invoice["id"])["payment_intent"])
    attempted = payments.attempt(tx, intent, method)
    if attempted["status"] == "requires_action":
        refusal = Refusal(
            "This payment requires additional user action before it can be completed successfully. Payment can be completed using the "
            "PaymentIntent associated with the invoice.",
            code="invoice_payment_intent_requires_action",
        )
        refusal.keep = True
        raise refusal
    return tx.get("invoice", invoice["id"])


def _method(tx: Transaction, invoice: Json, call: Call) -> Json | None:
    if call.given("payment_method"):
        return resolve(tx, call.given("payment_method"))
    subscription = tx.find("subscription", invoice["parent"]["subscription_details"]["subscription"])
    return None if subscription is None else subscribing.default_method(tx, subscription)


def finalize(tx: Transaction, call: Call) -> Json:
    """Number a draft and open it, to be paid by a call or on its page; emits invoice.finalized."""
    refuse_unsupported(call, "auto_advance")
    invoice = tx.get("invoice", call.id, "invoice")
    if invoice["status"] != "draft":
        raise Refusal("This invoice is already finalized, you can't re-finalize a non-draft invoice.", code="invoice_not_editable")
    subscribing.open_for_payment(tx, invoice)
    return tx.get("invoice", invoice["id"])


def void(tx: Transaction, call: Call) -> Json:
    """Void an open invoice; emits invoice.voided."""
    invoice = tx.get("invoice", call.id, "invoice")
    if invoice["status"] not in {"open", "uncollectible"}:
        raise Refusal(f"You can only pass in open invoices. This invoice isn't open. ({invoice['status']})")
    return completion.void(tx, invoice)


def mark_uncollectible(tx: Transaction, call: Call) -> Json:
    """Give an open invoice up; emits invoice.marked_uncollectible."""
    invoice = tx.get("invoice", call.id, "invoice")
    if invoice["status"] != "open":
        raise Refusal(f"You can only mark open invoices as uncollectible. This invoice isn't open. ({invoice['status']})")
    return completion.mark_uncollectible(tx, invoice)


def list_lines(tx: Transaction, call: Call) -> Json:
    """List an invoice's lines."""
    invoice = tx.get("invoice", call.id, "invoice")
    return whole(invoice["lines"]["data"], invoice["lines"]["url"])


def retrieve_payment(tx: Transaction, call: Call) -> Json:
    """Return an invoice payment."""
    return tx.get("invoice_payment", call.id, "invoice_payment")


def list_payments(tx: Transaction, call: Call) -> Json:
    """List invoice payments, of an invoice or of a payment intent."""
    where = Where()
    payment = call.given("payment") or {}
    if payment.get("payment_intent"):
        where.add("json_extract(body, '$.payment.payment_intent') = ?", payment["payment_intent"])
    elif payment:
        where.add("0")
    return page(tx, call, "invoice_payment", "/v1/invoice_payments", where, ("invoice", "status"))


ROUTES = [
    Route("GET", "/v1/invoices", listing, params.InvoiceListParams),
    Route("GET", "/v1/invoices/{id}", retrieve, params.InvoiceRetrieveParams),
    Route("POST", "/v1/invoices/{id}", update, params.InvoiceUpdateParams),
    Route("POST", "/v1/invoices/{id}/finalize", finalize, params.InvoiceFinalizeInvoiceParams),
    Route("POST", "/v1/invoices/{id}/pay", pay, params.InvoicePayParams),
    Route("POST", "/v1/invoices/{id}/void", void, params.InvoiceVoidInvoiceParams),
    Route("POST", "/v1/invoices/{id}/mark_uncollectible", mark_uncollectible, params.InvoiceMarkUncollectibleParams),
    Route("GET", "/v1/invoices/{id}/lines", list_lines, params.InvoiceLineItemListParams),
    Route("GET", "/v1/invoice_payments", list_payments, params.InvoicePaymentListParams),
    Route("GET", "/v1/invoice_payments/{id}", retrieve_payment, params.InvoicePaymentRetrieveParams),
]
