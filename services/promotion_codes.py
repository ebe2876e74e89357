"""Promotion codes: made here first, then at Stripe as a coupon and the code for it."""

import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from models import DiscountDuration, Plan, PromotionCode
from models.database import transaction
from models.persistence import lock_id
from services import audit, publication, sellers
from services.audit import ITSELF, Caller
from services.billing import Billing
from services.discounts import MAX_PROMOTION_CODE
from services.errors import InvalidInput, NotFound, Refusal
from services.idempotency import Call, Done, once
from services.journal import change, journal
from services.minimum_amounts import check_unit_amount
from services.mirror import write
from services.text_input import MAX_CODE, MAX_ID, checked_text

LETTERS = re.compile(r"[A-Za-z0-9-]+")
"""What a promotion code may be made of (docs.stripe.com/api/promotion_codes/create#create_promotion_code-code)."""

MAX_MONTHS = 36
MAX_PLANS = 50
MAX_REDEMPTIONS = 2**31 - 1
LONGEST_LIFE = timedelta(days=5 * 365)
"""Bounds of a code's terms: months of a discount, plans that it is for, uses, and how far away its end may be (Stripe: five years)."""


@dataclass(frozen=True, slots=True)
class PromotionTerms:
    """Either `percent_off` (more than 0, 100 at most, two decimals) or `amount_off` in minor units of `currency`.

    Once, unless for `duration_in_months` or `forever`; of `plan_codes`, all plans when None. Sales by it are the seller's.
    """

    code: str
    percent_off: float | None = None
    amount_off: int | None = None
    currency: str | None = None
    duration_in_months: int | None = None
    forever: bool = False
    max_redemptions: int | None = None
    expires_at: datetime | None = None
    plan_codes: tuple[str, ...] | None = None
    seller_id: str | None = None


async def create_promotion_code(billing: Billing, caller: Caller, terms: PromotionTerms, key: str | None) -> Done[None]:
    """Make a promotion code. Raises InvalidInput and NotFound (of a plan or seller), and then nothing is written; the gateway's Refusals.

    After these the code is pending or, when they are final, failed.
    """
    billing.stripe.require_enabled()
    _check(terms)
    plans = await _plans(terms)
    for plan in plans:
        await publication.publish(billing, plan.id)
    call = Call(caller.viewer.external_id, "createPromotionCode", key, asdict(terms))
    return await once(call, lambda: _begin(caller, terms, [plan.id for plan in plans]), lambda row_id: finish(billing, row_id))


async def _begin(caller: Caller, terms: PromotionTerms, plan_ids: list[str]) -> str:
    if terms.seller_id is not None:
        await sellers.require(terms.seller_id, "sellerId")
    if await PromotionCode.filter(code_key=terms.code.upper(), active=True).exists():
        raise InvalidInput("There is an active promotion code that reads the same: deactivate it first.", "code")
    products = [str(plan.stripe_product_id) for plan in await Plan.filter(id__in=plan_ids).order_by("id")]
    row = PromotionCode(
        code=terms.code,
        code_key=terms.code.upper(),
        active=False,
        percent_off=terms.percent_off,
        amount_off=terms.amount_off,
        currency=terms.currency,
        duration=_duration(terms).value,
        duration_in_months=terms.duration_in_months,
        max_redemptions=terms.max_redemptions,
        expires_at=terms.expires_at.replace(microsecond=0) if terms.expires_at else None,
        product_ids=products,
        seller_id=terms.seller_id,
    )
    await row.save(force_create=True)
    await audit.record(caller, "promotion_code.create", row.id, code=row.code, percent_off=row.percent_off, amount_off=row.amount_off)
    return str(row.id)


async def deactivate_promotion_code(billing: Billing, caller: Caller, row_id: str, key: str | None) -> Done[None]:
    """Let a code be used no more. Raises InvalidInput, NotFound, and the gateway's Refusals; then it may be asked for again."""
    billing.stripe.require_enabled()
    checked_text(row_id, MAX_ID, "id")

    async def begin() -> str:
        row = await PromotionCode.get_or_none(id=row_id)
        if row is None:
            raise NotFound("There is no such promotion code.", "id")
        await audit.record(caller, "promotion_code.deactivate", row.id, code=row.code)
        return str(row.id)

    async def end(found: str) -> None:
        stripe_id = (await PromotionCode.get(id=found)).stripe_promotion_code_id
        if stripe_id is None:
            await fail(found, "It was deactivated.")
            return
        told = await billing.stripe.call(
            "promotion_code.update", lambda client: client.v1.promotion_codes.update_async(str(stripe_id), {"active": False})
        )
        await write(billing, told)

    return await once(Call(caller.viewer.external_id, "deactivatePromotionCode", key, {"id": row_id}), begin, end)


