"""Another plan or quantity, as the portal lets a customer choose it: what is offered, what it costs, and the change itself."""

from dataclasses import dataclass

from sandbox import subscribing
from sandbox.errors import Refusal
from sandbox.resources import portal_configurations, previews, subscription_changes
from sandbox.routing import Call
from sandbox.shapes import Json
from sandbox.transaction import Transaction

MAX_QUANTITY = 999_999


@dataclass(frozen=True)
class Choice:
    """A price and a quantity; None leaves it as it is."""

    price: str | None = None
    quantity: int | None = None


@dataclass(frozen=True)
class Offer:
    """A price that may be chosen; its quantity too, from `minimum` to `maximum`, where `adjustable`."""

    price: Json
    product: Json
    adjustable: bool
    minimum: int
    maximum: int


@dataclass(frozen=True)
class Preview:
    """What a choice costs as of `at`: the invoice that it leads to, charged `at_once` or else when it is `due` (UTC seconds)."""

    offer: Offer
    quantity: int
    invoice: Json
    at: int
    at_once: bool
    due: int


def offers(tx: Transaction, configuration: Json, subscription: Json) -> list[Offer]:
    """Return what a subscription may be switched to, what it is now among it; nothing of one that has ended or sells several things."""
    feature, data = configuration["features"]["subscription_update"], subscription["items"]["data"]
    if not feature["enabled"] or subscription["status"] in subscribing.ENDED | {"incomplete", "paused"} or len(data) > 1:
        return []
    found = []
    for entry in portal_configurations.products(tx, configuration):
        for price_id in entry["prices"]:
            price = tx.get("price", price_id)
            is_current = price_id == data[0]["price"]["id"]
            if is_current or ("price" in feature["default_allowed_updates"] and price["active"]):
                found.append(_offer(tx, feature, price, entry["adjustable_quantity"]))
    return [offer for offer in found if offer.price["currency"] == subscription["currency"]]


def _offer(tx: Transaction, feature: Json, price: Json, quantity: Json) -> Offer:
    adjustable = "quantity" in feature["default_allowed_updates"] and quantity["enabled"]
    return Offer(price, tx.get("product", price["product"]), adjustable, quantity["minimum"], quantity["maximum"] or MAX_QUANTITY)


def check(tx: Transaction, configuration: Json, subscription: Json, choice: Choice) -> tuple[Offer, int]:
    """Return what is chosen and its quantity; Refusal for what is not offered, or is as it is already."""
    item = subscription["items"]["data"][0]
    price_id, quantity = choice.price or item["price"]["id"], item["quantity"] if choice.quantity is None else choice.quantity
    if (price_id, quantity) == (item["price"]["id"], item["quantity"]):
        raise Refusal("This subscription cannot be updated because there are no changes to confirm.")
    offer = next((offer for offer in offers(tx, configuration, subscription) if offer.price["id"] == price_id), None)
    if offer is None:
        raise Refusal(f"The price `{price_id[:100]}` must be included in the configuration's `features[subscription_update][products]`.")
    if quantity != item["quantity"] and not (offer.adjustable and offer.minimum <= quantity <= offer.maximum):
        raise Refusal("The quantity cannot be changed to this.", param="quantity")
    return offer, quantity


def preview(tx: Transaction, configuration: Json, subscription: Json, choice: Choice) -> Preview:
    """Return what a choice would cost as of now; Refusals as `check` and the API have them."""
    offer, quantity = check(tx, configuration, subscription, choice)
    details = _change(subscription, offer, quantity, configuration, tx.now)
    invoice = previews.create_preview(tx, Call({}, {"subscription": subscription["id"], "subscription_details": details}))
    ends_trial = _ends_trial(configuration, subscription)
    at_once = ends_trial or invoice["billing_reason"] == "subscription_update"
    due = tx.now if at_once else subscription["items"]["data"][0]["current_period_end"]
    return Preview(offer, quantity, invoice, tx.now, at_once, due)


def switch(tx: Transaction, configuration: Json, subscription: Json, choice: Choice, at: int) -> Json:
    """Make the change, prorated as of `at` (UTC seconds); what is charged at once and declined is a CardRefusal, and nothing changes."""
    offer, quantity = check(tx, configuration, subscription, choice)
    params = _change(subscription, offer, quantity, configuration, at) | {"payment_behavior": "error_if_incomplete"}
    if _ends_trial(configuration, subscription):
        params |= {"trial_end": "now"}
    return subscription_changes.update(tx, Call({"id": subscription["id"]}, params))


def _ends_trial(configuration: Json, subscription: Json) -> bool:
    feature = configuration["features"]["subscription_update"]
    return bool(subscription["status"] == "trialing" and feature["trial_update_behavior"] == "end_trial")


def _change(subscription: Json, offer: Offer, quantity: int, configuration: Json, at: int) -> Json:
    item = subscription["items"]["data"][0]
    feature = configuration["features"]["subscription_update"]
    behaviour = feature["proration_behavior"]
    known: Json = {"items": [{"id": item["id"], "price": offer.price["id"], "quantity": quantity}], "proration_behavior": behaviour}
    if feature["billing_cycle_anchor"] == "now":
        known |= {"billing_cycle_anchor": {"type": "now"}}
    return known if behaviour == "none" else known | {"proration_date": at}
