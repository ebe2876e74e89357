"""The same objects as different versions of Stripe's API shape them, with what else those versions send beside what is read."""

from typing import Any

from tests.mirror.objects import CARD, MONTH, START, Json

VERSIONS = ("2020-08-27", "2023-10-16", "2025-03-31.basil", "2025-10-29.clover", "2026-07-29.dahlia", "2026-10-28.endive")
"""In the order of their making, so that they compare as texts."""

BASIL, CLOVER = "2025-03-31.basil", "2025-09-30.clover"
CHARGES_LEFT = "2022-11-15"


def price() -> Json:
    recurring = {"interval": "month", "interval_count": 1, "trial_period_days": None, "usage_type": "licensed"}
    base = {"id": "price_month", "object": "price", "active": True, "billing_scheme": "per_unit", "created": START, "currency": "usd"}
    more = {"livemode": False, "lookup_key": None, "metadata": {}, "nickname": None, "product": "prod_1", "recurring": recurring}
    return base | more | {"type": "recurring", "unit_amount": 4900, "unit_amount_decimal": "4900"}


def plan() -> Json:
    base = {"id": "price_month", "object": "plan", "active": True, "amount": 4900, "amount_decimal": "4900", "billing_scheme": "per_unit"}
    return base | {"created": START, "currency": "usd", "interval": "month", "interval_count": 1, "metadata": {}, "product": "prod_1"}


def subscription(version: str, **fields: Any) -> Json:
    period = {"current_period_start": START, "current_period_end": START + MONTH}
    item: Json = {"id": "si_1", "object": "subscription_item", "created": START, "metadata": {}, "price": price(), "quantity": 2}
    base: Json = {
        "id": "sub_1",
        "object": "subscription",
        "billing_cycle_anchor": START,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "collection_method": "charge_automatically",
        "created": START,
        "currency": "usd",
        "customer": "cus_1",
        "ended_at": None,
        "latest_invoice": "in_1",
        "livemode": False,
        "metadata": {"team": "red"},
        "start_date": START,
        "status": "active",
        "trial_end": None,
    }
    if version < BASIL:
        item["plan"] = plan()
        base |= {**period, "plan": plan(), "quantity": 2, "discount": None}
    else:
        item |= period
        base |= {"discounts": [], "billing_mode": {"type": "classic"}}
    return base | {"items": {"object": "list", "data": [item], "has_more": False, "url": "/v1/subscription_items"}} | fields


def invoice(version: str, **fields: Any) -> Json:
    base: Json = {
        "id": "in_1",
        "object": "invoice",
        "amount_due": 9800,
        "amount_paid": 9800,
        "amount_remaining": 0,
        "billing_reason": "subscription_cycle",
        "created": START + 1,
        "currency": "usd",
        "customer": "cus_1",
        "livemode": False,
        "metadata": {},
        "number": "A-1",
        "status": "paid",
        "status_transitions": {"finalized_at": START + 2, "marked_uncollectible_at": None, "paid_at": START + 6, "voided_at": None},
        "subtotal": 9800,
        "total": 9800,
    }
    line: Json = {"id": "il_1", "object": "line_item", "amount": 9800, "currency": "usd", "quantity": 2, "metadata": {}}
    if version < BASIL:
        line |= {"type": "subscription", "price": price(), "plan": plan(), "proration": False, "subscription": "sub_1"}
        base |= {"subscription": "sub_1", "payment_intent": "pi_1", "charge": "ch_1", "paid": True, "tax": None, "discount": None}
    else:
        line |= {
            "parent": {"type": "subscription_item_details", "subscription_item_details": {"subscription": "sub_1", "proration": False}},
            "pricing": {
                "type": "price_details",
                "price_details": {"price": "price_month", "product": "prod_1"},
                "unit_amount_decimal": "4900",
            },
        }
        base |= {"parent": {"type": "subscription_details", "subscription_details": {"subscription": "sub_1", "metadata": {}}}}
        base |= {"total_taxes": [], "discounts": []}
    return base | {"lines": {"object": "list", "data": [line], "has_more": False, "url": "/v1/invoices/in_1/lines"}} | fields


