"""/v1/prices."""

from stripe import params

from sandbox.errors import InvalidParameters, Refusal
from sandbox.pagination import Where, page
from sandbox.resources.assignment import assign, exclusive, merged, refuse_unsupported
from sandbox.resources.catalogue import new_price, new_product, option
from sandbox.routing import Call, Route
from sandbox.shapes import Json
from sandbox.transaction import Transaction

_UNSUPPORTED = ("tiers", "tiers_mode", "transform_quantity", "custom_unit_amount")


def create(tx: Transaction, call: Call) -> Json:
    """Create a price for a product, or for a new one (`product_data`)."""
    refuse_unsupported(call, *_UNSUPPORTED)
    exclusive(call, "product", "product_data")
    _lookup_key(tx, call, None)
    data = call.given("product_data")
    if data is not None:
        known = {name: data[name] for name in ("id", "name", "active", "unit_label", "statement_descriptor") if name in data}
        product = new_product(tx, **known, metadata=merged({}, data.get("metadata")))
    elif call.given("product"):
        product = tx.get("product", call.given("product"), "product")
    else:
        raise InvalidParameters("You must specify either `product` or `product_data`.", code="parameter_missing", param="product")
    return new_price(tx, product, call.params)


def _lookup_key(tx: Transaction, call: Call, own: str | None) -> None:
    key = call.given("lookup_key")
    if key is None:
        return
    for other in tx.matching("price", "lookup_key", key):
        if other["id"] == own:
            continue
        if not call.given("transfer_lookup_key"):
            message = f"A price (`{other['id']}`) already uses that lookup key. You may pass `transfer_lookup_key`=true to move it."
            raise Refusal(message, code="resource_already_exists", param="lookup_key")
        tx.save(other | {"lookup_key": None}, "price.updated")


def retrieve(tx: Transaction, call: Call) -> Json:
    """Return a price."""
    return tx.get("price", call.id, "price")


def update(tx: Transaction, call: Call) -> Json:
    """Change a price's activity, nickname, lookup key or metadata; emits price.updated."""
    price = tx.get("price", call.id, "price")
    _lookup_key(tx, call, price["id"])
    changed = assign(price, call, "active", "nickname", "lookup_key", "tax_behavior")
    options = {code: option(given) for code, given in (call.given("currency_options") or {}).items()}
    if options:
        tx.note(price["id"], currency_options=tx.private(price["id"])["currency_options"] | options)
    return tx.save(changed, "price.updated")


def listing(tx: Transaction, call: Call) -> Json:
    """List prices."""
    where = Where()
    keys = call.given("lookup_keys")
    if keys:
        where.add(f"json_extract(body, '$.lookup_key') IN ({', '.join('?' * len(keys))})", *keys)
    for name, value in (call.given("recurring") or {}).items():
        where.add("json_extract(body, ?) = ?", f"$.recurring.{name}", value)
    return page(tx, call, "price", "/v1/prices", where, ("active", "currency", "product", "type"))


ROUTES = [
    Route("POST", "/v1/prices", create, params.PriceCreateParams),
    Route("GET", "/v1/prices", listing, params.PriceListParams),
    Route("GET", "/v1/prices/{id}", retrieve, params.PriceRetrieveParams),
    Route("POST", "/v1/prices/{id}", update, params.PriceUpdateParams),
]
