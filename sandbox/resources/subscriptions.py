"""/v1/subscriptions and /v1/subscription_items (read only)."""

from typing import Any

from stripe import params

from sandbox import payments, subscribing
from sandbox.errors import CardRefusal, InvalidParameters, Refusal, missing, parameter_missing
from sandbox.pagination import Where, page, whole
from sandbox.periods import next_change
from sandbox.resources.assignment import assign, refuse_unsupported
from sandbox.resources.payment_methods import resolve
from sandbox.resources.prices import new_price
from sandbox.routing import Call, Route
from sandbox.shapes import Json
from sandbox.transaction import Transaction

_UNSUPPORTED = (
    "add_invoice_items", "application_fee_percent", "backdate_start_date", "billing_cycle_anchor", "billing_cycle_anchor_config",
    "billing_schedules", "billing_thresholds", "default_source", "default_tax_rates", "discounts", "on_behalf_of", "pause_collection",
    "pending_invoice_item_interval", "transfer_data", "days_until_due", "trial_settings",
)  # fmt: skip
NO_METHOD = (
    "This customer has no attached payment source or default payment method. Please consider adding a default payment method. "
    "For more information, visit https://stripe.com/docs/billing/subscriptions/payment-methods-setting."
)


def create(tx: Transaction, call: Call) -> Json:
    """Begin a subscription and, unless `payment_behavior` is default_incomplete, charge its first invoice."""
    _check(call)
    if not call.given("customer"):
        raise parameter_missing("customer")
    customer = tx.get("customer", call.given("customer"), "customer")
    terms = subscribing.Terms(customer, _items(tx, call), _trial_end(tx, call), known=_known(tx, call, customer))
    settings = call.given("payment_settings") or {}
    terms.save_method = settings.get("save_default_payment_method") == "on_subscription"
    behaviour = call.given("payment_behavior") or "allow_incomplete"
    method = _chosen(tx, terms)
    if method is None and terms.trial_end is None and behaviour != "default_incomplete":
        raise Refusal(NO_METHOD, code="resource_missing")
    subscription, intent = subscribing.begin(tx, terms)
    if call.given("cancel_at_period_end"):
        tx.save(subscribing.cancel_at_period_end(tx, subscription, wanted=True))
    if intent is not None and method is not None and behaviour != "default_incomplete":
        _pay(tx, intent, method, behaviour)
    return tx.get("subscription", subscription["id"])


def _check(call: Call) -> None:
    refuse_unsupported(call, *_UNSUPPORTED)
    if call.given("collection_method") == "send_invoice":
        raise Refusal("The sandbox does not support `collection_method` send_invoice; real Stripe does.", param="collection_method")
    if (call.given("automatic_tax") or {}).get("enabled"):
        raise Refusal("The sandbox does not support `automatic_tax`; real Stripe does.", param="automatic_tax")


def _pay(tx: Transaction, intent: Json, method: Json, behaviour: str) -> None:
    try:
        attempted = payments.attempt(tx, intent, method)
    except CardRefusal as refusal:
        if behaviour == "error_if_incomplete":
            refusal.keep = False
            raise
        return
    if attempted["status"] == "requires_action" and behaviour == "error_if_incomplete":
        raise Refusal(
            "Your card was declined. This transaction requires authentication.",
            code="authentication_required",
            status=402,
            kind="card_error",
        )


def _known(tx: Transaction, call: Call, customer: Json) -> Json:
    known = assign({"metadata": {}}, call, "description", "payment_settings")
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


def _items(tx: Transaction, call: Call) -> list[tuple[Json, int]]:
    given = call.given("items")
    if not given:
        raise parameter_missing("items")
    items = [_item(tx, entry, f"items[{index}]") for index, entry in enumerate(given)]
    if len({price["currency"] for price, _ in items}) > 1:
        raise Refusal("All prices of a subscription must have the same currency.", param="items")
    if len({(price["recurring"]["interval"], price["recurring"]["interval_count"]) for price, _ in items}) > 1:
        raise Refusal("The sandbox does not support subscriptions of mixed intervals; real Stripe does.", param="items")
    return items


def _item(tx: Transaction, entry: Json, param: str) -> tuple[Json, int]:
    quantity = entry.get("quantity", 1)
    if not 0 <= quantity <= 999_999:
        raise InvalidParameters("This value must be between 0 and 999999.", code="parameter_invalid_integer", param=f"{param}[quantity]")
    if entry.get("price_data"):
        data = entry["price_data"]
        price = new_price(tx, tx.get("product", data["product"], f"{param}[price_data][product]"), data | {"active": False}, param)
        return _recurring(price, param), quantity
    if not entry.get("price"):
        raise parameter_missing(f"{param}[price]")
    price = tx.get("price", entry["price"], f"{param}[price]")
    if not price["active"]:
        raise Refusal("The price specified is inactive. This field only accepts active prices.", param=f"{param}[price]")
    return _recurring(price, param), quantity


