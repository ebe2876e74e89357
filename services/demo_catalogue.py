"""The demo's shop: a plan by the month and by the year, a course, a bundle of credits."""

from models import BillingInterval, Plan, PlanKind
from services.billing import Billing
from services.catalogue import PlanTerms, PriceTerms, save_plan
from services.publication import publish

PLANS = (
    PlanTerms(
        code="pro",
        kind=PlanKind.SUBSCRIPTION,
        name="Pro",
        description="Everything, for as long as you stay.",
        features=("exports", "priority-support"),
        prices=(
            PriceTerms("USD", 1_900, BillingInterval.MONTH, 1),
            PriceTerms("USD", 19_000, BillingInterval.YEAR, 1),
            PriceTerms("JPY", 2_800, BillingInterval.MONTH, 1),
            PriceTerms("JPY", 28_000, BillingInterval.YEAR, 1),
        ),
    ),
    PlanTerms(
        code="course-python",
        kind=PlanKind.PACKAGE,
        name="Python from the ground up",
        description="A course of twelve lessons, yours for good.",
        features=("course-python",),
        prices=(PriceTerms("USD", 49_900), PriceTerms("EUR", 45_900), PriceTerms("JPY", 78_000)),
    ),
    PlanTerms(
        code="credits-100",
        kind=PlanKind.PACKAGE,
        name="100 credits",
        description="For whenever you need them; buy as often as you like.",
        credits=100,
        repeatable=True,
        prices=(PriceTerms("USD", 900), PriceTerms("JPY", 1_300)),
    ),
)


async def seed_demo(billing: Billing) -> None:
    """Make the demo's plans where there is none of their code, and bring those that are there to Stripe. Raises the gateway's Refusals."""
    for terms in PLANS:
        found = await Plan.get_or_none(code=terms.code)
        if found is None:
            await save_plan(billing, terms)
        else:
            await publish(billing, found.id)
