"""Coupons and promotion codes taken off what is sold (docs.stripe.com/payments/checkout/discounts, /billing/subscriptions/coupons)."""

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from sandbox.currencies import MAXIMUM, MINIMUM, text
from sandbox.errors import InvalidParameters, Refusal
from sandbox.identifiers import new_id
from sandbox.periods import period_end
from sandbox.routing import Call
from sandbox.shapes import Json
from sandbox.transaction import Transaction

INVALID = "This code is invalid."
"""What the checkout page says of a code that cannot be used."""


@dataclass(frozen=True)
class Discount:
    """A coupon, and the promotion code by which it is used, if by any."""

    coupon: Json
    code: Json | None = None

    def shown(self) -> Json:
        """As a checkout session shows it."""
        return {"coupon": self.coupon["id"], "promotion_code": self.code and self.code["id"]}


def asked(tx: Transaction, call: Call) -> Discount | None:
    """The discount that a new checkout session is asked for; Stripe's refusal for one that cannot be used."""
    given = call.given("discounts")
    if not given:
        return None
    if "allow_promotion_codes" in call.params:
        only = "You may only specify one of these parameters: allow_promotion_codes, discounts."
        raise InvalidParameters(only, code="parameters_exclusive", param="discounts")
    if len(given) > 1:
        raise InvalidParameters("Array discounts exceeded maximum 1 allowed elements.", param="discounts")
    (named,) = given
    if named.get("promotion_code"):
        code = tx.get("promotion_code", named["promotion_code"], "discounts[0][promotion_code]")
        return Discount(_coupon(tx, code["promotion"]["coupon"]), code)
    return Discount(_coupon(tx, named.get("coupon")))


def entered(tx: Transaction, written: str) -> Discount:
    """The discount of a code that somebody wrote on the checkout page, in any case; Refusal where there is none."""
    for code in tx.matching("promotion_code", "active", 1):
        if code["code"].lower() == written.strip().lower():
            return Discount(_coupon(tx, code["promotion"]["coupon"]), code)
    raise Refusal(INVALID, param="promotion_code")


def _coupon(tx: Transaction, coupon_id: str | None) -> Json:
    return tx.get("coupon", coupon_id, "discounts[0][coupon]")


def check(tx: Transaction, discount: Discount, customer: str | None, items: list[Json]) -> None:
    """Raise Stripe's refusal for a discount that this customer cannot use for these line items."""
    coupon, code = discount.coupon, discount.code
    if not coupon["valid"]:
        raise Refusal(f"Coupon {coupon['id']} is not valid.", code="coupon_expired", param="discounts")
    if coupon["currency"] and coupon["currency"] != items[0]["currency"]:
        raise Refusal("This coupon cannot be redeemed in this currency.", param="discounts")
    if not any(_applies(tx, coupon, item) for item in items):
        raise Refusal("This coupon does not apply to anything in this order.", param="discounts")
    if code is not None:
        _check_code(tx, code, customer, items)


def _check_code(tx: Transaction, code: Json, customer: str | None, items: list[Json]) -> None:
    if not code["active"]:
        raise Refusal("This promotion code is not active.", code="promotion_code_expired", param="discounts")
    if code["customer"] and code["customer"] != customer:
        raise Refusal("This promotion code cannot be redeemed because it is for another customer.", param="discounts")
    rules = code["restrictions"]
    total = sum(item["amount_subtotal"] for item in items)
    if rules["minimum_amount"] and (rules["minimum_amount_currency"] != items[0]["currency"] or total < rules["minimum_amount"]):
        raise Refusal("This promotion code cannot be redeemed: the order does not reach its minimum amount.", param="discounts")
    earlier = customer and any(charge["status"] == "succeeded" for charge in tx.of_customer("charge", customer))
    if rules["first_time_transaction"] and earlier:
        raise Refusal("This promotion code cannot be redeemed because the customer has prior transactions.", param="discounts")


def _applies(tx: Transaction, coupon: Json, item: Json) -> bool:
    named = (tx.private(coupon["id"]).get("applies_to") or {}).get("products")
    return not named or item["price"]["product"] in named


def priced(tx: Transaction, items: list[Json], coupon: Json | None) -> list[Json]:
    """The line items (with `price` and `amount_subtotal`) as the coupon makes them; per cents are rounded half up for each."""
    left, found = (coupon or {}).get("amount_off") or 0, []
    for item in items:
        off = 0
        if coupon is not None and _applies(tx, coupon, item):
            off = min(item["amount_subtotal"], left) if coupon["amount_off"] else _share(item["amount_subtotal"], coupon["percent_off"])
            left -= off
        found.append(item | {"amount_discount": off, "amount_total": item["amount_subtotal"] - off})
    return found


