"""/v1/prices."""

from decimal import Decimal

import stripe
from stripe import params

from sandbox.currencies import currency
from sandbox.errors import InvalidParameters, Refusal
from sandbox.pagination import Where, page
from sandbox.resources import products
from sandbox.resources.assignment import assign, exclusive, merged, refuse_unsupported
from sandbox.routing import Call, Route
from sandbox.shapes import Json, nested
from sandbox.transaction import Transaction

_UNSUPPORTED = ("tiers", "tiers_mode", "transform_quantity", "custom_unit_amount")
MAX_INTERVALS = {"day": 1095, "week": 156, "month": 36, "year": 3}


def new_price(tx: Transaction, product: Json, data: Json, param: str = "") -> Json:
    """Store a price of a product out of `price_data` or a create call; emits price.created.

    Raises InvalidParameters for an amount that is missing, negative or not whole, and for an interval out of Stripe's range.
    """
    amount = _amount(data, param)
    recurring = _recurring(data.get("recurring"), param)
    made = tx.new(
        "price",
        active=data.get("active", True),
        currency=currency(data["currency"], f"{param}[currency]" if param else "currency"),
        product=product["id"],
        recurring=recurring,
        type="recurring" if recurring else "one_time",
        unit_amount=amount,
        unit_amount_decimal=str(amount),
        tax_behavior=data.get("tax_behavior", "unspecified"),
        nickname=data.get("nickname") or None,
        lookup_key=data.get("lookup_key") or None,
        metadata=merged({}, data.get("metadata")),
    )
    options = {code: _option(option) for code, option in (data.get("currency_options") or {}).items()}
    options |= {made["currency"]: _option({"unit_amount": amount})}
    return tx.add(made, event="price.created", currency_options=options)


def _option(option: Json) -> Json:
    amount = _amount(option, "currency_options")
    known = {"unit_amount": amount, "unit_amount_decimal": str(amount), "tax_behavior": "unspecified"}
    return nested(stripe.Price.CurrencyOptions, **known)


def _amount(data: Json, param: str) -> int:
    given, exact = data.get("unit_amount"), data.get("unit_amount_decimal")
    name = f"{param}[unit_amount]" if param else "unit_amount"
    if given is None and exact is None:
        raise InvalidParameters("You must provide one of `unit_amount` or `unit_amount_decimal`.", code="parameter_missing", param=name)
    amount = Decimal(given if given is not None else exact)
    if amount != int(amount):
        raise Refusal("The sandbox does not support fractions of the minor unit; real Stripe does.", param=name)
    if amount < 0:
        raise InvalidParameters("This value must be greater than or equal to 0.", code="parameter_invalid_integer", param=name)
    return int(amount)


def _recurring(given: Json | None, param: str) -> Json | None:
    if given is None:
        return None
    count = given.get("interval_count", 1)
    if not 1 <= count <= MAX_INTERVALS[given["interval"]]:
        name = f"{param}[recurring][interval_count]" if param else "recurring[interval_count]"
        raise InvalidParameters("The maximum interval is three years, and the minimum one day.", param=name)
    if given.get("usage_type", "licensed") != "licensed":
        raise Refusal("The sandbox does not support metered prices; real Stripe does.", param="recurring[usage_type]")
    return nested(stripe.Price.Recurring, interval=given["interval"], interval_count=count, usage_type="licensed")


def create(tx: Transaction, call: Call) -> Json:
    """Create a price for a product, or for a new one (`product_data`)."""
    refuse_unsupported(call, *_UNSUPPORTED)
    exclusive(call, "product", "product_data")
    _lookup_key(tx, call, None)
    data = call.given("product_data")
    if data is not None:
        known = {name: data[name] for name in ("id", "name", "active", "unit_label", "statement_descriptor") if name in data}
        product = products.new_product(tx, **known, metadata=merged({}, data.get("metadata")))
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
    options = {code: _option(option) for code, option in (call.given("currency_options") or {}).items()}
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
