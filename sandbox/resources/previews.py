"""POST /v1/invoices/create_preview: what a change of a subscription would be billed, or what its next period will."""

from stripe import params

from sandbox import invoicing, pending, prorating, subscribing
from sandbox.errors import InvalidParameters, Refusal, parameter_missing
from sandbox.identifiers import random_text
from sandbox.periods import ends_with_period
from sandbox.resources.assignment import refuse_unsupported
from sandbox.resources.planned_changes import planned, proration_date
from sandbox.routing import Call, Route
from sandbox.shapes import Json
from sandbox.transaction import Transaction

_UNSUPPORTED = (
    "automatic_tax", "currency", "customer_account", "customer_details", "discounts", "invoice_items", "issuer", "on_behalf_of", "schedule",
    "schedule_details",
)  # fmt: skip
_UNSUPPORTED_DETAILS = ("billing_mode", "billing_schedules", "default_tax_rates", "pause", "resume_at", "start_date")
_CHANGES = {"items", "billing_cycle_anchor", "cancel_at", "cancel_at_period_end", "cancel_now", "trial_end"}


def create_preview(tx: Transaction, call: Call) -> Json:
    """Return the invoice that a change would be billed with, without doing it: now, or with the next period.

    Refused with invoice_upcoming_none when there will be none.
    """
    refuse_unsupported(call, *_UNSUPPORTED)
    if call.given("preview_mode") == "recurring":
        raise Refusal("The sandbox does not support `preview_mode` recurring; real Stripe does.", param="preview_mode")
    if not call.given("subscription"):
        raise parameter_missing("subscription")
    subscription = tx.get("subscription", call.given("subscription"), "subscription")
    if call.given("customer") not in {None, subscription["customer"]}:
        raise Refusal("The subscription is not of this customer.", param="customer")
    tx.connection.execute("SAVEPOINT preview")
    foreseen = _foreseen(tx, subscription, Call(call.path, call.given("subscription_details") or {}))
    tx.connection.execute("ROLLBACK TO preview")
    return _shown(foreseen)


def _foreseen(tx: Transaction, subscription: Json, details: Call) -> Json:
    try:
        refuse_unsupported(details, *_UNSUPPORTED_DETAILS)
        if (details.given("billing_cycle_anchor") or {}).get("type") == "timestamp":
            raise InvalidParameters("A subscription's anchor can only be `now` or `unchanged`.", param="billing_cycle_anchor[type]")
        if details.params.keys() & _CHANGES:
            subscribing.check_running(subscription)
        found = _after_end(tx, subscription, details) if details.given("cancel_now") else _after_change(tx, subscription, details)
    except Refusal as refusal:
        head, bracket, rest = (refusal.param or "").partition("[")
        refusal.param = f"subscription_details[{head}]{bracket}{rest}" if head else None
        raise
    if found is None:
        raise Refusal(f"No upcoming invoices for customer: {subscription['customer']}", code="invoice_upcoming_none", status=404)
    return found


def _after_end(tx: Transaction, subscription: Json, details: Call) -> Json | None:
    """The final invoice of a subscription that ends now, with unused time given back unless `proration_behavior` is none."""
    at = proration_date(tx, subscription, details)
    lines = [] if details.given("proration_behavior") == "none" else prorating.unused(tx, subscription, at)
    waits = pending.waiting(tx, subscription)
    return invoicing.foreseen(tx, subscription, "subscription_update", lines) if lines or waits else None


def _after_change(tx: Transaction, subscription: Json, details: Call) -> Json | None:
    """The invoice that is made of a change now; where none is, the next period's."""
    change = planned(tx, subscription, details)
    after = change.subscription
    if change.bills_now:
        return invoicing.foreseen(tx, after, "subscription_update", [*change.prorations, *change.billed_now(tx)])
    waits = [*pending.waiting(tx, subscription), *change.prorations]
    if after["status"] not in {*prorating.BILLED, "trialing"} or (ends_with_period(after) and not waits):
        return None
    return invoicing.upcoming(tx, after, tuple(change.prorations))


def _shown(foreseen: Json) -> Json:
    preview_id = f"upcoming_in_{random_text(24)}"
    foreseen["lines"]["data"] = [line | {"invoice": preview_id} for line in foreseen["lines"]["data"]]
    return {"id": preview_id} | foreseen


ROUTES = [Route("POST", "/v1/invoices/create_preview", create_preview, params.InvoiceCreatePreviewParams)]
