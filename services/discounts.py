"""What a promotion code takes off a purchase, and whether it may be used for it."""

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

from models import Customer, PromotionCode
from services.errors import PromotionCodeInvalid
from services.purchases import Purchase
from services.text_input import checked_text

MAX_PROMOTION_CODE = 500
"""Characters of a promotion code, as Stripe has it."""

UNUSABLE = "This code cannot be used for this purchase."
"""Said of every code that cannot be used, so that nothing is told of codes that are for others."""


async def code_for(text: str, customer: Customer, purchase: Purchase) -> PromotionCode:
    """The promotion code that a customer gave, in any case, if it may be used for this purchase. Raises PromotionCodeInvalid."""
    checked_text(text, MAX_PROMOTION_CODE, "promotionCode")
    named = PromotionCode.filter(code_key=text.upper(), active=True, stripe_promotion_code_id__not_isnull=True)
    for code in await named.order_by("-id").limit(10):
        if _fits(code, customer, purchase):
            return code
    raise PromotionCodeInvalid(UNUSABLE, "promotionCode")


def discounted(amount: int, code: PromotionCode) -> int:
    """The minor units that are left of an amount: per cents are rounded half up to the minor unit, and nothing goes below zero."""
    if code.amount_off is not None:
        return max(0, amount - int(code.amount_off))
    off = Decimal(amount) * Decimal(str(code.percent_off)) / 100
    return amount - int(off.quantize(Decimal(1), ROUND_HALF_UP))


def _fits(code: PromotionCode, customer: Customer, purchase: Purchase) -> bool:
    """As far as our rows say; Stripe has the last word."""
    return (
        code.customer_id in (None, customer.id)
        and (code.expires_at is None or code.expires_at > datetime.now(UTC))
        and (code.max_redemptions is None or code.times_redeemed < code.max_redemptions)
        and code.currency in (None, purchase.price.currency)
        and (not code.product_ids or purchase.plan.stripe_product_id in code.product_ids)
    )
