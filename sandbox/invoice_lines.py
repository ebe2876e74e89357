"""Lines of invoices: what an item costs for a period, or for a part of one."""

import stripe

from sandbox.identifiers import new_id
from sandbox.shapes import Json, nested
from sandbox.transaction import Transaction


def lines(tx: Transaction, subscription: Json, *, trial: bool = False) -> list[Json]:
    """Return a line for each item of a subscription's current period; a trial costs nothing."""
    return [_whole(tx, subscription, item, trial=trial) for item in subscription["items"]["data"]]


def _whole(tx: Transaction, subscription: Json, item: Json, *, trial: bool) -> Json:
    name, price, quantity = product_name(tx, item), item["price"], item["quantity"]
    text = f"Trial period for {name}" if trial else f"{quantity} x {name}"
    made = _line(subscription, item, 0 if trial else price["unit_amount"] * quantity, text)
    made["pricing"]["unit_amount_decimal"] = "0" if trial else str(price["unit_amount"])
    made["period"] = {"start": item["current_period_start"], "end": item["current_period_end"]}
    return made


def proration(subscription: Json, item: Json, amount: int, text: str, start: int) -> Json:
    """Return the line of a part of an item's period, from `start` (UTC seconds) on; what it costs has its discount taken off."""
    made = _line(subscription, item, amount, text) | {"discountable": False}
    made["pricing"]["unit_amount_decimal"] = str(item["price"]["unit_amount"])
    made["period"] = {"start": start, "end": item["current_period_end"]}
    made["parent"]["subscription_item_details"]["proration"] = True
    return made


def product_name(tx: Transaction, item: Json) -> str:
    """Return what an item's product is called."""
    return str(tx.get("product", item["price"]["product"])["name"])


def _line(subscription: Json, item: Json, amount: int, text: str) -> Json:
    quantity = item["quantity"]
    made = nested(stripe.InvoiceLineItem, id=new_id("line_item"), object="line_item", amount=amount, subtotal=amount, quantity=quantity)
    made |= {"currency": subscription["currency"], "description": text, "discountable": True, "discounts": [], "discount_amounts": []}
    made |= {"metadata": subscription["metadata"], "pretax_credit_amounts": [], "taxes": [], "quantity_decimal": str(quantity)}
    price = {"price": item["price"]["id"], "product": item["price"]["product"]}
    made["pricing"] = {"type": "price_details", "price_details": price, "unit_amount_decimal": None}
    made["parent"] = {
        "type": "subscription_item_details",
        "invoice_item_details": None,
        "subscription_item_details": {
            "invoice_item": None,
            "proration": False,
            "proration_details": {"credited_items": None},
            "subscription": subscription["id"],
            "subscription_item": item["id"],
        },
    }
    return made
