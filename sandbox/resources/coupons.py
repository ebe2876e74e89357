"""/v1/coupons and /v1/promotion_codes; what they take off is sandbox.discounting's."""

from stripe import params

from sandbox.currencies import currency
from sandbox.errors import InvalidParameters, Refusal
from sandbox.identifiers import random_text
from sandbox.pagination import Where, page
from sandbox.resources.assignment import assign, exclusive, refuse_unsupported
from sandbox.routing import Call, Route
from sandbox.shapes import Json
from sandbox.transaction import Transaction


def create(tx: Transaction, call: Call) -> Json:
    """Create a coupon of a percentage or an amount (minor units); emits coupon.created."""
    refuse_unsupported(call, "currency_options")
    _check(tx, call)
    applies_to = call.given("applies_to")
    for product in (applies_to or {}).get("products", ()):
        tx.get("product", product, "applies_to[products][0]")
    made = tx.new("coupon", duration=call.given("duration") or "once", valid=True, metadata={})
    assign(made, call, "name", "amount_off", "duration_in_months", "max_redemptions", "redeem_by")
    if call.given("id"):
        made["id"] = _free(tx, call.given("id"))
    if call.given("percent_off") is not None:
        made["percent_off"] = float(call.given("percent_off"))
    if call.given("currency"):
        made["currency"] = currency(call.given("currency"))
    tx.schedule(made["id"], made["redeem_by"])
    return tx.add(made, event="coupon.created", applies_to=applies_to)


def _check(tx: Transaction, call: Call) -> None:
    exclusive(call, "percent_off", "amount_off")
    percent, amount, repeating = call.given("percent_off"), call.given("amount_off"), call.given("duration") == "repeating"
    if percent is None and amount is None:
        raise InvalidParameters("Must provide percent_off or amount_off.", code="parameter_missing", param="percent_off")
    if percent is not None and not 0 < percent <= 100:
        raise InvalidParameters("Invalid percent_off: must be greater than 0 and at most 100.", param="percent_off")
    if amount is not None and amount < 1:
        raise InvalidParameters("This value must be greater than or equal to 1.", code="parameter_invalid_integer", param="amount_off")
    if amount is not None and not call.given("currency"):
        raise InvalidParameters("You must pass currency when passing amount_off.", code="parameter_missing", param="currency")
    if repeating != bool(call.given("duration_in_months")):
        raise InvalidParameters("duration_in_months belongs to the duration repeating, which needs it.", param="duration_in_months")
    if call.given("redeem_by") is not None and call.given("redeem_by") <= tx.now:
        raise InvalidParameters("redeem_by must be in the future.", param="redeem_by")


def _free(tx: Transaction, coupon_id: str) -> str:
    if tx.kind(coupon_id) is not None:
        raise Refusal("Coupon already exists.", code="resource_already_exists", param="id")
    return coupon_id


def retrieve(tx: Transaction, call: Call) -> Json:
    """Return a coupon."""
    return tx.get("coupon", call.id, "coupon")


def update(tx: Transaction, call: Call) -> Json:
    """Change a coupon's name or metadata; emits coupon.updated."""
    refuse_unsupported(call, "currency_options")
    return tx.save(assign(tx.get("coupon", call.id, "coupon"), call, "name"), "coupon.updated")


def delete(tx: Transaction, call: Call) -> Json:
    """Delete a coupon, whose promotion codes are active no more; emits coupon.deleted."""
    coupon = tx.get("coupon", call.id, "coupon")
    tx.schedule(coupon["id"], None)
    left = tx.remove(coupon | {"valid": False}, "coupon.deleted")
    _deactivate(tx, coupon)
    return left


def _deactivate(tx: Transaction, coupon: Json) -> None:
    for code in tx.matching("promotion_code", "promotion.coupon", coupon["id"]):
        if code["active"]:
            tx.save(code | {"active": False}, "promotion_code.updated")


