"""Inputs of promotion codes."""

from datetime import datetime

import strawberry

from schema.inputs.given import Given
from schema.scalars import CurrencyCode, MinorUnits
from services.promotion_codes import PromotionTerms


@strawberry.input(description="Either percentOff, or amountOff with its currency. Once, unless durationInMonths or forever say otherwise.")
class CreatePromotionCodeInput(Given):
    """For resolvers.mutations."""

    code: str = strawberry.field(description="Letters a to z, digits and dashes; the same in any case.")
    percent_off: float | None = strawberry.field(default=strawberry.UNSET, description="More than 0, at most 100, two decimals.")
    amount_off: MinorUnits | None = strawberry.UNSET
    currency: CurrencyCode | None = strawberry.UNSET
    duration_in_months: int | None = strawberry.UNSET
    forever: bool | None = False
    max_redemptions: int | None = strawberry.UNSET
    expires_at: datetime | None = strawberry.UNSET
    plan_codes: list[str] | None = strawberry.field(default=strawberry.UNSET, description="The plans that it is for; all when left out.")
    seller_id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="Whose sale it is when this code is used.")
    idempotency_key: str | None = strawberry.UNSET

    def request(self) -> PromotionTerms:
        """As the service takes it."""
        return PromotionTerms(
            code=self.code,
            percent_off=self.percent_off,
            amount_off=self.amount_off,
            currency=self.currency,
            duration_in_months=self.duration_in_months,
            forever=bool(self.forever),
            max_redemptions=self.max_redemptions,
            expires_at=self.expires_at,
            plan_codes=None if self.plan_codes is None else tuple(self.plan_codes),
            seller_id=self.seller_id,
        )


@strawberry.input(description="Which code.")
class DeactivatePromotionCodeInput(Given):
    """For resolvers.mutations."""

    id: strawberry.ID
    idempotency_key: str | None = strawberry.UNSET
