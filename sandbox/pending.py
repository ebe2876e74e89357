"""Invoice items: what waits for a subscription's next invoice."""

from sandbox.identifiers import new_id
from sandbox.shapes import Json
from sandbox.transaction import Transaction

SHARED = ("amount", "currency", "description", "discountable", "metadata", "period", "pricing", "quantity", "quantity_decimal")
"""Fields that an invoice item and its line have in common."""


def keep(tx: Transaction, subscription: Json, lines: list[Json]) -> None:
    """Let lines wait for the subscription's next invoice; emits invoiceitem.created for each."""
    for line in lines:
        made = tx.new("invoiceitem", **{name: line[name] for name in SHARED}, customer=subscription["customer"], date=tx.now)
        made |= {"discounts": [], "net_amount": line["amount"], "proration": True, "tax_rates": []}
        details = {
            "subscription": subscription["id"],
            "subscription_item": line["parent"]["subscription_item_details"]["subscription_item"],
        }
        made["parent"] = {"type": "subscription_details", "subscription_details": details}
        made["proration_details"] = {"credited_items": _credited(line), "discount_amounts": []}
        line["parent"]["subscription_item_details"]["invoice_item"] = made["id"]
        tx.add(made, parent=subscription["id"], event="invoiceitem.created", line=line)


def _credited(line: Json) -> Json | None:
    """What a line gives back, where that is on an invoice."""
    credited = line["parent"]["subscription_item_details"]["proration_details"]["credited_items"]
    return credited and {"type": "invoice_line_items", "invoice_item": None, "invoice_line_item_details": credited}


def waiting(tx: Transaction, subscription: Json) -> list[Json]:
    """Return the lines that wait, oldest first."""
    return [tx.private(item["id"])["line"] | {"id": new_id("line_item")} for item in _unbilled(tx, subscription)]


def claim(tx: Transaction, subscription: Json, invoice_id: str) -> None:
    """Say of all that waits that it is on an invoice now."""
    for item in _unbilled(tx, subscription):
        tx.save(item | {"invoice": invoice_id})


def drop(tx: Transaction, subscription: Json) -> None:
    """Take away all that waits; emits invoiceitem.deleted for each."""
    for item in _unbilled(tx, subscription):
        tx.remove(item, "invoiceitem.deleted")


def _unbilled(tx: Transaction, subscription: Json) -> list[Json]:
    return [item for item in tx.children("invoiceitem", subscription["id"]) if item["invoice"] is None]
