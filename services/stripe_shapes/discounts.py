"""Promotion codes and coupons: 2025-09-30.clover moved the coupon of a promotion code."""

from datetime import datetime

from services.stripe_fields import Json, UnknownShape, optional_moment, part, reference, rows


def session_promotion_code(session: Json) -> str | None:
    """The promotion code by which a checkout session was made cheaper: of its `discounts`, which there are since 2024."""
    named = [reference(row, "promotion_code") for row in rows(session, "discounts")]
    return next((code for code in named if code), None)


def coupon_id(promotion_code: Json) -> str | None:
    """The coupon behind a promotion code: under `promotion` since 2025-09-30.clover, at the top before."""
    return reference(part(promotion_code, "promotion"), "coupon") or reference(promotion_code, "coupon")


def coupon_products(coupon: Json) -> list[str]:
    """The Stripe products that a coupon is good for, none named for all; shown only when `applies_to` was expanded."""
    named = part(coupon, "applies_to").get("products")
    return [product for product in named if isinstance(product, str)] if isinstance(named, list) else []


def percent_off(coupon: Json) -> float | None:
    """What part a coupon takes off, 0 to 100; None for one that takes an amount off."""
    told = coupon.get("percent_off")
    if told is None:
        return None
    if not isinstance(told, int | float) or isinstance(told, bool) or not 0 < told <= 100:
        raise UnknownShape(coupon, "percent_off", "a percentage")
    return float(told)


def is_over(discount: Json, by: datetime) -> bool:
    """Whether a subscription's discount, which an invoice uses now, is used no more by then (docs.stripe.com/api/discounts/object).

    The coupon is under `source` since 2025-09-30.clover, at the top before, and has to be expanded there.
    """
    end, coupon = optional_moment(discount, "end"), part(discount, "source", "coupon") or part(discount, "coupon")
    return coupon.get("duration") == "once" or (end is not None and end <= by)
