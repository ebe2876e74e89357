"""/v1/billing_portal/configurations: what the customer portal offers."""

from typing import Any

from stripe.params import billing_portal as params

from sandbox.errors import InvalidParameters, Refusal, parameter_missing
from sandbox.pagination import Where, page
from sandbox.resources.assignment import assign
from sandbox.resources.checkout_rules import check_url
from sandbox.routing import Call, Route
from sandbox.shapes import Json
from sandbox.transaction import Transaction

KIND = "billing_portal.configuration"
MAX_PRODUCTS = 10
NONE_SAVED = (
    "No configuration provided and your test mode default configuration has not been created. Provide a configuration or create your "
    "default by saving your customer portal settings in test mode at https://dashboard.stripe.com/test/settings/billing/portal."
)
_ENABLED = ("customer_update", "invoice_history", "payment_method_update", "subscription_cancel")
_REASONS = ["too_expensive", "missing_features", "switched_service", "unused", "other"]


def default(tx: Transaction) -> Json:
    """Return the account's default configuration; refused while none was saved (see sandbox.account)."""
    found = _default(tx)
    if found is None:
        raise Refusal(NONE_SAVED)
    return found


def _default(tx: Transaction) -> Json | None:
    if not tx.configuration.account.settings.portal:
        return None
    for found in tx.matching(KIND, "is_default", 1):
        return found
    made = _blank(tx)
    for name in _ENABLED:
        made["features"][name]["enabled"] = True
    return tx.add(made | {"is_default": True}, event=f"{KIND}.created")


def products(tx: Transaction, configuration: Json) -> list[Json]:
    """Return what subscriptions may be switched to: products with their prices (Stripe shows it only when it is expanded)."""
    kept: list[Json] = tx.private(configuration["id"]).get("products", [])
    return kept


def _blank(tx: Transaction) -> Json:
    made = tx.new(KIND, active=True, updated=tx.now, metadata={})
    features = made["features"]
    features["customer_update"]["allowed_updates"] = ["email", "name", "address", "phone"]
    features["subscription_cancel"]["proration_behavior"] = "none"
    features["subscription_cancel"]["cancellation_reason"]["options"] = _REASONS
    features["subscription_update"] |= {"proration_behavior": "none", "trial_update_behavior": "end_trial"}
    features["subscription_update"]["schedule_at_period_end"]["conditions"] = []
    features["subscription_update"].pop("products")
    return made


def _assign(tx: Transaction, configuration: Json, call: Call) -> tuple[Json, list[Json]]:
    if call.given("default_return_url"):
        check_url(call.given("default_return_url"), "default_return_url")
    assign(configuration, call, "default_return_url", "name", "active")
    configuration["business_profile"] |= {name: value or None for name, value in (call.given("business_profile") or {}).items()}
    login: dict[str, Any] = call.given("login_page") or {}
    configuration["login_page"] |= login
    features = call.given("features") or {}
    listed = features.get("subscription_update", {}).pop("products", None)
    _merge(configuration["features"], features)
    found = products(tx, configuration) if listed is None else _listed(tx, configuration, listed or [])
    _check(configuration, found)
    return configuration, found


def _merge(target: Json, values: Json) -> None:
    for key, value in values.items():
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            _merge(target[key], value)
        else:
            target[key] = _emptied(target.get(key)) if value == "" else value


def _emptied(before: Any) -> Any:
    return [] if isinstance(before, list) else None


def _listed(tx: Transaction, configuration: Json, listed: list[Json]) -> list[Json]:
    if len(listed) > MAX_PRODUCTS:
        raise InvalidParameters(
            f"Array features[subscription_update][products] exceeded maximum {MAX_PRODUCTS} allowed elements.",
            param="features[subscription_update][products]",
        )
    adjustable = "quantity" in configuration["features"]["subscription_update"]["default_allowed_updates"]
    return [_product(tx, entry, f"features[subscription_update][products][{index}]", adjustable) for index, entry in enumerate(listed)]


def _product(tx: Transaction, entry: Json, param: str, adjustable: bool) -> Json:
    product = tx.get("product", entry["product"], f"{param}[product]")
    for index, price_id in enumerate(entry["prices"]):
        price = tx.get("price", price_id, f"{param}[prices][{index}]")
        if price["product"] != product["id"]:
            raise Refusal(f"The price `{price_id}` does not belong to the product `{product['id']}`.", param=f"{param}[prices][{index}]")
        if price["recurring"] is None:
            raise Refusal(f"The price `{price_id}` is not recurring.", param=f"{param}[prices][{index}]")
    quantity = {"enabled": adjustable, "maximum": None, "minimum": 1} | (entry.get("adjustable_quantity") or {})
    return {"product": product["id"], "prices": entry["prices"], "adjustable_quantity": quantity}


def _check(configuration: Json, listed: list[Json]) -> None:
    """Refuse what Stripe refuses, and what the sandbox's pages cannot do."""
    if configuration["is_default"] and not configuration["active"]:
        raise Refusal("You cannot deactivate the default configuration.", param="active")
    features = configuration["features"]
    switch = features["subscription_update"]
    if switch["enabled"] and not listed:
        raise parameter_missing("features[subscription_update][products]")
    if switch["enabled"] and not switch["default_allowed_updates"]:
        raise parameter_missing("features[subscription_update][default_allowed_updates]")
    unsupported = {
        "features[subscription_update][schedule_at_period_end]": switch["schedule_at_period_end"]["conditions"],
        "features[subscription_pause]": features["subscription_pause"]["enabled"],
        "login_page[enabled]": configuration["login_page"]["enabled"],
    }
    for param, asked in unsupported.items():
        if asked:
            raise Refusal(f"The sandbox does not support this `{param}`; real Stripe does.", param=param)


def create(tx: Transaction, call: Call) -> Json:
    """Create a configuration, which sessions use that name it."""
    made, listed = _assign(tx, _blank(tx), call)
    return tx.add(made, event=f"{KIND}.created", products=listed)


def update(tx: Transaction, call: Call) -> Json:
    """Change a configuration, the default one too."""
    changed, listed = _assign(tx, tx.get(KIND, call.id, "configuration"), call)
    tx.note(changed["id"], products=listed)
    return tx.save(changed | {"updated": tx.now}, f"{KIND}.updated")


def retrieve(tx: Transaction, call: Call) -> Json:
    """Return a configuration."""
    return tx.get(KIND, call.id, "configuration")


def listing(tx: Transaction, call: Call) -> Json:
    """List configurations, the default one among them where it was saved."""
    _default(tx)
    where = Where()
    if not tx.configuration.account.settings.portal:
        where.add("NOT json_extract(body, '$.is_default')")
    return page(tx, call, KIND, "/v1/billing_portal/configurations", where, ("active", "is_default"))


ROUTES = [
    Route("POST", "/v1/billing_portal/configurations", create, params.ConfigurationCreateParams),
    Route("GET", "/v1/billing_portal/configurations", listing, params.ConfigurationListParams),
    Route("GET", "/v1/billing_portal/configurations/{id}", retrieve, params.ConfigurationRetrieveParams),
    Route("POST", "/v1/billing_portal/configurations/{id}", update, params.ConfigurationUpdateParams),
]