def _share(amount: int, percent: float) -> int:
    return int((Decimal(amount) * Decimal(str(percent)) / 100).quantize(Decimal(1), ROUND_HALF_UP))


def check_total(total: int, code: str) -> None:
    """Refuse a total that is neither nothing nor what Stripe charges."""
    least = MINIMUM.get(code, 1)
    if 0 < total < least or total > MAXIMUM:
        raise Refusal(
            f"The Checkout Session's total amount due must add up to at least {text(least, code)} {code}",
            code="amount_too_small",
            param="discounts",
        )


def redeem(tx: Transaction, session: Json) -> None:
    """Count the use of a completed session's discounts; emits coupon.updated and promotion_code.updated."""
    for used in session["discounts"] or []:
        coupon = tx.find("coupon", used["coupon"])
        if coupon is not None:
            times = coupon["times_redeemed"] + 1
            tx.save(coupon | {"times_redeemed": times, "valid": coupon["valid"] and times != coupon["max_redemptions"]}, "coupon.updated")
        code = tx.find("promotion_code", used["promotion_code"])
        if code is not None:
            times = code["times_redeemed"] + 1
            ended = {"active": code["active"] and times != code["max_redemptions"]}
            tx.save(code | {"times_redeemed": times} | ended, "promotion_code.updated")


def of_subscription(tx: Transaction, session: Json) -> Json | None:
    """What a subscription that a session begins remembers of its discount: id, coupon, promotion code, and until when it holds."""
    used = next(iter(session["discounts"] or []), None)
    if used is None:
        return None
    coupon = tx.get("coupon", used["coupon"])
    months = coupon["duration_in_months"]
    ends = period_end(tx.now, {"interval": "month", "interval_count": months}, tx.now) if months else None
    return {"id": new_id("discount"), "ends": ends, **used}


def as_told(tx: Transaction, subscription: Json, held: Json) -> Json:
    """A subscription's discount in Stripe's shape, as `expand` shows it; `end` is null for what holds once or for ever."""
    owner = {"customer": subscription["customer"], "subscription": subscription["id"]}
    source = {"type": "coupon", "coupon": held["coupon"]}
    return tx.new("discount", id=held["id"], source=source, promotion_code=held["promotion_code"], start=tx.now, end=held["ends"], **owner)


def off_invoice(tx: Transaction, subscription: Json, lines: list[Json]) -> tuple[Json | None, list[Json]]:
    """The discount that a subscription has now, and its invoice's lines with what it takes off each in `discount_amounts`.

    A coupon that is good once has been used when an earlier invoice says so.
    """
    held, coupon = _held(tx, subscription)
    if held is None or coupon is None:
        return None, lines
    items = [_sold(line) for line in lines]
    taken = [item["amount_discount"] for item in priced(tx, items, coupon)]
    if not any(taken):
        return None, lines
    amounts = ([{"amount": off, "discount": held["id"]}] if off else [] for off in taken)
    shown = [line | {"discount_amounts": told} for line, told in zip(lines, amounts, strict=True)]
    return held, shown


def percent_now(tx: Transaction, subscription: Json, item: Json) -> float:
    """Per cent that the subscription's discount takes off an item (with `price`) now; 0 without one, and for one of a fixed amount."""
    _, coupon = _held(tx, subscription)
    return 0 if coupon is None or not _applies(tx, coupon, item) else coupon["percent_off"] or 0


def _held(tx: Transaction, subscription: Json) -> tuple[Json | None, Json | None]:
    """The discount that a subscription has now and its coupon."""
    held = tx.private(subscription["id"]).get("discount")
    coupon = tx.find("coupon", held["coupon"]) or tx.remains("coupon", held["coupon"]) if held else None
    if held is None or coupon is None or (held["ends"] and held["ends"] <= tx.now) or held.get("used"):
        return None, None
    return held, coupon


def _sold(line: Json) -> Json:
    """An invoice's line as `priced` takes it; of a proration nothing is taken off, for that was done."""
    product = line["pricing"]["price_details"]["product"]
    return {"price": {"product": product}, "amount_subtotal": line["amount"] if line["discountable"] else 0}


def used_by(tx: Transaction, subscription: Json, held: Json) -> None:
    """Note that an invoice has used the discount; one that is good once is used up."""
    coupon = tx.find("coupon", held["coupon"])
    if coupon is None or coupon["duration"] == "once":
        tx.note(subscription["id"], discount=held | {"used": True})
