"""/v1/subscriptions and /v1/subscription_items (read only)."""

from stripe import params

from sandbox import pausing, pending, prorating, subscribing
from sandbox.errors import InvalidParameters, Refusal, missing, parameter_missing
from sandbox.pagination import Where, page, whole
from sandbox.resources.assignment import assign, refuse_unsupported
from sandbox.resources.payment_methods import resolve
from sandbox.resources.subscription_changes import update
from sandbox.resources.subscription_items import check, chosen
from sandbox.routing import Call, Route
from sandbox.shapes import Json
from sandbox.transaction import Transaction


def create(tx: Transaction, call: Call) -> Json:
    """Begin a subscription and, unless `payment_behavior` is default_incomplete, charge its first invoice."""
    check(call)
    refuse_unsupported(call, "billing_cycle_anchor")
    if not call.given("customer"):
        raise parameter_missing("customer")
    customer = tx.get("customer", call.given("customer"), "customer")
    terms = subscribing.Terms(customer, chosen(tx, call), _trial_end(tx, call), known=_known(tx, call, customer))
    settings = call.given("payment_settings") or {}
    terms.save_method = settings.get("save_default_payment_method") == "on_subscription"
    behaviour = call.given("payment_behavior") or "allow_incomplete"
    method = _chosen(tx, terms)
    if method is None and terms.trial_end is None and behaviour != "default_incomplete":
        raise Refusal(subscribing.NO_METHOD, code="resource_missing")
    subscription, intent = subscribing.begin(tx, terms)
    if call.given("cancel_at_period_end"):
        tx.save(subscribing.cancel_at_period_end(tx, subscription, wanted=True))
    if intent is not None and method is not None and behaviour != "default_incomplete":
        subscribing.pay(tx, intent, method, behaviour)
    return tx.get("subscription", subscription["id"])


def _known(tx: Transaction, call: Call, customer: Json) -> Json:
    known = assign({"metadata": {}}, call, "description", "payment_settings", "trial_settings")
    method = call.given("default_payment_method")
    if method:
        found = resolve(tx, method, "default_payment_method")
        if found["customer"] != customer["id"]:
            raise missing("payment_method", method, "default_payment_method")
        known["default_payment_method"] = found["id"]
    return known


def _chosen(tx: Transaction, terms: subscribing.Terms) -> Json | None:
    settings = terms.customer["invoice_settings"]
    return tx.find("payment_method", terms.known.get("default_payment_method") or settings["default_payment_method"])


def _trial_end(tx: Transaction, call: Call) -> int | None:
    end, days = call.given("trial_end"), call.given("trial_period_days")
    if end is not None and days is not None:
        raise InvalidParameters("You may only specify one of these parameters: trial_end, trial_period_days.", code="parameters_exclusive")
    if isinstance(end, int):
        if end <= tx.now:
            raise InvalidParameters("Invalid timestamp: must be an integer Unix timestamp in the future.", param="trial_end")
        return end
    if days is not None and not 0 <= days <= 730:
        raise InvalidParameters("The number of trial period days must be between 0 and 730.", param="trial_period_days")
    return tx.now + days * 86400 if days else None


def retrieve(tx: Transaction, call: Call) -> Json:
    """Return a subscription."""
    return tx.get("subscription", call.id)


def cancel(tx: Transaction, call: Call) -> Json:
    """End a subscription now, with a final invoice for `invoice_now`; emits customer.subscription.deleted.

    `prorate` gives unused time back. What waits stays where either is asked for; else it is taken away.
    """
    subscription = tx.get("subscription", call.id)
    if subscription["status"] in subscribing.ENDED:
        raise missing("subscription", call.id)
    subscription["cancellation_details"] |= call.given("cancellation_details") or {}
    prorate, bills = bool(call.given("prorate")), bool(call.given("invoice_now"))
    pending.keep(tx, subscription, prorating.unused(tx, subscription, tx.now) if prorate else [])
    if not prorate and not bills:
        pending.drop(tx, subscription)
    return subscribing.cancel_and_bill(tx, subscription) if bills else subscribing.cancel(tx, subscription)


def pause(tx: Transaction, call: Call) -> Json:
    """Pause a subscription; emits customer.subscription.paused."""
    since = ((call.given("bill_for") or {}).get("unused_time_from") or {}).get("type", "now")
    if call.given("invoicing_behavior") == "invoice" or since == "item_current_period_start":
        raise Refusal("The sandbox does not support to bill a pause at once, or from its period's start; real Stripe does.")
    return pausing.pause(tx, tx.get("subscription", call.id), credited=since == "now")


def resume(tx: Transaction, call: Call) -> Json:
    """Bill a paused subscription afresh, which runs again once that is paid; emits customer.subscription.resumed."""
    if call.given("billing_cycle_anchor") == "unchanged":
        raise Refusal("The sandbox does not support `billing_cycle_anchor` unchanged; real Stripe does.", param="billing_cycle_anchor")
    return pausing.resume(tx, tx.get("subscription", call.id))


def listing(tx: Transaction, call: Call) -> Json:
    """List subscriptions; those that are canceled only when `status` asks for them."""
    where = Where()
    status = call.params.pop("status", None)
    if status is None:
        where.add("json_extract(body, '$.status') NOT IN ('canceled', 'incomplete_expired')")
    elif status == "ended":
        where.add("json_extract(body, '$.status') IN ('canceled', 'incomplete_expired')")
    elif status != "all":
        where.add("json_extract(body, '$.status') = ?", status)
    if call.given("price"):
        where.add("json_extract(body, '$.items.data[0].price.id') = ?", call.given("price"))
    return page(tx, call, "subscription", "/v1/subscriptions", where, ("customer", "collection_method"))


def list_items(tx: Transaction, call: Call) -> Json:
    """List a subscription's items."""
    if not call.given("subscription"):
        raise parameter_missing("subscription")
    items = tx.get("subscription", call.given("subscription"), "subscription")["items"]["data"]
    return whole(items, "/v1/subscription_items")


ROUTES = [
    Route("POST", "/v1/subscriptions", create, params.SubscriptionCreateParams),
    Route("GET", "/v1/subscriptions", listing, params.SubscriptionListParams),
    Route("GET", "/v1/subscriptions/{id}", retrieve, params.SubscriptionRetrieveParams),
    Route("POST", "/v1/subscriptions/{id}", update, params.SubscriptionUpdateParams),
    Route("DELETE", "/v1/subscriptions/{id}", cancel, params.SubscriptionCancelParams),
    Route("POST", "/v1/subscriptions/{id}/pause", pause, params.SubscriptionPauseParams),
    Route("POST", "/v1/subscriptions/{id}/resume", resume, params.SubscriptionResumeParams),
    Route("GET", "/v1/subscription_items", list_items, params.SubscriptionItemListParams),
]
