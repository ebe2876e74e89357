"""/v1/billing_portal/sessions: the portal, or one task of it, opened for a customer."""

from typing import Any

import stripe
from stripe.params import billing_portal as params

from sandbox import subscribing, switching
from sandbox.errors import Refusal, missing, parameter_missing
from sandbox.resources import portal_configurations
from sandbox.resources.assignment import assign, refuse_unsupported
from sandbox.resources.checkout_rules import check_url
from sandbox.routing import Call, Route
from sandbox.shapes import Json, nested
from sandbox.transaction import Transaction

_Flow = stripe.billing_portal.Session.Flow
_FEATURES = {
    "customer_update": "customer_update",
    "payment_method_update": "payment_method_update",
    "subscription_cancel": "subscription_cancel",
    "subscription_update": "subscription_update",
    "subscription_update_confirm": "subscription_update",
}
"""What a flow needs of the configuration."""


def create(tx: Transaction, call: Call) -> Json:
    """Open a portal session for a customer; its `url` is the sandbox's portal page."""
    refuse_unsupported(call, "after_expiration", "customer_account", "on_behalf_of")
    if not call.given("customer"):
        raise parameter_missing("customer")
    customer = tx.get("customer", call.given("customer"), "customer")
    if call.given("return_url"):
        check_url(call.given("return_url"), "return_url")
    configuration = _configuration(tx, call.given("configuration"))
    made = tx.new("billing_portal.session", customer=customer["id"], configuration=configuration["id"], return_url=None)
    assign(made, call, "return_url", "locale")
    made["return_url"] = made["return_url"] or configuration["default_return_url"]
    made["flow"] = _flow(tx, customer, configuration, call.given("flow_data"))
    made["url"] = f"{tx.configuration.public_url}/portal/{made['id']}"
    return tx.add(made)


def _configuration(tx: Transaction, wanted: str | None) -> Json:
    if wanted is None:
        return portal_configurations.default(tx)
    found = tx.get("billing_portal.configuration", wanted, "configuration")
    if not found["active"]:
        raise Refusal(f"The configuration `{wanted}` is not active.", param="configuration")
    return found


def _flow(tx: Transaction, customer: Json, configuration: Json, data: Json | None) -> Json | None:
    if data is None:
        return None
    kind = data["type"]
    if kind not in _FEATURES:
        raise Refusal(f"The sandbox does not support the flow {kind[:40]}; real Stripe may.", param="flow_data[type]")
    flow = nested(_Flow, type=kind, after_completion=_after(data.get("after_completion") or {}))
    if not kind.startswith("subscription"):
        _check_offered(configuration, kind)
        return flow
    details, subscription = _about(tx, customer, data, kind)
    _check_offered(configuration, kind)
    return flow | {kind: {"subscription": subscription["id"]} | _terms(tx, configuration, subscription, kind, details)}


def _about(tx: Transaction, customer: Json, data: Json, kind: str) -> tuple[Json, Json]:
    details = data.get(kind)
    if not details:
        raise parameter_missing(f"flow_data[{kind}]")
    found = tx.find("subscription", details["subscription"])
    if found is None or found["customer"] != customer["id"]:
        raise missing("subscription", details["subscription"][:100], f"flow_data[{kind}][subscription]")
    subscribing.check_running(found)
    return details, found


def _check_offered(configuration: Json, kind: str) -> None:
    name = _FEATURES[kind]
    if configuration["features"][name]["enabled"]:
        return
    what, _, doing = name.rpartition("_")
    done, feature = {"update": "updated", "cancel": "canceled"}[doing], f"the {name.replace('_', ' ')} feature in the portal configuration"
    raise Refusal(f"This {what.replace('_', ' ')} cannot be {done} because {feature} is disabled.", param="flow_data[type]")


def _terms(tx: Transaction, configuration: Json, subscription: Json, kind: str, details: Json) -> Json:
    """What is kept of a flow beside its subscription; what it names has to be among the things offered."""
    if kind == "subscription_cancel" and details.get("retention"):
        raise Refusal("The sandbox does not support `retention`; real Stripe does.", param=f"flow_data[{kind}][retention]")
    if kind != "subscription_update_confirm":
        return {"retention": None} if kind == "subscription_cancel" else {}
    if details.get("discounts"):
        raise Refusal("The sandbox does not support `discounts` of a flow; real Stripe does.", param=f"flow_data[{kind}][discounts]")
    (entry,) = details["items"] if len(details["items"]) == 1 else ({},)
    if entry.get("id") != subscription["items"]["data"][0]["id"]:
        raise Refusal("A subscription's only item is to be named, by its id.", param=f"flow_data[{kind}][items]")
    item: dict[str, Any] = {"id": entry["id"], "price": entry.get("price"), "quantity": entry.get("quantity")}
    switching.check(tx, configuration, subscription, switching.Choice(item["price"], item["quantity"]))
    return {"discounts": None, "items": [item]}


def _after(given: Json) -> Json:
    redirect, hosted = given.get("redirect"), given.get("hosted_confirmation")
    kind = given.get("type", "portal_homepage")
    if kind == "redirect" and not redirect:
        raise parameter_missing("flow_data[after_completion][redirect]")
    if redirect:
        check_url(redirect["return_url"], "flow_data[after_completion][redirect][return_url]")
    return {
        "type": kind,
        "redirect": {"return_url": redirect["return_url"]} if redirect else None,
        "hosted_confirmation": {"custom_message": hosted.get("custom_message")} if hosted else None,
    }


ROUTES = [Route("POST", "/v1/billing_portal/sessions", create, params.SessionCreateParams)]