def _recurring(price: Json, param: str) -> Json:
    if price["recurring"] is None:
        raise Refusal(
            f"The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`. ({price['id']})",
            param=f"{param}[price]",
        )
    return price


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


def update(tx: Transaction, call: Call) -> Json:
    """Change a subscription; emits customer.subscription.updated. Changes of price or quantity are not prorated here."""
    _check(call)
    subscription = tx.get("subscription", call.id)
    if not call.params.keys() <= {"metadata", "cancellation_details"}:
        subscribing.check_running(subscription)
    _method(tx, subscription, call)
    changed = _plan_end(tx, assign(subscription, call, "description"), call)
    if call.given("items"):
        _change_items(tx, changed, call)
    if call.given("trial_end") is not None:
        _change_trial(tx, changed, call)
    changed["cancellation_details"] |= {name: value or None for name, value in (call.given("cancellation_details") or {}).items()}
    if changed["status"] not in subscribing.ENDED | {"incomplete"}:
        tx.schedule(changed["id"], next_change(changed))
    return tx.save(changed, "customer.subscription.updated")


def _method(tx: Transaction, subscription: Json, call: Call) -> None:
    if "default_payment_method" in call.params:
        method = call.given("default_payment_method")
        if method and tx.get("payment_method", method, "default_payment_method")["customer"] != subscription["customer"]:
            raise missing("payment_method", method, "default_payment_method")
        subscription["default_payment_method"] = method


def _plan_end(tx: Transaction, subscription: Json, call: Call) -> Json:
    wanted, at = call.given("cancel_at_period_end"), call.params.get("cancel_at")
    if wanted is not None and at is not None:
        raise InvalidParameters(
            "You may only specify one of these parameters: cancel_at_period_end, cancel_at.", code="parameters_exclusive"
        )
    if wanted is not None and wanted != subscription["cancel_at_period_end"]:
        return subscribing.cancel_at_period_end(tx, subscription, wanted=wanted)
    if wanted is False or at == "":
        return subscription | {"cancel_at": None, "canceled_at": None, "cancel_at_period_end": False}
    if at is None or wanted:
        return subscription
    end = at if isinstance(at, int) else subscribing.end_of_period(subscription)
    if end <= tx.now:
        raise InvalidParameters("`cancel_at` must be in the future.", param="cancel_at")
    return subscription | {"cancel_at": end, "canceled_at": tx.now}


def _change_items(tx: Transaction, subscription: Json, call: Call) -> None:
    if call.given("proration_behavior") not in {None, "none", "create_prorations"}:
        raise Refusal("The sandbox does not support `proration_behavior` always_invoice; real Stripe does.", param="proration_behavior")
    data: list[Json] = subscription["items"]["data"]
    for index, entry in enumerate(call.params["items"]):
        _change_item(tx, subscription, data, entry, f"items[{index}]")
    if not data:
        raise Refusal("A subscription must have at least one active plan.", param="items")
    if len({item["price"]["currency"] for item in data}) > 1:
        raise Refusal("All prices of a subscription must have the same currency.", param="items")


def _change_item(tx: Transaction, subscription: Json, data: list[Json], entry: Json, param: str) -> None:
    if not entry.get("id"):
        price, quantity = _item(tx, entry, param)
        data.append(subscribing.item(tx, subscription, price, quantity))
        return
    found = next((item for item in data if item["id"] == entry["id"]), None)
    if found is None:
        raise missing("subscription_item", entry["id"], f"{param}[id]")
    if entry.get("deleted"):
        data.remove(found)
        return
    if entry.get("price") or entry.get("price_data"):
        found["price"], _ = _item(tx, {"quantity": 1} | entry, param)
        found["plan"] = subscribing.plan(found["price"])
    found["quantity"] = entry.get("quantity", found["quantity"])
    found["metadata"] |= entry.get("metadata") or {}


def _change_trial(tx: Transaction, subscription: Json, call: Call) -> None:
    end: Any = call.given("trial_end")
    at = tx.now if end == "now" else end
    if at < tx.now:
        raise InvalidParameters("Invalid timestamp: must be an integer Unix timestamp in the future.", param="trial_end")
    if end != "now":
        subscription |= {"status": "trialing", "trial_start": subscription["trial_start"] or tx.now}
    subscription |= {"trial_end": at, "billing_cycle_anchor": at}
    for item in subscription["items"]["data"]:
        item["current_period_end"] = at


def cancel(tx: Transaction, call: Call) -> Json:
    """End a subscription now; emits customer.subscription.deleted."""
    refuse_unsupported(call, "invoice_now", "prorate")
    subscription = tx.get("subscription", call.id)
    if subscription["status"] in subscribing.ENDED:
        raise missing("subscription", call.id)
    subscription["cancellation_details"] |= call.given("cancellation_details") or {}
    return subscribing.cancel(tx, subscription)


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
    Route("GET", "/v1/subscription_items", list_items, params.SubscriptionItemListParams),
]
