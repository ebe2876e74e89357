"""Codes for a discount."""

from datetime import datetime
from typing import Any

import strawberry

from models import Seller as SellerRow
from models.money import Money as Amount
from models.rows import Row
from resolvers.declarations import Derived, Related
from schema.fields import declare
from schema.types.money import Money
from schema.types.node import Node
from schema.types.seller import Seller


def _amount_off(row: Row, _context: Any) -> Amount | None:
    return None if row.amount_off is None else Amount(row.amount_off, row.currency)


@strawberry.type(description="A code that a customer enters for a discount.")
class PromotionCode(Node):
    """Reads off models.PromotionCode."""

    id: strawberry.ID
    code: str
    active: bool
    percent_off: float | None
    amount_off: Money | None = declare(Derived(("amount_off", "currency"), _amount_off))
    duration: str = strawberry.field(description="ONCE, REPEATING (for durationInMonths) or FOREVER.")
    duration_in_months: int | None
    expires_at: datetime | None
    max_redemptions: int | None
    times_redeemed: int
    seller: Seller | None = declare(Related(SellerRow, "seller_id"), description="Whose sale it is when this code is used.")
