"""The catalogue."""

from typing import Annotated

import strawberry

from models import BillingInterval, PlanKind
from models import Plan as PlanRow
from models import Price as PriceRow
from models import Seller as SellerRow
from resolvers import filters
from resolvers.declarations import Listed, Related
from schema.fields import declare
from schema.scalars import CurrencyCode
from schema.types.money import Money, money_in
from schema.types.node import Node
from schema.types.seller import Seller

strawberry.enum(PlanKind, description="Renewed each period, or bought once.")
strawberry.enum(BillingInterval, description="The unit of a price's period.")


@strawberry.type(description="What is sold: a recurring plan, or a package bought once (a course, a bundle of credits).")
class Plan(Node):
    """Reads off models.Plan."""

    id: strawberry.ID
    code: str = strawberry.field(description="Stable handle chosen by the seller, e.g. pro.")
    kind: PlanKind
    name: str
    description: str | None
    active: bool
    credits: int = strawberry.field(description="Credits granted by each purchase, or by each paid period.")
    credit_days: int | None = strawberry.field(description="Days until these credits expire; null for never.")
    features: list[str] = strawberry.field(description="Keys of what a holder may use.")
    repeatable: bool = strawberry.field(description="A package that may be bought again while held (credit bundles).")
    plan_group: str | None = strawberry.field(
        description="Of the recurring plans of a group a customer has one at a time; without one the plan is a group of its own."
    )
    seller: Seller | None = declare(Related(SellerRow, "seller_id"))
    prices: list[Annotated["Price", strawberry.lazy("schema.types.plan")]] = declare(
        Listed(PriceRow, "plan_id", filters.prices, newest_first=False),
        description="Active prices, for staff also those no longer sold.",
        currency=CurrencyCode | None,
        interval=BillingInterval | None,
    )


@strawberry.type(description="What a plan costs in one currency and rhythm; never changed, only replaced.")
class Price(Node):
    """Reads off models.Price."""

    id: strawberry.ID
    plan: Plan = declare(Related(PlanRow, "plan_id", scoped=False))
    unit_amount: Money = declare(money_in("unit_amount"))
    interval: BillingInterval | None
    interval_count: int | None
    trial_days: int | None
    instalments: int | None = strawberry.field(description="A subscription ends by itself after so many paid periods; null for never.")
    active: bool
    stripe_price_id: str | None


@strawberry.input(description="Which plans; all conditions hold.")
class PlanFilter:
    """For resolvers.filters.plans."""

    kind: PlanKind | None = strawberry.UNSET
    currency: CurrencyCode | None = strawberry.field(default=strawberry.UNSET, description="With an active price in this currency.")
    active: bool | None = strawberry.UNSET
    seller_id: strawberry.ID | None = strawberry.UNSET
