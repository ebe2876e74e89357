"""Inputs of the catalogue."""

import strawberry

from models import BillingInterval, PlanKind
from schema.inputs.given import Given
from schema.scalars import CurrencyCode, MinorUnits
from schema.types import plan  # noqa: F401 - it says how its enums are shown, which must come before these are used
from services.catalogue import PlanTerms, PriceTerms


@strawberry.input(description="What a plan costs in one currency and, for a recurring plan, one rhythm.")
class PriceInput(Given):
    """For SavePlanInput."""

    currency: CurrencyCode
    unit_amount: MinorUnits
    interval: BillingInterval | None = strawberry.field(default=strawberry.UNSET, description="For a recurring plan alone.")
    interval_count: int | None = 1
    trial_days: int | None = strawberry.UNSET
    instalments: int | None = strawberry.field(
        default=strawberry.UNSET, description="The subscription ends by itself after so many paid periods; never when left out."
    )

    def terms(self) -> PriceTerms:
        """As the service takes it."""
        count = 1 if self.interval and self.interval_count is None else self.interval_count
        if self.interval is None and count == 1:
            count = None
        return PriceTerms(self.currency, self.unit_amount, self.interval, count, self.trial_days, self.instalments)


@strawberry.input(description="A plan as it shall be, whole: what is left out is none. The code says which; its kind stays.")
class SavePlanInput(Given):
    """For resolvers.mutations."""

    code: str
    kind: PlanKind
    name: str
    description: str | None = strawberry.UNSET
    credits: int | None = 0
    credit_days: int | None = strawberry.field(default=strawberry.UNSET, description="Days until its credits expire; never when left out.")
    features: list[str] | None = strawberry.field(
        default_factory=list, description="New ones reach subscribers at once, removed ones stay to the end of the running period."
    )
    repeatable: bool | None = False
    seller_id: strawberry.ID | None = strawberry.UNSET
    plan_group: str | None = strawberry.field(default=strawberry.UNSET, description="Of the plans of a group a customer has one at a time.")
    prices: list[PriceInput] = strawberry.field(
        description="All that are offered: others are withdrawn, and kept for those who have them. Nobody is charged differently."
    )
    idempotency_key: str | None = strawberry.UNSET

    def request(self) -> PlanTerms:
        """As the service takes it."""
        return PlanTerms(
            code=self.code,
            kind=self.kind,
            name=self.name,
            prices=tuple(price.terms() for price in self.prices),
            description=self.description,
            credits=self.credits or 0,
            features=tuple(self.features or ()),
            repeatable=bool(self.repeatable),
            credit_days=self.credit_days,
            seller_id=self.seller_id,
            plan_group=self.plan_group,
        )


@strawberry.input(description="Which plan.")
class ArchivePlanInput(Given):
    """For resolvers.mutations."""

    code: str
    idempotency_key: str | None = strawberry.UNSET
