"""`expand[]`: ids replaced by their objects, and lists put in that Stripe leaves out unless they are asked for."""

from collections.abc import Callable
from typing import Any

from sandbox.errors import InvalidParameters
from sandbox.pagination import whole
from sandbox.transaction import Json, Transaction

MAX_DEPTH = 4


def _refunds(tx: Transaction, charge: Json) -> Json:
    return whole(list(tx.children("refund", charge["id"]))[::-1], f"/v1/charges/{charge['id']}/refunds")


def _line_items(tx: Transaction, session: Json) -> Json:
    return whole(list(tx.children("item", session["id"])), f"/v1/checkout/sessions/{session['id']}/line_items")


def _payments(tx: Transaction, invoice: Json) -> Json:
    return whole(list(tx.children("invoice_payment", invoice["id"])), "/v1/invoice_payments")


def _confirmation(tx: Transaction, invoice: Json) -> Json | None:
    intent = tx.find("payment_intent", tx.private(invoice["id"]).get("payment_intent"))
    return None if intent is None else {"client_secret": intent["client_secret"], "type": "payment_intent"}


def _subscriptions(tx: Transaction, customer: Json) -> Json:
    running = [
        found for found in tx.of_customer("subscription", customer["id"]) if found["status"] not in {"canceled", "incomplete_expired"}
    ]
    return whole(running[::-1], f"/v1/customers/{customer['id']}/subscriptions")


def _switchable(tx: Transaction, configuration: Json) -> list[Json]:
    found: list[Json] = tx.private(configuration["id"]).get("products", [])
    return found


def _none(path: str) -> Callable[[Transaction, Json], Json]:
    return lambda _tx, owner: whole([], f"/v1/customers/{owner['id']}/{path}")


INCLUDED: dict[tuple[str, str], Callable[[Transaction, Json], Any]] = {
    ("charge", "refunds"): _refunds,
    ("checkout.session", "line_items"): _line_items,
    ("invoice", "payments"): _payments,
    ("invoice", "confirmation_secret"): _confirmation,
    ("customer", "subscriptions"): _subscriptions,
    ("customer", "sources"): _none("sources"),
    ("customer", "tax_ids"): _none("tax_ids"),
    ("coupon", "applies_to"): lambda tx, coupon: tx.private(coupon["id"]).get("applies_to"),
    ("billing_portal.configuration", "features.subscription_update.products"): _switchable,
    ("price", "currency_options"): lambda tx, price: tx.private(price["id"]).get("currency_options", {}),
}


def expand(tx: Transaction, answer: Json, paths: list[str]) -> Json:
    """Expand an answer in place along dotted paths (`data.customer`, `latest_invoice.payments`) and return it.

    Raises InvalidParameters for a path that leads to nothing expandable or is deeper than four levels.
    """
    for path in paths:
        parts = path.split(".")
        if len([part for part in parts if part != "data"]) > MAX_DEPTH:
            raise InvalidParameters(f"You cannot expand more than {MAX_DEPTH} levels of a property. Property: {path}", param="expand")
        _walk(tx, answer, parts, path, answer)
    return answer


def _walk(tx: Transaction, node: Any, parts: list[str], path: str, owner: Json, trail: str = "") -> None:
    """`owner` is the object that `node` is in, `trail` the way from there to it (`features.subscription_update.`)."""
    if not parts or node is None:
        return
    if isinstance(node, list):
        for item in node:
            _walk(tx, item, parts, path, owner, trail)
        return
    name = parts[0]
    if not isinstance(node, dict) or name == "id":
        raise _refused(path)
    if "object" in node:
        owner, trail = node, ""
    if name not in node:
        node[name] = _included(tx, owner, f"{trail}{name}", path)
    elif isinstance(node[name], str):
        node[name] = _object(tx, node[name], path)
    elif isinstance(node[name], list) and all(isinstance(item, str) for item in node[name]):
        node[name] = [_object(tx, item, path) for item in node[name]]
    elif node[name] is not None and not isinstance(node[name], dict | list):
        raise _refused(path)
    _walk(tx, node[name], parts[1:], path, owner, f"{trail}{name}.")


def _included(tx: Transaction, owner: Json, name: str, path: str) -> Any:
    include = INCLUDED.get((str(owner.get("object")), name))
    if include is None:
        raise _refused(path)
    return include(tx, owner)


def _object(tx: Transaction, value: str, path: str) -> Json:
    kind = tx.kind(value)
    found = None if kind is None else tx.find(kind, value) or tx.remains(kind, value)
    if found is None:
        raise _refused(path)
    return found


def _refused(path: str) -> InvalidParameters:
    return InvalidParameters(f"This property cannot be expanded ({path}).", param="expand")
