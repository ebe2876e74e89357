"""The line items of a checkout session: prices times quantities."""

from sandbox.currencies import MAXIMUM, check_amount, text
from sandbox.errors import InvalidParameters, Refusal, parameter_missing
from sandbox.resources.assignment import merged
from sandbox.resources.catalogue import new_price, new_product
from sandbox.routing import Call
from sandbox.shapes import Json
from sandbox.transaction import Transaction

MAX_ITEMS = {"payment": 100, "subscription": 20}
MAX_QUANTITY = 999_999


def build(tx: Transaction, call: Call) -> list[Json]:
    """Return the line items that a call asks for, not stored yet; amounts in minor units.

    Raises Stripe's refusal for an inactive or unknown price, a quantity below 1, mixed currencies, a price that does not fit the mode.
    """
    mode = call.params["mode"]
    given = call.params["line_items"]
    if len(given) > MAX_ITEMS[mode]:
        raise InvalidParameters(f"Array line_items exceeded maximum {MAX_ITEMS[mode]} allowed elements.", param="line_items")
    items = [_item(tx, call, entry, f"line_items[{index}]") for index, entry in enumerate(given)]
    _check_currency(items)
    _check_mode(mode, items)
    _check_total(call, items)
    return items


def _item(tx: Transaction, call: Call, entry: Json, param: str) -> Json:
    for name in ("tax_rates", "adjustable_quantity"):
        if entry.get(name):
            raise Refusal(f"The sandbox does not support `{name}`; real Stripe does.", param=f"{param}[{name}]")
    price, product = _price(tx, entry, param)
    quantity = entry.get("quantity")
    if quantity is None:
        raise parameter_missing(f"{param}[quantity]")
    if not 1 <= quantity <= MAX_QUANTITY:
        bound = "greater than or equal to 1" if quantity < 1 else f"less than or equal to {MAX_QUANTITY}"
        raise InvalidParameters(f"This value must be {bound}.", code="parameter_invalid_integer", param=f"{param}[quantity]")
    code, unit = _unit(tx, call, price, param)
    made = tx.new("item", currency=code, quantity=quantity, amount_subtotal=unit * quantity, amount_total=unit * quantity)
    shown = price | {"currency": code, "unit_amount": unit, "unit_amount_decimal": str(unit)}
    return made | {"description": product["name"], "price": shown, "metadata": merged({}, entry.get("metadata"))}


def _price(tx: Transaction, entry: Json, param: str) -> tuple[Json, Json]:
    if ("price" in entry) == ("price_data" in entry):
        raise InvalidParameters("You must specify either `price` or `price_data`.", code="parameter_missing", param=f"{param}[price]")
    if "price" in entry:
        price = tx.get("price", entry["price"], f"{param}[price]")
        product = tx.get("product", price["product"])
    else:
        product = _product(tx, entry["price_data"], f"{param}[price_data]")
        price = new_price(tx, product, entry["price_data"] | {"active": "product" not in entry["price_data"]}, f"{param}[price_data]")
        return price, product
    if not price["active"] or not product["active"]:
        what = "price" if not price["active"] else "product"
        raise Refusal(f"The {what} specified is inactive. This field only accepts active {what}s.", param=f"{param}[price]")
    return price, product


def _product(tx: Transaction, data: Json, param: str) -> Json:
    if ("product" in data) == ("product_data" in data):
        raise InvalidParameters("You must specify either `product` or `product_data`.", code="parameter_missing", param=f"{param}[product]")
    if "product" in data:
        return tx.get("product", data["product"], f"{param}[product]")
    given = data["product_data"]
    known = {name: given[name] for name in ("name", "description", "images") if given.get(name)}
    return new_product(tx, **known, metadata=merged({}, given.get("metadata")))


def _unit(tx: Transaction, call: Call, price: Json, param: str) -> tuple[str, int]:
    wanted = (call.given("currency") or price["currency"]).lower()
    option = tx.private(price["id"])["currency_options"].get(wanted)
    if option is None:
        raise Refusal(
            f"The price specified only supports `{price['currency']}`. This doesn't match the expected currency: `{wanted}`.",
            param=f"{param}[price]",
        )
    return wanted, option["unit_amount"]


def _check_currency(items: list[Json]) -> None:
    for index, item in enumerate(items):
        if item["currency"] != items[0]["currency"]:
            raise Refusal(
                "All prices on a Checkout Session must have the same currency. "
                f"(`{items[0]['currency']}` and `{item['currency']}` were found.)",
                param=f"line_items[{index}][price]",
            )


def _check_mode(mode: str, items: list[Json]) -> None:
    recurring = [item for item in items if item["price"]["recurring"]]
    if mode == "payment" and recurring:
        raise Refusal(
            "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only one-time prices.",
            param="mode",
        )
    if mode == "subscription" and not recurring:
        raise Refusal("You must provide at least one recurring price in `subscription` mode when using prices.", param="mode")
    if mode == "subscription" and len(recurring) != len(items):
        raise Refusal("The sandbox does not support one-time prices in `subscription` mode; real Stripe does.", param="line_items")


def _check_total(call: Call, items: list[Json]) -> None:
    total, code = sum(item["amount_total"] for item in items), items[0]["currency"]
    subject = "The Checkout Session's total amount due"
    if total > MAXIMUM:
        raise Refusal(f"{subject} must be no more than {text(MAXIMUM, code)}", code="amount_too_large", param="line_items")
    if total and call.params["mode"] == "payment":
        check_amount(total, code, "line_items", subject)


def totals(items: list[Json]) -> Json:
    """Return a session's currency and amounts (minor units)."""
    subtotal, off = (sum(item[name] for item in items) for name in ("amount_subtotal", "amount_discount"))
    details = {"amount_discount": off, "amount_shipping": 0, "amount_tax": 0}
    return {"currency": items[0]["currency"], "amount_subtotal": subtotal, "amount_total": subtotal - off, "total_details": details}
