"""The demo's shop: a plan by the month and by the year, a course, a bundle of credits."""

from dataclasses import replace

from models import BillingInterval, Plan, PlanKind, Seller
from services.billing import Billing
from services.catalogue import PlanTerms, PriceTerms, save_plan
from services.portal_configurations import portal_plan, take
from services.publication import publish

SELLER = "demo-seller"
"""The subject of the demo's seller, whose the course is."""

COURSE = "course-python"

PLANS = (
    PlanTerms(
        code="pro",
        kind=PlanKind.SUBSCRIPTION,
        name="Pro",
        description="Everything, for as long as you stay.",
        features=("exports", "priority-support"),
        credits=20,
        prices=(
            PriceTerms("USD", 1_900, BillingInterval.MONTH, 1),
            PriceTerms("USD", 19_000, BillingInterval.YEAR, 1),
            PriceTerms("JPY", 2_800, BillingInterval.MONTH, 1),
            PriceTerms("JPY", 28_000, BillingInterval.YEAR, 1),
        ),
    ),
    PlanTerms(
        code=COURSE,
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
    """Make the demo's seller, and its plans where there is none of their code; bring those that are there to Stripe, and the portal up.

    Raises the gateway's Refusals.
    """
    await Seller.bulk_create([Seller(external_id=SELLER, name="Cleo", email="demo-seller@example.com")], ignore_conflicts=True)
    seller = await Seller.get(external_id=SELLER)
    for terms in PLANS:
        found = await Plan.get_or_none(code=terms.code)
        if found is None:
            await save_plan(billing, replace(terms, seller_id=seller.id) if terms.code == COURSE else terms)
        else:
            await publish(billing, found.id)
    for step in (await portal_plan(billing)).steps:
        await take(billing, step)
