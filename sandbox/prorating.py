"""What a change within a period costs: unused time is given back and remaining time charged, by the second.

docs.stripe.com/billing/subscriptions/prorations; each line is rounded half up to the minor unit. What is given back is what was charged for
the period, as in the billing mode `flexible`, whatever the item costs meanwhile.
"""

from datetime import UTC, datetime
from fractions import Fraction

from sandbox import discounting, pending
from sandbox.invoice_lines import product_name, proration
from sandbox.shapes import Json
from sandbox.transaction import Transaction

BILLED = frozenset({"active", "past_due", "unpaid"})
"""Statuses of subscriptions whose running period costs something: trials and rests are free."""

UNUSED, REMAINING = "Unused time on", "Remaining time on"


def prorations(tx: Transaction, before: Json, after: Json, at: int, *, closes: bool) -> list[Json]:
    """Return the lines of a change of items as of `at` (UTC seconds): what was there until now, then what is there from now on.

    When the change `closes` the running period, everything that was there is given back, and nothing is charged here.
    """
    if before["status"] not in BILLED:
        return []
    old, new = _items(before), _items(after)
    found = []
    for item_id in old | new:
        was, becomes = old.get(item_id), new.get(item_id)
        if not closes and was and becomes and _sold(was) == _sold(becomes):
            continue
        if was:
            found += _given_back(tx, before, was, at)
        if becomes and not closes:
            found.append(_part(tx, after, becomes, at, _discounted(tx, after, becomes)))
    return found


def unused(tx: Transaction, subscription: Json, at: int) -> list[Json]:
    """Return the lines that give back what was charged for the time after `at` (UTC seconds), where the subscription ends then."""
    return prorations(tx, subscription, subscription, at, closes=True)


def _given_back(tx: Transaction, subscription: Json, item: Json, at: int) -> list[Json]:
    """The line that gives back what was charged for an item's period; none when nothing was."""
    charged = _charged(tx, subscription, item)
    if charged is None:
        return []
    price = tx.get("price", charged["pricing"]["price_details"]["price"])
    sold = item | {"price": price, "quantity": charged["quantity"]}
    line = _part(tx, subscription, sold, at, _kept(tx, subscription, sold, charged), unused=True)
    if charged["invoice"]:
        credited = {"invoice": charged["invoice"], "invoice_line_items": [charged["id"]]}
        line["parent"]["subscription_item_details"]["proration_details"]["credited_items"] = credited
    return [line]


def _charged(tx: Transaction, subscription: Json, item: Json) -> Json | None:
    """The newest line that charges an item's running period, on an invoice or waiting for one."""
    invoices = [invoice for invoice in tx.children("invoice", subscription["id"]) if invoice["status"] != "void"]
    lines: list[Json] = [line for invoice in invoices for line in invoice["lines"]["data"]] + pending.waiting(tx, subscription)
    for line in reversed(lines):
        of_item = line["parent"]["subscription_item_details"]["subscription_item"] == item["id"]
        if of_item and line["period"]["end"] == item["current_period_end"] and not line["description"].startswith(UNUSED):
            return line
    return None


def _kept(tx: Transaction, subscription: Json, item: Json, charged: Json) -> Fraction:
    """The part of an item's price that its period was charged at; after a change within the period, what a discount leaves now."""
    if charged["parent"]["subscription_item_details"]["proration"] or not charged["amount"]:
        return _discounted(tx, subscription, item)
    return 1 - Fraction(sum(row["amount"] for row in charged["discount_amounts"]), charged["amount"])


def _discounted(tx: Transaction, subscription: Json, item: Json) -> Fraction:
    return 1 - Fraction(str(discounting.percent_now(tx, subscription, item))) / 100


def _items(subscription: Json) -> dict[str, Json]:
    return {item["id"]: item for item in subscription["items"]["data"]}


def _sold(item: Json) -> tuple[str, int]:
    return item["price"]["id"], item["quantity"]


def _part(tx: Transaction, subscription: Json, item: Json, at: int, kept: Fraction, *, unused: bool = False) -> Json:
    """The line of an item from `at` to its period's end, at so much of its price."""
    start, end = item["current_period_start"], item["current_period_end"]
    cost = kept * item["price"]["unit_amount"] * item["quantity"] * Fraction(max(end - at, 0), end - start)
    rounded = int(cost + Fraction(1, 2))
    name = product_name(tx, item) if item["quantity"] == 1 else f"{item['quantity']} x {product_name(tx, item)}"
    text = f"{UNUSED if unused else REMAINING} {name} after {datetime.fromtimestamp(at, UTC):%d %b %Y}"
    return proration(subscription, item, -rounded if unused else rounded, text, at)
