"""/v1/products."""

from stripe import params

from sandbox.errors import Refusal
from sandbox.pagination import Where, page
from sandbox.resources.assignment import assign, refuse_unsupported
from sandbox.resources.catalogue import new_price, new_product
from sandbox.routing import Call, Route
from sandbox.shapes import Json
from sandbox.transaction import Transaction

_FIELDS = (
    "name", "active", "description", "images", "marketing_features", "package_dimensions", "shippable", "statement_descriptor",
    "unit_label", "url", "type",
)  # fmt: skip
_UNSUPPORTED = ("tax_code", "tax_details")


def create(tx: Transaction, call: Call) -> Json:
    """Create a product, with its default price where `default_price_data` is given."""
    refuse_unsupported(call, *_UNSUPPORTED)
    known = assign({"metadata": {}}, call, *_FIELDS)
    if call.given("id"):
        known["id"] = _free(tx, call.given("id"))
    made = new_product(tx, **known)
    data = call.given("default_price_data")
    if data is None:
        return made
    price = new_price(tx, made, data, "default_price_data")
    return tx.save(made | {"default_price": price["id"]}, "product.updated")


def _free(tx: Transaction, product_id: str) -> str:
    if tx.find("product", product_id) or tx.remains("product", product_id):
        raise Refusal(f"Product already exists: '{product_id}'", code="resource_already_exists", param="id")
    return product_id


def retrieve(tx: Transaction, call: Call) -> Json:
    """Return a product."""
    return tx.get("product", call.id)


def update(tx: Transaction, call: Call) -> Json:
    """Change a product; emits product.updated."""
    refuse_unsupported(call, *_UNSUPPORTED)
    product = assign(tx.get("product", call.id), call, *_FIELDS)
    if call.given("default_price"):
        product["default_price"] = tx.get("price", call.given("default_price"), "default_price")["id"]
    return tx.save(product | {"updated": tx.now}, "product.updated")


def delete(tx: Transaction, call: Call) -> Json:
    """Delete a product that has no price; emits product.deleted."""
    product = tx.get("product", call.id)
    if any(True for _ in tx.matching("price", "product", product["id"])):
        raise Refusal("This product cannot be deleted because it has one or more user-created prices.")
    return tx.remove(product, "product.deleted")


def listing(tx: Transaction, call: Call) -> Json:
    """List products."""
    where = Where()
    ids = call.given("ids")
    if ids:
        where.add(f"id IN ({', '.join('?' * len(ids))})", *ids)
    return page(tx, call, "product", "/v1/products", where, ("active", "shippable", "url", "type"))


ROUTES = [
    Route("POST", "/v1/products", create, params.ProductCreateParams),
    Route("GET", "/v1/products", listing, params.ProductListParams),
    Route("GET", "/v1/products/{id}", retrieve, params.ProductRetrieveParams),
    Route("POST", "/v1/products/{id}", update, params.ProductUpdateParams),
    Route("DELETE", "/v1/products/{id}", delete, params.ProductDeleteParams),
]
