"""Plans and prices, here and at Stripe."""

from dataclasses import replace
from typing import Any

import pytest

from models import BillingInterval, Plan, PlanKind, Price
from services.billing import Billing
from services.catalogue import PlanTerms, PriceTerms, save_plan
from services.demo_catalogue import PLANS, seed_demo
from services.errors import InvalidInput, StripeUnavailable
from services.portal_configurations import portal_plan
from services.publication import publish
from tests.services.between import Between, afterwards, instead
from tests.services.shop import COURSE, PRO, price_of


async def test_a_plan_is_at_stripe_as_it_is_here(billing: Billing, stripe: Between) -> None:
    plan = await Plan.get(id=await save_plan(billing, PRO))
    assert (plan.code, plan.kind, plan.name, plan.active, plan.stripe_product_id) == ("pro", "SUBSCRIPTION", "Pro", True, plan.id)
    product = await billing.stripe.retrieve("product", plan.id)
    assert product is not None
    assert (product.object["name"], product.object["metadata"]) == ("Pro", {"billgraph_id": plan.id})
    year = await price_of("pro", "USD", "YEAR")
    told = await billing.stripe.retrieve("price", str(year.stripe_price_id))
    assert told is not None
    assert (told.object["unit_amount"], told.object["currency"], told.object["lookup_key"]) == (19_000, "usd", year.id)
    assert (told.object["recurring"]["interval"], told.object["recurring"]["interval_count"]) == ("year", 1)
    assert len(stripe.keys("/prices")) == 3


async def test_saving_again_changes_nothing(billing: Billing, stripe: Between) -> None:
    await save_plan(billing, PRO)
    before = [(row.id, row.stripe_price_id, row.active) for row in await Price.all().order_by("id")]
    stripe.clear()
    await save_plan(billing, PRO)
    assert [(row.id, row.stripe_price_id, row.active) for row in await Price.all().order_by("id")] == before
    assert (stripe.posted, await Plan.all().count()) == ([], 1)


async def test_other_terms_are_a_new_price_and_the_old_one_stays_for_those_who_have_it(billing: Billing) -> None:
    await save_plan(billing, COURSE)
    old = await price_of("course", "USD")
    await save_plan(billing, replace(COURSE, name="Course, second edition", prices=(PriceTerms("USD", 59_900),)))
    rows = await Price.all().order_by("id")
    assert {(row.unit_amount, row.currency, row.active) for row in rows} == {
        (49_900, "USD", False),
        (78_000, "JPY", False),
        (9_990, "KWD", False),
        (59_900, "USD", True),
    }
    kept = next(row for row in rows if row.id == old.id)
    assert (kept.unit_amount, kept.stripe_price_id) == (49_900, old.stripe_price_id)
    assert (await Plan.get()).name == "Course, second edition"


async def test_lost_answers_make_nothing_twice(billing: Billing, stripe: Between) -> None:
    stripe.faults = [("/products", afterwards(500)), ("/prices", afterwards(502)), ("/prices", instead(503))]
    await save_plan(billing, COURSE)
    prices = await Price.all()
    assert all(row.stripe_price_id for row in prices)
    found = await billing.stripe.call("list", lambda client: client.v1.prices.list_async({"product": prices[0].plan_id, "limit": 100}))
    assert sorted(row["id"] for row in found.object["data"]) == sorted(str(row.stripe_price_id) for row in prices)


async def test_what_was_cut_off_is_published_later(billing: Billing, stripe: Between) -> None:
    stripe.faults = [("/prices", instead(500))] * 4
    with pytest.raises(StripeUnavailable):
        await save_plan(billing, COURSE)
    plan = await Plan.get()
    assert await Price.filter(stripe_price_id=None).count() == 3
    await publish(billing, plan.id)
    assert await Price.filter(stripe_price_id=None).count() == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"code": ""}, ("code",)),
        ({"code": "c" * 65}, ("code",)),
        ({"code": "a\0"}, ("code",)),
        ({"name": ""}, ("name",)),
        ({"description": ""}, ("description",)),
        ({"credits": -1}, ("credits",)),
        ({"credits": 2**31}, ("credits",)),
        ({"prices": (PriceTerms("USD", 100),) * 51}, ("prices",)),
        ({"prices": (PriceTerms("USD", 100), PriceTerms("USD", 200))}, ("prices",)),
        ({"prices": (PriceTerms("USD", 100, BillingInterval.MONTH, 1),)}, ("prices", "0", "interval")),
        ({"prices": (PriceTerms("USD", 100, None, 1),)}, ("prices", "0", "interval")),
        ({"prices": (PriceTerms("USD", 100_000_000),)}, ("prices", "0", "unitAmount")),
        ({"prices": (PriceTerms("USD", 1), PriceTerms("KWD", 1001))}, ("prices", "1", "unitAmount")),
        ({"prices": (PriceTerms("USD", 100, trial_days=3),)}, ("prices", "0", "trialDays")),
        (
            {"kind": PlanKind.SUBSCRIPTION, "prices": (PriceTerms("USD", 100, BillingInterval.MONTH, 37),)},
            ("prices", "0", "intervalCount"),
        ),
        (
            {"kind": PlanKind.SUBSCRIPTION, "prices": (PriceTerms("USD", 100, BillingInterval.DAY, 1, 731),)},
            ("prices", "0", "trialDays"),
        ),
    ],
)
async def test_terms_that_cannot_be_sold(billing: Billing, stripe: Between, change: dict[str, Any], field: tuple[str, ...]) -> None:
    terms = replace(PlanTerms(code="x", kind=PlanKind.PACKAGE, name="X", prices=(PriceTerms("USD", 100),)), **change)
    with pytest.raises(InvalidInput) as refused:
        await save_plan(billing, terms)
    assert (refused.value.field, await Plan.all().count(), stripe.posted) == (field, 0, [])


async def test_a_plan_stays_of_its_kind(billing: Billing) -> None:
    await save_plan(billing, COURSE)
    with pytest.raises(InvalidInput) as refused:
        await save_plan(billing, replace(PRO, code="course"))
    assert refused.value.field == ("kind",)
    assert (await Plan.get()).kind == "PACKAGE"


async def test_the_demo_is_seeded_once(billing: Billing, stripe: Between) -> None:
    await seed_demo(billing)
    assert {row.code for row in await Plan.all()} == {terms.code for terms in PLANS}
    assert await Price.filter(stripe_price_id=None).count() == 0
    assert (await portal_plan(billing)).steps == ()
    await Plan.filter(code="pro").update(name="Renamed by the seller")
    stripe.clear()
    await seed_demo(billing)
    assert ((await Plan.get(code="pro")).name, stripe.posted) == ("Renamed by the seller", [])
