"""Stripe's objects as of the pinned API version, as small as the mirror needs them; each keyword replaces a field."""

from typing import Any

Json = dict[str, Any]
START = 1_799_990_000
MONTH = 30 * 86_400
CARD = {"brand": "visa", "last4": "4242", "exp_month": 4, "exp_year": 2031, "wallet": None}


def intent(**fields: Any) -> Json:
    base = {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 4900,
        "amount_received": 0,
        "currency": "usd",
        "created": START,
        "customer": "cus_1",
        "last_payment_error": None,
        "latest_charge": None,
        "metadata": {"billgraph_id": fields.pop("ours", None) or ""},
        "payment_method": None,
        "status": "requires_payment_method",
    }
    return _without_empty(base | fields)


def succeeded(**fields: Any) -> Json:
    amount = fields.get("amount", 4900)
    return intent(**{"status": "succeeded", "amount_received": amount, "latest_charge": "ch_1", "payment_method": "pm_1"} | fields)


def declined(**fields: Any) -> Json:
    error = {
        "type": "card_error",
        "code": "card_declined",
        "decline_code": "insufficient_funds",
        "message": "Your card has insufficient funds.",
        "payment_method": {"id": "pm_2", "object": "payment_method", "type": "card", "card": CARD | {"last4": "9995"}},
    }
    return intent(last_payment_error=error, latest_charge="ch_0", **fields)


def charge(**fields: Any) -> Json:
    amount = fields.get("amount", 4900)
    base = {
        "id": "ch_1",
        "object": "charge",
        "amount": 4900,
        "amount_captured": amount,
        "amount_refunded": 0,
        "captured": True,
        "created": START + 5,
        "currency": "usd",
        "customer": "cus_1",
        "metadata": {},
        "payment_intent": "pi_1",
        "payment_method_details": {"type": "card", "card": CARD},
        "status": "succeeded",
    }
    return base | fields


def refund(**fields: Any) -> Json:
    base = {
        "id": "re_1",
        "object": "refund",
        "amount": 1000,
        "charge": "ch_1",
        "created": START + 50,
        "currency": "usd",
        "metadata": {"billgraph_id": fields.pop("ours", None) or ""},
        "payment_intent": "pi_1",
        "reason": "requested_by_customer",
        "status": "succeeded",
    }
    return _without_empty(base | fields)


def subscription(**fields: Any) -> Json:
    begins = fields.pop("begins", START)
    item = {
        "id": "si_1",
        "object": "subscription_item",
        "current_period_start": begins,
        "current_period_end": begins + MONTH,
        "price": {"id": fields.pop("price", "price_month"), "object": "price", "metadata": {}},
        "quantity": fields.pop("quantity", 1),
    }
    base = {
        "id": "sub_1",
        "object": "subscription",
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "created": START,
        "customer": "cus_1",
        "ended_at": None,
        "items": {"object": "list", "data": [item]},
        "metadata": {},
        "status": "active",
        "trial_end": None,
    }
    return base | fields


def invoice(**fields: Any) -> Json:
    pays = fields.pop("pays", "pi_1")
    paid = fields.get("status", "paid") == "paid"
    amount = fields.pop("amount", 4900)
    price = {"type": "price_details", "price_details": {"price": fields.pop("price", "price_month"), "product": "prod_1"}}
    parent = {"type": "subscription_item_details", "subscription_item_details": {"proration": False, "subscription": "sub_1"}}
    payment = {
        "id": "inpay_1",
        "object": "invoice_payment",
        "is_default": True,
        "status": "paid" if paid else "open",
        "payment": {"type": "payment_intent", "payment_intent": pays},
    }
    line = {"id": f"il_{fields.get('id', 'in_1')}", "object": "line_item", "amount": amount, "quantity": 1, "description": "1 x Pro"}
    line |= {"parent": parent, "pricing": price | {"unit_amount_decimal": str(amount)}, "period": {"start": START, "end": START + MONTH}}
    base = {
        "id": "in_1",
        "object": "invoice",
        "amount_due": amount,
        "total": amount,
        "amount_paid": amount if paid else 0,
        "created": START + 1,
        "currency": "usd",
        "customer": "cus_1",
        "lines": {"object": "list", "data": [line]},
        "parent": {"type": "subscription_details", "subscription_details": {"subscription": fields.pop("subscription", "sub_1")}},
        "payments": {"object": "list", "data": [payment] if pays else []},
        "status": "paid",
        "status_transitions": {"paid_at": START + 6 if paid else None},
    }
    return base | fields


def session(**fields: Any) -> Json:
    base = {
        "id": "cs_1",
        "object": "checkout.session",
        "amount_total": 4900,
        "created": START,
        "customer": "cus_1",
        "expires_at": START + 86_400,
        "metadata": {"billgraph_id": fields.pop("ours", None) or ""},
        "mode": "payment",
        "payment_intent": None,
        "payment_status": "unpaid",
        "status": "open",
        "subscription": None,
        "url": "https://checkout.test/cs_1",
    }
    return _without_empty(base | fields)


def customer(**fields: Any) -> Json:
    base = {
        "id": "cus_1",
        "object": "customer",
        "created": START,
        "email": "ada@example.test",
        "name": "Ada",
        "metadata": {"billgraph_id": fields.pop("ours", None) or ""},
    }
    return _without_empty(base | fields)


def dispute(**fields: Any) -> Json:
    base = {
        "id": "dp_1",
        "object": "dispute",
        "amount": 4900,
        "charge": "ch_1",
        "created": START + 40,
        "currency": "usd",
        "evidence_details": {"due_by": START + 86_400, "has_evidence": False, "past_due": False, "submission_count": 0},
        "metadata": {},
        "payment_intent": "pi_1",
        "reason": "fraudulent",
        "status": "needs_response",
    }
    return base | fields


def product(**fields: Any) -> Json:
    base = {"id": "prod_1", "object": "product", "active": True, "created": START, "description": None, "name": "Course"}
    return base | {"metadata": {}} | fields


def price(**fields: Any) -> Json:
    base = {"id": "price_once", "object": "price", "active": True, "created": START, "currency": "usd", "unit_amount": 4900}
    return base | {"metadata": {}} | fields


def coupon(**fields: Any) -> Json:
    base = {"id": "SUMMER", "object": "coupon", "amount_off": None, "created": START, "currency": None, "duration": "once"}
    more: Json = {"duration_in_months": None, "metadata": {}, "percent_off": 12.5, "valid": True}
    return base | more | fields


def promotion_code(**fields: Any) -> Json:
    base = {"id": "promo_1", "object": "promotion_code", "active": True, "code": "SUMMER12", "created": START, "customer": None}
    more = {"expires_at": None, "max_redemptions": 10, "metadata": {}, "promotion": {"type": "coupon", "coupon": "SUMMER"}}
    return base | more | {"times_redeemed": 0} | fields


def event(kind: str, thing: Json, created: int, number: int = 0) -> Json:
    """An event as Stripe sends it: what must be expanded to be seen is not in it."""
    shown = {name: value for name, value in thing.items() if name != "payments"}
    return {
        "id": f"evt_{number}_{kind}_{thing['id']}_{created}",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": created,
        "data": {"object": shown},
        "type": kind,
    }


def _without_empty(thing: Json) -> Json:
    kept = {key: value for key, value in thing["metadata"].items() if value}
    return thing | {"metadata": kept}