def expire(tx: Transaction, coupon: Json) -> None:
    """Take note that a coupon's `redeem_by` has come; emits coupon.updated."""
    tx.save(coupon | {"valid": False}, "coupon.updated")
    _deactivate(tx, coupon)


def listing(tx: Transaction, call: Call) -> Json:
    """List coupons."""
    return page(tx, call, "coupon", "/v1/coupons", Where())


def create_code(tx: Transaction, call: Call) -> Json:
    """Create a promotion code for a coupon; emits promotion_code.created. Two active codes cannot read the same."""
    coupon = tx.get("coupon", call.params["promotion"].get("coupon"), "promotion[coupon]")
    active = call.params.get("active", True)
    if active and not coupon["valid"]:
        raise Refusal("This coupon is no longer valid, so no active promotion code can be made for it.", param="promotion[coupon]")
    made = tx.new("promotion_code", active=active, metadata={}, promotion={"type": "coupon", "coupon": coupon["id"]})
    assign(made, call, "max_redemptions", "expires_at", "code")
    made["code"] = made["code"] or random_text(8).upper()
    if call.given("customer"):
        made["customer"] = tx.get("customer", call.given("customer"), "customer")["id"]
    made["restrictions"] = {"first_time_transaction": False, "minimum_amount": None, "minimum_amount_currency": None}
    made["restrictions"] |= call.given("restrictions") or {}
    _check_unique(tx, made)
    tx.schedule(made["id"], made["expires_at"])
    return tx.add(made, event="promotion_code.created")


def _check_unique(tx: Transaction, made: Json) -> None:
    for other in tx.matching("promotion_code", "active", 1):
        if made["active"] and other["id"] != made["id"] and other["code"].lower() == made["code"].lower():
            raise Refusal(f"An active promotion code with `code: {made['code']}` already exists.", param="code")


def retrieve_code(tx: Transaction, call: Call) -> Json:
    """Return a promotion code."""
    return tx.get("promotion_code", call.id, "promotion_code")


def update_code(tx: Transaction, call: Call) -> Json:
    """Change a promotion code's activity, restrictions or metadata; emits promotion_code.updated."""
    code = tx.get("promotion_code", call.id, "promotion_code")
    if call.given("active") and tx.find("coupon", code["promotion"]["coupon"]) is None:
        raise Refusal("The coupon of this promotion code was deleted, so it cannot be active again.", param="active")
    changed = assign(code, call, "active")
    changed["restrictions"] |= call.given("restrictions") or {}
    _check_unique(tx, changed)
    return tx.save(changed, "promotion_code.updated")


def list_codes(tx: Transaction, call: Call) -> Json:
    """List promotion codes, by code (in any case), coupon, customer or activity."""
    where = Where()
    if call.given("coupon"):
        where.add("json_extract(body, '$.promotion.coupon') = ?", call.given("coupon"))
    if call.given("code"):
        where.add("lower(json_extract(body, '$.code')) = lower(?)", call.given("code"))
    return page(tx, call, "promotion_code", "/v1/promotion_codes", where, ("active", "customer"))


ROUTES = [
    Route("POST", "/v1/coupons", create, params.CouponCreateParams),
    Route("GET", "/v1/coupons", listing, params.CouponListParams),
    Route("GET", "/v1/coupons/{id}", retrieve, params.CouponRetrieveParams),
    Route("POST", "/v1/coupons/{id}", update, params.CouponUpdateParams),
    Route("DELETE", "/v1/coupons/{id}", delete, params.CouponDeleteParams),
    Route("POST", "/v1/promotion_codes", create_code, params.PromotionCodeCreateParams),
    Route("GET", "/v1/promotion_codes", list_codes, params.PromotionCodeListParams),
    Route("GET", "/v1/promotion_codes/{id}", retrieve_code, params.PromotionCodeRetrieveParams),
    Route("POST", "/v1/promotion_codes/{id}", update_code, params.PromotionCodeUpdateParams),
]
