"""What a subscription sells: prices with quantities, checked; and what the sandbox cannot do with a subscription."""

from sandbox.errors import InvalidParameters, Refusal, parameter_missing
from sandbox.resources.assignment import refuse_unsupported
from sandbox.resources.catalogue import new_price
from sandbox.routing import Call
from sandbox.shapes import Json
from sandbox.transaction import Transaction

_UNSUPPORTED = (
    "add_invoice_items", "application_fee_percent", "backdate_start_date", "billing_cycle_anchor_config",
    "billing_schedules", "billing_thresholds", "default_source", "default_tax_rates", "discounts", "on_behalf_of",
    "pending_invoice_item_interval", "transfer_data", "days_until_due",
)  # fmt: skip


def check(call: Call) -> None:
    """Refuse what the sandbox would have to ignore."""
    refuse_unsupported(call, *_UNSUPPORTED)
    if call.given("collection_method") == "send_invoice":
        raise Refusal("The sandbox does not support `collection_method` send_invoice; real Stripe does.", param="collection_method")
    if (call.given("automatic_tax") or {}).get("enabled"):
        raise Refusal("The sandbox does not support `automatic_tax`; real Stripe does.", param="automatic_tax")


def chosen(tx: Transaction, call: Call) -> list[tuple[Json, int]]:
    """Return the (price, quantity) pairs of a call's `items`; raise Stripe's refusal for a price that does not fit."""
    given = call.given("items")
    if not given:
        raise parameter_missing("items")
    items = [item(tx, entry, f"items[{index}]") for index, entry in enumerate(given)]
    check_together([price for price, _ in items])
    return items


def check_together(prices: list[Json]) -> None:
    """Refuse prices that one subscription cannot have."""
    if len({price["currency"] for price in prices}) > 1:
        raise Refusal("All prices of a subscription must have the same currency.", param="items")
    if len({(price["recurring"]["interval"], price["recurring"]["interval_count"]) for price in prices}) > 1:
        raise Refusal("The sandbox does not support subscriptions of mixed intervals; real Stripe does.", param="items")


def item(tx: Transaction, entry: Json, param: str) -> tuple[Json, int]:
    """Return the price and quantity of one entry of `items`."""
    quantity = quantity_of(entry, param)
    if entry.get("price_data"):
        data = entry["price_data"]
        price = new_price(tx, tx.get("product", data["product"], f"{param}[price_data][product]"), data | {"active": False}, param)
        return _recurring(price, param), quantity
    if not entry.get("price"):
        raise parameter_missing(f"{param}[price]")
    price = tx.get("price", entry["price"], f"{param}[price]")
    if not price["active"]:
        raise Refusal("The price specified is inactive. This field only accepts active prices.", param=f"{param}[price]")
    return _recurring(price, param), quantity


def quantity_of(entry: Json, param: str, otherwise: int = 1) -> int:
    """Return the quantity of one entry of `items`."""
    quantity: int = entry.get("quantity", otherwise)
    if not 0 <= quantity <= 999_999:
        raise InvalidParameters("This value must be between 0 and 999999.", code="parameter_invalid_integer", param=f"{param}[quantity]")
    return quantity


def _recurring(price: Json, param: str) -> Json:
    if price["recurring"] is None:
        raise Refusal(
            f"The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`. ({price['id']})",
            param=f"{param}[price]",
        )
    return price
