"""/v1/charges and /v1/balance_transactions: what payments and refunds have booked."""

from stripe import params

from sandbox.pagination import Where, page
from sandbox.resources.assignment import assign
from sandbox.routing import Call, Route
from sandbox.shapes import Json
from sandbox.transaction import Transaction


def retrieve(tx: Transaction, call: Call) -> Json:
    """Return a charge."""
    return tx.get("charge", call.id, "charge")


def update(tx: Transaction, call: Call) -> Json:
    """Change a charge's description, receipt address or metadata; emits charge.updated."""
    return tx.save(assign(tx.get("charge", call.id, "charge"), call, "description", "receipt_email", "shipping"), "charge.updated")


def listing(tx: Transaction, call: Call) -> Json:
    """List charges."""
    return page(tx, call, "charge", "/v1/charges", Where(), ("customer", "payment_intent", "transfer_group"))


def retrieve_booking(tx: Transaction, call: Call) -> Json:
    """Return a balance transaction."""
    return tx.get("balance_transaction", call.id)


def list_bookings(tx: Transaction, call: Call) -> Json:
    """List balance transactions."""
    return page(tx, call, "balance_transaction", "/v1/balance_transactions", Where(), ("currency", "source", "type"))


ROUTES = [
    Route("GET", "/v1/charges", listing, params.ChargeListParams),
    Route("GET", "/v1/charges/{id}", retrieve, params.ChargeRetrieveParams),
    Route("POST", "/v1/charges/{id}", update, params.ChargeUpdateParams),
    Route("GET", "/v1/balance_transactions", list_bookings, params.BalanceTransactionListParams),
    Route("GET", "/v1/balance_transactions/{id}", retrieve_booking, params.BalanceTransactionRetrieveParams),
]
