"""Looking up, among a customer's newest objects at Stripe, the one that carries our row's id: for when idempotency keys are forgotten."""

from typing import Any

from models import CheckoutSession, Customer, Payment, PromotionCode, Refund
from services.billing import Billing
from services.snapshot import Snapshot
from services.stripe_gateway import Request

PAGE = 100
"""Objects that one page of Stripe's lists has at most."""

MAX_PAGES = 10
"""Pages that are searched."""


async def find_at_stripe(billing: Billing, row: CheckoutSession | Payment | Refund | PromotionCode) -> Snapshot | None:
    """The row's object as Stripe has it now; None when Stripe has none. Raises the gateway's Refusals."""
    if isinstance(row, Refund):
        return await _refund(billing, row)
    if isinstance(row, PromotionCode):
        return await _search(billing, "promotion_code", row.id, {"coupon": row.id})
    customer = await Customer.get_or_none(id=row.customer_id)
    if customer is None or customer.stripe_customer_id is None:
        return None
    parameters = {"customer": customer.stripe_customer_id}
    if isinstance(row, CheckoutSession):
        return await _search(billing, "checkout.session", row.id, parameters)
    return await _search(billing, "payment_intent", row.id, parameters)


async def _refund(billing: Billing, row: Refund) -> Snapshot | None:
    payment = await Payment.get(id=row.payment_id)
    of = {"payment_intent": payment.stripe_payment_intent_id} if payment.stripe_payment_intent_id else {"charge": payment.stripe_charge_id}
    return await _search(billing, "refund", row.id, of)


async def _search(billing: Billing, kind: str, row_id: str, parameters: dict[str, Any]) -> Snapshot | None:
    """Walk Stripe's list, newest first, to the object whose metadata names our row, and read it."""
    after: str | None = None
    for _ in range(MAX_PAGES):
        page = await billing.stripe.call(
            f"{kind}.list", _list(kind, parameters | {"limit": PAGE} | ({"starting_after": after} if after else {}))
        )
        rows: list[dict[str, Any]] = page.object["data"]
        for thing in rows:
            if (thing.get("metadata") or {}).get("billgraph_id") == row_id:
                return await billing.stripe.retrieve(kind, thing["id"])
        if not rows or not page.object["has_more"]:
            return None
        after = rows[-1]["id"]
    return None


def _list(kind: str, parameters: Any) -> Request:
    match kind:
        case "checkout.session":
            return lambda client: client.v1.checkout.sessions.list_async(parameters)
        case "payment_intent":
            return lambda client: client.v1.payment_intents.list_async(parameters)
        case "promotion_code":
            return lambda client: client.v1.promotion_codes.list_async(parameters)
    return lambda client: client.v1.refunds.list_async(parameters)
