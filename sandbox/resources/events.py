"""/v1/events, /v1/webhook_endpoints and /v1/account."""

from stripe import params

from sandbox.identifiers import random_text
from sandbox.pagination import Where, page
from sandbox.resources.assignment import assign, exclusive
from sandbox.resources.checkout_rules import check_url
from sandbox.routing import Call, Route
from sandbox.shapes import API_VERSION, Json, skeleton
from sandbox.transaction import Transaction


def retrieve(tx: Transaction, call: Call) -> Json:
    """Return an event."""
    return tx.get("event", call.id)


def listing(tx: Transaction, call: Call) -> Json:
    """List events, of one type (`invoice.*` too) or of several."""
    exclusive(call, "type", "types")
    where = Where()
    if call.given("types"):
        types = call.given("types")
        where.add(f"json_extract(body, '$.type') IN ({', '.join('?' * len(types))})", *types)
    if call.given("type"):
        where.add("json_extract(body, '$.type') GLOB ?", call.given("type"))
    if call.given("delivery_success") is not None:
        wanted = "delivered" if call.given("delivery_success") else "failed"
        where.add("id IN (SELECT event FROM deliveries WHERE state = ?)", wanted)
    return page(tx, call, "event", "/v1/events", where)


def create_endpoint(tx: Transaction, call: Call) -> Json:
    """Store a webhook endpoint. Events go to the address that the sandbox was started with, not to it."""
    check_url(call.params["url"], "url")
    made = assign(
        tx.new("webhook_endpoint", status="enabled", metadata={}, api_version=API_VERSION), call, "url", "enabled_events", "description"
    )
    tx.add(made)
    return made | {"secret": f"whsec_{random_text(32)}"}


def update_endpoint(tx: Transaction, call: Call) -> Json:
    """Change a webhook endpoint."""
    found = assign(tx.get("webhook_endpoint", call.id), call, "url", "enabled_events", "description")
    if call.given("disabled") is not None:
        found["status"] = "disabled" if call.given("disabled") else "enabled"
    return tx.save(found)


def retrieve_endpoint(tx: Transaction, call: Call) -> Json:
    """Return a webhook endpoint, without its secret."""
    return tx.get("webhook_endpoint", call.id)


def delete_endpoint(tx: Transaction, call: Call) -> Json:
    """Delete a webhook endpoint."""
    return tx.remove(tx.get("webhook_endpoint", call.id))


def list_endpoints(tx: Transaction, call: Call) -> Json:
    """List webhook endpoints."""
    return page(tx, call, "webhook_endpoint", "/v1/webhook_endpoints", Where())


def account(_tx: Transaction, _call: Call) -> Json:
    """Return the account that the keys belong to."""
    known = {"id": "acct_1Sandbox00000000", "country": "US", "default_currency": "usd", "email": "sandbox@example.com", "type": "standard"}
    flags = {"charges_enabled": True, "payouts_enabled": True, "details_submitted": True, "metadata": {}}
    return skeleton("account") | known | flags


ROUTES = [
    Route("GET", "/v1/events", listing, params.EventListParams),
    Route("GET", "/v1/events/{id}", retrieve, params.EventRetrieveParams),
    Route("POST", "/v1/webhook_endpoints", create_endpoint, params.WebhookEndpointCreateParams),
    Route("GET", "/v1/webhook_endpoints", list_endpoints, params.WebhookEndpointListParams),
    Route("GET", "/v1/webhook_endpoints/{id}", retrieve_endpoint, params.WebhookEndpointRetrieveParams),
    Route("POST", "/v1/webhook_endpoints/{id}", update_endpoint, params.WebhookEndpointUpdateParams),
    Route("DELETE", "/v1/webhook_endpoints/{id}", delete_endpoint, params.WebhookEndpointDeleteParams),
    Route("GET", "/v1/account", account, params.AccountRetrieveCurrentParams),
]
