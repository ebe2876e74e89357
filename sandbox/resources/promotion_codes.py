"""/v1/promotion_codes: the list."""

from stripe import params

from sandbox.pagination import Where, page
from sandbox.routing import Call, Route
from sandbox.shapes import Json
from sandbox.transaction import Transaction


def retrieve(tx: Transaction, call: Call) -> Json:
    """Return a promotion code."""
    return tx.get("promotion_code", call.id)


def listing(tx: Transaction, call: Call) -> Json:
    """List promotion codes."""
    return page(tx, call, "promotion_code", "/v1/promotion_codes", Where(), ("active", "code", "customer"))


ROUTES = [
    Route("GET", "/v1/promotion_codes", listing, params.PromotionCodeListParams),
    Route("GET", "/v1/promotion_codes/{id}", retrieve, params.PromotionCodeRetrieveParams),
]
