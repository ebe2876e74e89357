"""/v1/billing_portal/sessions and /v1/billing_portal/configurations."""

from typing import Any

import stripe
from stripe.params import billing_portal as params

from sandbox.errors import missing, parameter_missing
from sandbox.pagination import Where, page
from sandbox.resources.assignment import assign
from sandbox.resources.checkout_rules import check_url
from sandbox.routing import Call, Route
from sandbox.shapes import Json, nested
from sandbox.transaction import Transaction

_Flow = stripe.billing_portal.Session.Flow


def create_session(tx: Transaction, call: Call) -> Json:
    """Open a portal session for a customer; its `url` is the sandbox's portal page."""
    if not call.given("customer"):
        raise parameter_missing("customer")
    customer = tx.get("customer", call.given("customer"), "customer")
    for name in ("return_url",):
        if call.given(name):
            check_url(call.given(name), name)
    wanted = call.given("configuration")
    configuration = tx.get("billing_portal.configuration", wanted, "configuration") if wanted else default_configuration(tx)
    made = tx.new("billing_portal.session", customer=customer["id"], configuration=configuration["id"], return_url=None)
    assign(made, call, "return_url", "locale", "on_behalf_of")
    made["return_url"] = made["return_url"] or configuration["default_return_url"]
    made["flow"] = _flow(tx, customer, call.given("flow_data"))
    made["url"] = f"{tx.configuration.public_url}/portal/{made['id']}"
    return tx.add(made)


def _flow(tx: Transaction, customer: Json, data: Json | None) -> Json | None:
    if data is None:
        return None
    kind = data["type"]
    flow = nested(_Flow, type=kind, after_completion=_after(data.get("after_completion") or {}))
    if kind.startswith("subscription"):
        details = data.get(kind)
        if not details:
            raise parameter_missing(f"flow_data[{kind}]")
        found = tx.find("subscription", details.get("subscription"))
        if found is None or found["customer"] != customer["id"]:
            raise missing("subscription", str(details.get("subscription"))[:100], f"flow_data[{kind}][subscription]")
        flow[kind] = {"subscription": found["id"]} | ({"retention": None} if kind == "subscription_cancel" else {})
    return flow


def _after(given: Json) -> Json:
    redirect, hosted = given.get("redirect"), given.get("hosted_confirmation")
    return {
        "type": given.get("type", "portal_homepage"),
        "redirect": {"return_url": redirect["return_url"]} if redirect else None,
        "hosted_confirmation": {"custom_message": hosted.get("custom_message")} if hosted else None,
    }


def default_configuration(tx: Transaction) -> Json:
    """Return the default configuration, made when first needed."""
    for found in tx.matching("billing_portal.configuration", "is_default", 1):
        return found
    made = _blank(tx)
    _features(
        made, {name: {"enabled": True} for name in ("customer_update", "invoice_history", "payment_method_update", "subscription_cancel")}
    )
    return tx.add(made | {"is_default": True}, event="billing_portal.configuration.created")


def _blank(tx: Transaction) -> Json:
    made = tx.new("billing_portal.configuration", active=True, updated=tx.now, metadata={})
    made["features"]["customer_update"]["allowed_updates"] = ["email", "name", "address", "phone"]
    options = ["too_expensive", "missing_features", "switched_service", "unused", "other"]
    made["features"]["subscription_cancel"] |= {"proration_behavior": "none"}
    made["features"]["subscription_cancel"]["cancellation_reason"] |= {"options": options}
    return made


def _features(configuration: Json, given: Json) -> None:
    for name, values in given.items():
        _merge(configuration["features"][name], values)


def _merge(target: Json, values: Json) -> None:
    for key, value in values.items():
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            _merge(target[key], value)
        else:
            target[key] = None if value == "" else value


def _assign(configuration: Json, call: Call) -> Json:
    assign(configuration, call, "default_return_url", "name", "active")
    configuration["business_profile"] |= {name: value or None for name, value in (call.given("business_profile") or {}).items()}
    login: dict[str, Any] = call.given("login_page") or {}
    configuration["login_page"] |= login
    _features(configuration, call.given("features") or {})
    return configuration


def create_configuration(tx: Transaction, call: Call) -> Json:
    """Create a configuration."""
    return tx.add(_assign(_blank(tx), call), event="billing_portal.configuration.created")


def update_configuration(tx: Transaction, call: Call) -> Json:
    """Change a configuration."""
    found = tx.get("billing_portal.configuration", call.id, "configuration")
    return tx.save(_assign(found, call) | {"updated": tx.now}, "billing_portal.configuration.updated")


def retrieve_configuration(tx: Transaction, call: Call) -> Json:
    """Return a configuration."""
    return tx.get("billing_portal.configuration", call.id, "configuration")


def list_configurations(tx: Transaction, call: Call) -> Json:
    """List configurations."""
    return page(tx, call, "billing_portal.configuration", "/v1/billing_portal/configurations", Where(), ("active", "is_default"))


ROUTES = [
    Route("POST", "/v1/billing_portal/sessions", create_session, params.SessionCreateParams),
    Route("POST", "/v1/billing_portal/configurations", create_configuration, params.ConfigurationCreateParams),
    Route("GET", "/v1/billing_portal/configurations", list_configurations, params.ConfigurationListParams),
    Route("GET", "/v1/billing_portal/configurations/{id}", retrieve_configuration, params.ConfigurationRetrieveParams),
    Route("POST", "/v1/billing_portal/configurations/{id}", update_configuration, params.ConfigurationUpdateParams),
]
