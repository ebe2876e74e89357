"""What a change within a period costs: unused time is given back and remaining time charged, by the second.

docs.stripe.com/billing/subscriptions/prorations; each line is rounded half up to the minor unit.
"""

from datetime import UTC, datetime
from fractions import Fraction

from sandbox import discounting
from sandbox.invoice_lines import product_name, proration
from sandbox.shapes import Json
from sandbox.transaction import Transaction

BILLED = frozenset({"active", "past_due", "unpaid"})
"""Statuses of subscriptions whose running period costs something: trials and rests are free."""


def prorations(tx: Transaction, before: Json, after: Json, at: int, *, restarts: bool) -> list[Json]:
    """Return the lines of a change of items as of `at` (UTC seconds): what was there until now, then what is there from now on.

    When the change begins a new period (`restarts`) everything that was there is given back, and nothing is charged here.
    """
    if before["status"] not in BILLED:
        return []
    old, new = _items(before), _items(after)
    found = []
    for item_id in old | new:
        was, becomes = old.get(item_id), new.get(item_id)
        if not restarts and was and becomes and _sold(was) == _sold(becomes):
            continue
        if was:
            found.append(_part(tx, before, was, at, _billed_at(tx, before, was), unused=True))
        if becomes and not restarts:
            found.append(_part(tx, after, becomes, at, _discounted(tx, after, becomes), unused=False))
    return found


def _billed_at(tx: Transaction, subscription: Json, item: Json) -> Fraction:
    """The part of an item's price that its period was billed at; after a change within the period, the part that a discount leaves now."""
    for invoice in reversed(list(tx.children("invoice", subscription["id"]))):
        for line in invoice["lines"]["data"]:
            details = line["parent"]["subscription_item_details"]
            whole = details["subscription_item"] == item["id"] and not details["proration"]
            same = line["pricing"]["price_details"]["price"] == item["price"]["id"] and line["quantity"] == item["quantity"]
            if whole and same and line["amount"] and line["period"]["end"] == item["current_period_end"]:
                return 1 - Fraction(sum(row["amount"] for row in line["discount_amounts"]), line["amount"])
    return _discounted(tx, subscription, item)


def _discounted(tx: Transaction, subscription: Json, item: Json) -> Fraction:
    return 1 - Fraction(str(discounting.percent_now(tx, subscription, item))) / 100


def _items(subscription: Json) -> dict[str, Json]:
    return {item["id"]: item for item in subscription["items"]["data"]}


def _sold(item: Json) -> tuple[str, int]:
    return item["price"]["id"], item["quantity"]


def _part(tx: Transaction, subscription: Json, item: Json, at: int, kept: Fraction, *, unused: bool) -> Json:
    """The line of an item from `at` to its period's end, at so much of its price."""
    start, end = item["current_period_start"], item["current_period_end"]
    cost = kept * item["price"]["unit_amount"] * item["quantity"] * Fraction(end - at, end - start)
    rounded = int(cost + Fraction(1, 2))
    name = product_name(tx, item) if item["quantity"] == 1 else f"{item['quantity']} x {product_name(tx, item)}"
    text = f"{'Unused' if unused else 'Remaining'} time on {name} after {datetime.fromtimestamp(at, UTC):%d %b %Y}"
    return proration(subscription, item, -rounded if unused else rounded, text, at)
