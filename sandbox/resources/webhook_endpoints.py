"""/v1/webhook_endpoints, which are kept as Stripe keeps them. Events go to the address that the sandbox was started with, not to them."""

from stripe import params

from sandbox.errors import InvalidParameters, Refusal
from sandbox.identifiers import random_text
from sandbox.pagination import Where, page
from sandbox.resources.assignment import assign, refuse_unsupported
from sandbox.resources.checkout_rules import check_url
from sandbox.routing import Call, Route
from sandbox.shapes import API_VERSION, Json
from sandbox.transaction import Transaction

MAX_ENDPOINTS = 16
"""Endpoints of an account in each mode (docs.stripe.com/webhooks)."""

_FIELDS = ("url", "enabled_events", "description")


def create(tx: Transaction, call: Call) -> Json:
    """Make an endpoint; the answer alone has its secret. `api_version` is kept, and events keep the sandbox's version."""
    refuse_unsupported(call, "connect")
    _check(call)
    kept = tx.connection.execute("SELECT count(*) FROM objects WHERE kind = 'webhook_endpoint' AND deleted = 0").fetchone()[0]
    if kept >= MAX_ENDPOINTS:
        raise Refusal(f"You have reached the maximum of {MAX_ENDPOINTS} test webhook endpoints.")
    version = call.given("api_version") or API_VERSION
    made = assign(tx.new("webhook_endpoint", status="enabled", metadata={}, api_version=version), call, *_FIELDS)
    tx.add(made)
    return made | {"secret": f"whsec_{random_text(32)}"}


def _check(call: Call) -> None:
    if call.given("url") is not None:
        check_url(call.given("url"), "url")
    if call.params.get("enabled_events") == []:
        raise InvalidParameters("You must subscribe to at least one event.", param="enabled_events")


def update(tx: Transaction, call: Call) -> Json:
    """Change an endpoint; its version and its secret cannot be changed."""
    _check(call)
    found = assign(tx.get("webhook_endpoint", call.id), call, *_FIELDS)
    if call.given("disabled") is not None:
        found["status"] = "disabled" if call.given("disabled") else "enabled"
    return tx.save(found)


def retrieve(tx: Transaction, call: Call) -> Json:
    """Return an endpoint, without its secret."""
    return tx.get("webhook_endpoint", call.id)


def delete(tx: Transaction, call: Call) -> Json:
    """Delete an endpoint."""
    return tx.remove(tx.get("webhook_endpoint", call.id))


def listing(tx: Transaction, call: Call) -> Json:
    """List endpoints."""
    return page(tx, call, "webhook_endpoint", "/v1/webhook_endpoints", Where())


ROUTES = [
    Route("POST", "/v1/webhook_endpoints", create, params.WebhookEndpointCreateParams),
    Route("GET", "/v1/webhook_endpoints", listing, params.WebhookEndpointListParams),
    Route("GET", "/v1/webhook_endpoints/{id}", retrieve, params.WebhookEndpointRetrieveParams),
    Route("POST", "/v1/webhook_endpoints/{id}", update, params.WebhookEndpointUpdateParams),
    Route("DELETE", "/v1/webhook_endpoints/{id}", delete, params.WebhookEndpointDeleteParams),
]
