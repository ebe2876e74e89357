"""A code that a customer enters for a discount: Stripe's PromotionCode and the Coupon behind it, in one row."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from tortoise import fields

from models.customer import Customer
from models.ids import Prefix
from models.record import Record
from models.seller import Seller


class DiscountDuration(StrEnum):
    """Stripe's Coupon.duration, upper case; UNKNOWN for a word newer than this version."""

    ONCE = "ONCE"
    REPEATING = "REPEATING"
    FOREVER = "FOREVER"
    UNKNOWN = "UNKNOWN"


class PromotionCode(Record):
    """Either `percent_off` (0 to 100) or `amount_off`, in minor units of `currency`.

    `code_key` is the code in upper case: Stripe's codes are the same in any case. One that was made here is not active until Stripe has it;
    with a `failure` it never will be. `seller_id` is whom a sale by this code is attributed to.
    `product_ids` are the Stripe products that it is good for, all when empty; `customer_id` the only customer who may use it.
    `stripe_version` and `coupon_version` are Stripe's clock, in seconds, of what was last written from each object.
    """

    prefix: ClassVar[Prefix] = Prefix.PROMOTION_CODE

    code = fields.CharField(max_length=500)
    code_key = fields.CharField(max_length=500)
    active = fields.BooleanField()
    percent_off: float | None = fields.FloatField(null=True)
    amount_off = fields.BigIntField(null=True)
    currency = fields.CharField(max_length=3, null=True)
    duration = fields.CharField(max_length=16)
    duration_in_months = fields.IntField(null=True)
    expires_at: datetime | None = fields.DatetimeField(null=True)
    max_redemptions = fields.BigIntField(null=True)
    times_redeemed = fields.BigIntField(default=0)
    product_ids = fields.JSONField[list[str]](default=list)
    customer: fields.ForeignKeyNullableRelation[Customer] = fields.ForeignKeyField(
        "models.Customer", related_name="promotion_codes", on_delete=fields.RESTRICT, null=True
    )
    customer_id: str | None
    seller: fields.ForeignKeyNullableRelation[Seller] = fields.ForeignKeyField(
        "models.Seller", related_name="promotion_codes", on_delete=fields.RESTRICT, null=True
    )
    seller_id: str | None
    failure = fields.TextField(null=True)
    stripe_promotion_code_id = fields.CharField(max_length=64, null=True, unique=True)
    stripe_coupon_id = fields.CharField(max_length=64, null=True)
    stripe_version = fields.BigIntField(default=0)
    coupon_version = fields.BigIntField(default=0)

    class Meta:
        """Table and indexes."""

        table = "promotion_code"
        indexes = (("code_key", "id"), ("seller_id", "id"), ("stripe_coupon_id",), ("customer_id", "id"))
