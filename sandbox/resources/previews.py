"""POST /v1/invoices/create_preview: what a change of a subscription would be billed, or what its next period will."""

from stripe import params

from sandbox import invoicing, pending, prorating, subscribing
from sandbox.errors import InvalidParameters, Refusal, parameter_missing
from sandbox.identifiers import random_text
from sandbox.periods import ends_with_period
from sandbox.resources.assignment import refuse_unsupported
from sandbox.resources.item_changes import Change, planned
from sandbox.routing import Call, Route
from sandbox.shapes import Json
from sandbox.transaction import Transaction

_UNSUPPORTED = (
    "automatic_tax", "currency", "customer_account", "customer_details", "discounts", "invoice_items", "issuer", "on_behalf_of", "schedule",
    "schedule_details",
)  # fmt: skip
_UNSUPPORTED_DETAILS = (
    "billing_cycle_anchor", "billing_mode", "billing_schedules", "cancel_at", "cancel_at_period_end", "cancel_now", "default_tax_rates",
    "pause", "resume_at", "start_date", "trial_end",
)  # fmt: skip


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
        change = _planned(tx, subscription, details)
    except Refusal as refusal:
        head, bracket, rest = (refusal.param or "").partition("[")
        refusal.param = f"subscription_details[{head}]{bracket}{rest}" if head else None
        raise
    if change.bills_now:
        return invoicing.foreseen(tx, change.subscription, "subscription_update", [*change.prorations, *change.billed_now(tx)])
    waits = [*pending.waiting(tx, subscription), *change.prorations]
    if subscription["status"] not in {*prorating.BILLED, "trialing"} or (ends_with_period(change.subscription) and not waits):
        raise Refusal(f"No upcoming invoices for customer: {subscription['customer']}", code="invoice_upcoming_none", status=404)
    return invoicing.upcoming(tx, change.subscription, tuple(change.prorations))


def _planned(tx: Transaction, subscription: Json, details: Call) -> Change:
    refuse_unsupported(details, *_UNSUPPORTED_DETAILS)
    if details.given("proration_date") and details.given("proration_behavior") == "none":
        raise InvalidParameters("Cannot specify a proration date without creating prorations.", param="proration_date")
    if details.given("items"):
        subscribing.check_running(subscription)
    return planned(tx, subscription, details)


def _shown(foreseen: Json) -> Json:
    preview_id = f"upcoming_in_{random_text(24)}"
    foreseen["lines"]["data"] = [line | {"invoice": preview_id} for line in foreseen["lines"]["data"]]
    return {"id": preview_id} | foreseen


ROUTES = [Route("POST", "/v1/invoices/create_preview", create_preview, params.InvoiceCreatePreviewParams)]