async def finish(billing: Billing, row_id: str) -> None:
    """Bring a pending code to Stripe and write what it says; not inside a transaction. Safe to run again.

    Raises the gateway's Refusals; a final one is kept on the row.
    """
    row = await PromotionCode.get(id=row_id)
    if row.stripe_promotion_code_id or row.failure:
        return
    try:
        await _make_coupon(billing, row)
        asked: Any = {"promotion": {"type": "coupon", "coupon": row.id}, "code": row.code, "metadata": {"billgraph_id": row.id}}
        known = {"max_redemptions": row.max_redemptions, "expires_at": row.expires_at and int(row.expires_at.timestamp())}
        parameters: Any = asked | {name: value for name, value in known.items() if value is not None}
        options: Any = {"idempotency_key": f"promotion-code-{row.id}"}
        made = await billing.stripe.call(
            "promotion_code.create", lambda client: client.v1.promotion_codes.create_async(parameters, options)
        )
    except Refusal as refusal:
        if not refusal.retryable:
            await fail(row_id, refusal.message)
        raise
    await write(billing, made)


async def _make_coupon(billing: Billing, row: PromotionCode) -> None:
    """The coupon has the id of our row, so that there is one however often it is made."""
    terms = {"percent_off": row.percent_off, "amount_off": row.amount_off, "currency": row.currency and row.currency.lower()}
    terms |= {"duration": row.duration.lower(), "duration_in_months": row.duration_in_months}
    parameters: Any = {name: value for name, value in terms.items() if value is not None} | {"id": row.id, "name": row.code[:40]}
    if row.product_ids:
        parameters["applies_to"] = {"products": row.product_ids}
    coupon = await billing.stripe.retrieve("coupon", row.id)
    if coupon is None:
        coupon = await billing.stripe.call("coupon.create", lambda client: client.v1.coupons.create_async(parameters))
    await PromotionCode.filter(id=row.id).update(stripe_coupon_id=row.id, coupon_version=coupon.version)


async def fail(row_id: str, reason: str) -> None:
    """Give up a code that is not at Stripe and never will be."""
    async with transaction(), journal(ITSELF):
        row = await lock_id(PromotionCode, row_id)
        if row.stripe_promotion_code_id is None:
            await change(row, {"failure": reason})


def _duration(terms: PromotionTerms) -> DiscountDuration:
    if terms.forever:
        return DiscountDuration.FOREVER
    return DiscountDuration.REPEATING if terms.duration_in_months else DiscountDuration.ONCE


def _check(terms: PromotionTerms) -> None:
    checked_text(terms.code, MAX_PROMOTION_CODE, "code")
    if not LETTERS.fullmatch(terms.code):
        raise InvalidInput("A code is made of letters a to z, digits and dashes.", "code")
    if (terms.percent_off is None) == (terms.amount_off is None):
        raise InvalidInput("Name exactly one of percentOff and amountOff.", "percentOff")
    if terms.percent_off is not None and not _is_percentage(terms.percent_off):
        raise InvalidInput("Per cents are more than 0 and at most 100, with two decimals.", "percentOff")
    if (terms.amount_off is None) != (terms.currency is None):
        raise InvalidInput("An amountOff has a currency, and percentOff has none.", "currency")
    if terms.amount_off is not None and terms.currency is not None:
        if terms.amount_off < 1:
            raise InvalidInput("The amount is at least 1 minor unit.", "amountOff")
        check_unit_amount(terms.amount_off, terms.currency, "amountOff")
    _check_limits(terms)


def _check_limits(terms: PromotionTerms) -> None:
    months, now = terms.duration_in_months, datetime.now(UTC)
    if months is not None and (terms.forever or not 1 <= months <= MAX_MONTHS):
        raise InvalidInput(f"A discount lasts for 1 to {MAX_MONTHS} months, or forever.", "durationInMonths")
    if terms.max_redemptions is not None and not 1 <= terms.max_redemptions <= MAX_REDEMPTIONS:
        raise InvalidInput("A code is used at least once.", "maxRedemptions")
    if terms.expires_at is not None and not now + timedelta(minutes=1) < terms.expires_at < now + LONGEST_LIFE:
        raise InvalidInput("A code expires in the future, within five years.", "expiresAt")
    if terms.plan_codes is not None and not 1 <= len(terms.plan_codes) <= MAX_PLANS:
        raise InvalidInput(f"Name 1 to {MAX_PLANS} plans, or none for all.", "planCodes")


def _is_percentage(value: float) -> bool:
    return 0 < value <= 100 and Decimal(str(value)) == round(Decimal(str(value)), 2)


async def _plans(terms: PromotionTerms) -> list[Plan]:
    found = []
    for place, code in enumerate(dict.fromkeys(terms.plan_codes or ())):
        plan = await Plan.get_or_none(code=checked_text(code, MAX_CODE, "planCodes", str(place)))
        if plan is None:
            raise NotFound("There is no such plan.", "planCodes", str(place))
        found.append(plan)
    return found
