"""A promotion code of Stripe's, and the coupon that says what it is worth."""

from models import DiscountDuration, Plan, PromotionCode
from models.ids import Prefix
from models.persistence import find, lock
from services import stripe_fields as fields
from services import stripe_shapes as shapes
from services.journal import Facts, change, create
from services.mirror.customer import customer_of
from services.mirror.guard import renew
from services.mirror.known import Known
from services.mirror.our_id import our_id
from services.mirror.outcome import Outcome
from services.snapshot import Snapshot
from services.stripe_fields import Json

DURATIONS = {duration.value.lower(): duration for duration in DiscountDuration if duration is not DiscountDuration.UNKNOWN}
"""Coupon.duration -> ours; any other word is UNKNOWN (docs.stripe.com/api/coupons/object)."""


async def mirror_promotion_code(snapshot: Snapshot, known: Known) -> Outcome:
    """Write a promotion code that is good here, with the terms of its coupon, which is read; IGNORED when it is for others.

    Good here is a code that was made here, and one whose coupon is for everything or for a product of ours, unless it is for a customer
    who is not ours.
    """
    code = snapshot.object
    row = await _locked(code)
    if row is not None:
        held = row
        return await renew(row, snapshot, known, lambda told: _facts(held, told))
    terms = await _terms(code, known)
    customer = await customer_of(code, known)
    if terms is None or (customer is None and fields.reference(code, "customer")):
        return Outcome.IGNORED
    made = PromotionCode(
        **_content(code), **terms, customer_id=customer and customer.id, created_at=fields.moment(code, "created"),
        stripe_version=snapshot.version,
    )  # fmt: skip
    await create(made)
    return Outcome.PROCESSED


async def promotion_code_of(stripe_id: str, known: Known) -> PromotionCode | None:
    """Our promotion code by its Stripe id; read and written first when we have none. None when it is for others, or gone."""
    if found := await find(PromotionCode, stripe_promotion_code_id=stripe_id):
        return found
    reading = known.require("promotion_code", stripe_id)
    if reading is None or await mirror_promotion_code(reading, known) is Outcome.IGNORED:
        return None
    return await find(PromotionCode, stripe_promotion_code_id=stripe_id)


async def end_coupon(snapshot: Snapshot, known: Known) -> Outcome:  # noqa: ARG001 - every handler is called so
    """Close the codes of a coupon that was deleted; IGNORED when we have none of it.

    A coupon's id may be used again: codes whose coupon was seen later, and a reading of one that is there, are of another one.
    """
    ended = snapshot.ended()
    codes = PromotionCode.filter(stripe_coupon_id=fields.identifier(ended.object), coupon_version__lte=ended.version)
    rows = await codes.order_by("id").select_for_update(no_key=True) if ended.gone else []
    for row in rows:
        await change(row, {"active": False, "stripe_coupon_id": None, "coupon_version": ended.version})
    return Outcome.PROCESSED if rows else Outcome.IGNORED


async def keep_terms(snapshot: Snapshot, known: Known) -> Outcome:  # noqa: ARG001 - every handler is called so
    """Nothing: what a coupon is worth never changes, and its codes tell of themselves."""
    return Outcome.IGNORED


async def _locked(code: Json) -> PromotionCode | None:
    row = await lock(PromotionCode, stripe_promotion_code_id=fields.identifier(code))
    row_id = our_id(code, Prefix.PROMOTION_CODE)
    return row or (await lock(PromotionCode, id=row_id, stripe_promotion_code_id=None) if row_id else None)


async def _terms(code: Json, known: Known) -> Facts | None:
    """What the code's coupon is worth, and for which products; None when Stripe has it no more or it is for others."""
    coupon_id = shapes.coupon_id(code)
    coupon = known.require("coupon", coupon_id) if coupon_id else None
    if coupon is None or coupon.object.get("deleted"):
        return None
    products = shapes.coupon_products(coupon.object)
    if products and not await Plan.filter(stripe_product_id__in=products).exists():
        return None
    worth = coupon.object
    amount_off = fields.optional_integer(worth, "amount_off")
    return {
        "stripe_coupon_id": coupon_id,
        "coupon_version": coupon.version,
        "percent_off": shapes.percent_off(worth),
        "amount_off": amount_off,
        "currency": None if amount_off is None else fields.currency(worth),
        "duration": DURATIONS.get(fields.text(worth, "duration"), DiscountDuration.UNKNOWN).value,
        "duration_in_months": fields.optional_integer(worth, "duration_in_months"),
        "product_ids": products,
    }


async def _facts(row: PromotionCode, code: Json) -> Facts:
    told = _content(code)
    return told | {"active": told["active"] and row.stripe_coupon_id is not None}


def _content(code: Json) -> Facts:
    return {
        "stripe_promotion_code_id": fields.identifier(code),
        "code": fields.text(code, "code")[:500],
        "code_key": fields.text(code, "code")[:500].upper(),
        "active": code.get("active") is True,
        "expires_at": fields.optional_moment(code, "expires_at"),
        "max_redemptions": fields.optional_integer(code, "max_redemptions"),
        "times_redeemed": fields.optional_integer(code, "times_redeemed") or 0,
    }
