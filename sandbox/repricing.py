"""A promotion code that is entered, or taken away, on the checkout page."""

from sandbox import discounting
from sandbox.errors import Refusal
from sandbox.resources import line_items
from sandbox.shapes import Json
from sandbox.transaction import Transaction


def reprice(tx: Transaction, session: Json, written: str | None) -> Json:
    """Store an open session, which allows promotion codes, as the written code makes it; without one as it was."""
    if session["status"] != "open" or not session["allow_promotion_codes"]:
        raise Refusal("This Checkout Session takes no promotion codes.", param="promotion_code")
    items = list(tx.children("item", session["id"]))
    discount = discounting.entered(tx, written) if written is not None else None
    if discount is not None:
        discounting.check(tx, discount, session["customer"], items)
    items = discounting.priced(tx, items, discount.coupon if discount else None)
    changed = session | line_items.totals(items) | {"discounts": [discount.shown()] if discount else []}
    if changed["mode"] == "payment":
        discounting.check_total(changed["amount_total"], changed["currency"])
    for item in items:
        tx.save(item)
    _tell_intent(tx, session, changed["amount_total"])
    return tx.save(changed)


def _tell_intent(tx: Transaction, session: Json, total: int) -> None:
    """An attempt that failed has begun a payment intent: it is to be paid with the new total."""
    intent = tx.find("payment_intent", tx.private(session["id"]).get("payment_intent"))
    if intent is not None and session["mode"] == "payment" and total:
        tx.save(intent | {"amount": total})