def charge(version: str, **fields: Any) -> Json:
    base: Json = {
        "id": "ch_1",
        "object": "charge",
        "amount": 9800,
        "amount_captured": 9800,
        "amount_refunded": 0,
        "captured": True,
        "created": START + 5,
        "currency": "usd",
        "customer": "cus_1",
        "disputed": False,
        "livemode": False,
        "metadata": {},
        "paid": True,
        "payment_intent": "pi_1",
        "payment_method_details": {"type": "card", "card": CARD | {"checks": {}, "country": "US", "funding": "credit"}},
        "refunded": False,
        "status": "succeeded",
    }
    if version < CHARGES_LEFT:
        base["refunds"] = {"object": "list", "data": [], "has_more": False, "total_count": 0, "url": "/v1/charges/ch_1/refunds"}
    if version < BASIL:
        base["invoice"] = "in_1"
    return base | fields


def intent(version: str, **fields: Any) -> Json:
    base: Json = {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 9800,
        "amount_received": 9800,
        "automatic_payment_methods": None,
        "capture_method": "automatic",
        "created": START + 3,
        "currency": "usd",
        "customer": "cus_1",
        "last_payment_error": None,
        "livemode": False,
        "metadata": {},
        "payment_method": "pm_1",
        "status": "succeeded",
    }
    if version < CHARGES_LEFT:
        base["charges"] = {"object": "list", "data": [charge(version)], "has_more": False, "total_count": 1}
    else:
        base["latest_charge"] = "ch_1"
    if version < BASIL:
        base["invoice"] = "in_1"
    return base | fields


def refund(version: str) -> Json:
    base = {"id": "re_1", "object": "refund", "amount": 800, "charge": "ch_1", "created": START + 50, "currency": "usd", "metadata": {}}
    more: Json = {"payment_intent": "pi_1", "reason": "duplicate", "receipt_number": None, "status": "succeeded"}
    return base | more | ({"destination_details": {"type": "card"}} if version > "2023-10-16" else {})


def dispute(version: str) -> Json:
    base = {"id": "dp_1", "object": "dispute", "amount": 9800, "charge": "ch_1", "created": START + 60, "currency": "usd", "metadata": {}}
    details = {"due_by": START + MONTH, "has_evidence": False, "past_due": False, "submission_count": 0}
    more = {"evidence_details": details, "is_charge_refundable": False, "payment_intent": "pi_1", "reason": "fraudulent"}
    return base | more | {"status": "needs_response"} | ({"payment_method_details": {"type": "card"}} if version > "2023-10-16" else {})


def session(version: str) -> Json:
    base = {"id": "cs_1", "object": "checkout.session", "amount_total": 9800, "cancel_url": "https://x.test/", "currency": "usd"}
    more = {"customer": "cus_1", "livemode": False, "mode": "subscription", "payment_intent": None, "payment_status": "paid"}
    told = base | more | {"subscription": "sub_1", "success_url": "https://x.test/", "url": None, "metadata": {}}
    return told | ({"created": START, "expires_at": START + 86_400, "status": "complete"} if version > "2021-12" else {})


def promotion_code(version: str) -> Json:
    coupon = {"id": "SUMMER", "object": "coupon", "created": START, "duration": "once", "percent_off": 12.5, "valid": True}
    base = {"id": "promo_1", "object": "promotion_code", "active": True, "code": "SUMMER12", "created": START, "customer": None}
    more: Json = {"expires_at": None, "livemode": False, "max_redemptions": 10, "metadata": {}, "restrictions": {}, "times_redeemed": 3}
    return base | more | ({"coupon": coupon} if version < CLOVER else {"promotion": {"type": "coupon", "coupon": "SUMMER"}})


def event(version: str, kind: str, thing: Json, created: int) -> Json:
    request = {"id": "req_1", "idempotency_key": None}
    base = {"id": f"evt_{kind}_{created}", "object": "event", "api_version": version, "created": created, "livemode": False}
    return base | {"data": {"object": thing}, "pending_webhooks": 1, "request": request, "type": kind}
