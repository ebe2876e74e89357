"""Products and prices as they are made, by their own calls and inside others (`price_data`, `product_data`)."""

from decimal import Decimal

import stripe

from sandbox.currencies import currency
from sandbox.errors import InvalidParameters, Refusal
from sandbox.resources.assignment import merged
from sandbox.shapes import Json, nested
from sandbox.transaction import Transaction

MAX_INTERVALS = {"day": 1095, "week": 156, "month": 36, "year": 3}


def new_product(tx: Transaction, **known: object) -> Json:
    """Store a product; emits product.created."""
    made = tx.new("product", active=True, type="service", updated=tx.now)
    return tx.add(made | known, event="product.created")


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
    options = {code: option(given) for code, given in (data.get("currency_options") or {}).items()}
    options |= {made["currency"]: option({"unit_amount": amount})}
    return tx.add(made, event="price.created", currency_options=options)


def option(given: Json) -> Json:
    """Return one entry of a price's `currency_options`."""
    amount = _amount(given, "currency_options")
    known = {"unit_amount": amount, "unit_amount_decimal": str(amount), "tax_behavior": "unspecified"}
    return nested(stripe.Price.CurrencyOptions, **known)


def _amount(data: Json, param: str) -> int:
    given, exact = data.get("unit_amount"), data.get("unit_amount_decimal")
    name = f"{param}[unit_amount]" if param else "unit_amount"
    if given is None and exact is None:
        raise InvalidParameters("You must provide one of `unit_amount` or `unit_amount_decimal`.", code="parameter_missing", param=name)
    amount = Decimal(given if given is not None else str(exact))
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
