"""Events as endpoints of older API versions get them: fields where they were then (docs.stripe.com/changelog).

What an object refers to (a payment intent's charges, an invoice's payment) is taken as it is when the event is sent.
"""

from typing import Any

from sandbox.pagination import whole
from sandbox.shapes import API_VERSION, Json
from sandbox.transaction import Transaction

BASIL = "2025-03-31"
LATEST_CHARGE = "2022-11-15"
"""From here on payment intents have `latest_charge` for `charges`, and charges come without `refunds`."""


def render(tx: Transaction, event: Json, version: str) -> Json:
    """Return an event in the shape of a version; the sandbox's own leaves it as it is."""
    if version == API_VERSION:
        return event
    about = event["data"]["object"]
    for kind, before, change in _CHANGES:
        if about["object"] == kind and version < before:
            about = change(tx, about)
    return event | {"api_version": version, "data": event["data"] | {"object": about}}


def _without(thing: Json, *names: str) -> Json:
    return {name: value for name, value in thing.items() if name not in names}


def _subscription(_: Transaction, thing: Json) -> Json:
    data = thing["items"]["data"]
    period = {name: data[0][name] for name in ("current_period_start", "current_period_end")}
    return thing | period | {"items": thing["items"] | {"data": [_without(item, *period) for item in data]}}


def _invoice(tx: Transaction, thing: Json) -> Json:
    intent = tx.find("payment_intent", tx.private(thing.get("id", "")).get("payment_intent"))
    known = {"payment_intent": intent and intent["id"], "charge": intent and intent["latest_charge"], "paid": thing["status"] == "paid"}
    known["subscription"] = thing["parent"]["subscription_details"]["subscription"]
    lines = thing["lines"] | {"data": [_line(tx, line) for line in thing["lines"]["data"]]}
    return _without(thing, "parent") | known | {"lines": lines}


def _line(tx: Transaction, line: Json) -> Json:
    details = line["parent"]["subscription_item_details"]
    price = tx.find("price", line["pricing"]["price_details"]["price"])
    known = {"price": price, "proration": False, "type": "subscription"}
    return _without(line, "parent", "pricing") | known | {name: details[name] for name in ("subscription", "subscription_item")}


def _intent(tx: Transaction, thing: Json) -> Json:
    charges = [_charge(tx, charge) for charge in tx.children("charge", thing["id"])][::-1]
    return _without(thing, "latest_charge") | {"charges": whole(charges, f"/v1/charges?payment_intent={thing['id']}")}


def _charge(tx: Transaction, thing: Json) -> Json:
    refunds = list(tx.children("refund", thing["id"]))[::-1]
    return thing | {"refunds": whole(refunds, f"/v1/charges/{thing['id']}/refunds")}


def _charge_of_invoice(tx: Transaction, thing: Json) -> Json:
    return thing | {"invoice": tx.private(thing["payment_intent"] or "").get("invoice")}


def _promotion_code(tx: Transaction, thing: Json) -> Json:
    return _without(thing, "promotion") | {"coupon": tx.find("coupon", thing["promotion"]["coupon"])}


_CHANGES: tuple[tuple[str, str, Any], ...] = (
    ("subscription", BASIL, _subscription),
    ("invoice", BASIL, _invoice),
    ("charge", BASIL, _charge_of_invoice),
    ("payment_intent", LATEST_CHARGE, _intent),
    ("charge", LATEST_CHARGE, _charge),
    ("promotion_code", "2025-09-30", _promotion_code),
)
"""Kind, the version from which it is as now, and how it is made to look older."""
