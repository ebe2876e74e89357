"""/v1/events and /v1/account."""

from stripe import params

from sandbox.pagination import Where, page
from sandbox.resources.assignment import exclusive
from sandbox.routing import Call, Route
from sandbox.shapes import Json, skeleton
from sandbox.transaction import Transaction


def retrieve(tx: Transaction, call: Call) -> Json:
    """Return an event."""
    return tx.get("event", call.id)


def listing(tx: Transaction, call: Call) -> Json:
    """List events, of one type (`invoice.*` too) or of several; `delivery_success` false means pending, failed or dropped ones."""
    exclusive(call, "type", "types")
    where = Where()
    if call.given("types"):
        types = call.given("types")
        where.add(f"json_extract(body, '$.type') IN ({', '.join('?' * len(types))})", *types)
    if call.given("type"):
        where.add("json_extract(body, '$.type') GLOB ?", call.given("type"))
    if call.given("delivery_success") is not None:
        where.add("id IN (SELECT event FROM deliveries WHERE (state = 'delivered') = ?)", int(call.given("delivery_success")))
    return page(tx, call, "event", "/v1/events", where)


def account(_tx: Transaction, _call: Call) -> Json:
    """Return the account that the keys belong to."""
    known = {"id": "acct_1Sandbox00000000", "country": "US", "default_currency": "usd", "email": "sandbox@example.com", "type": "standard"}
    flags = {"charges_enabled": True, "payouts_enabled": True, "details_submitted": True, "metadata": {}}
    return skeleton("account") | known | flags


ROUTES = [
    Route("GET", "/v1/events", listing, params.EventListParams),
    Route("GET", "/v1/events/{id}", retrieve, params.EventRetrieveParams),
    Route("GET", "/v1/account", account, params.AccountRetrieveCurrentParams),
]
