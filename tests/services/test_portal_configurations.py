"""Stripe's configurations of the customer portal follow the catalogue."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from models import AuditEntry, BillingInterval, Customer, Price, Subscription
from sandbox.account import Settings as AccountSettings
from services import portal_configurations, stripe_lists
from services.billing import Billing
from services.catalogue import PlanTerms, PriceTerms, save_plan
from services.errors import PortalNotConfigured
from services.portal import NONE_FITS, PortalFlow, PortalRequest, create_portal_session
from services.portal_configurations import GENERAL, MARK, PortalPlan, portal_plan, take
from tests.reconciliation.command import Command
from tests.services.between import Between, between
from tests.services.shop import ALICE, COURSE, PRO
from tests.services.test_duplicates import MONTHLY, opened, submit, told, work
from tests.services.test_saving_plans import ADMIN

TEAM = replace(PRO, code="team", name="Team", plan_group="main")
LITE = replace(PRO, code="lite", name="Lite", plan_group="main", prices=(replace(PRO.prices[0], unit_amount=900),))


@pytest_asyncio.fixture
async def stripe_server(tmp_path: Path) -> AsyncIterator[Between]:
    """One of the test's own: configurations are of the whole account."""
    async with between(tmp_path) as server:
        yield server


async def setup(billing: Billing) -> PortalPlan:
    plan = await portal_plan(billing)
    for step in plan.steps:
        await take(billing, step)
    return plan


def told_of(plan: PortalPlan) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(step.name, step.mark, step.differs) for step in plan.steps]


async def held(billing: Billing) -> dict[str, dict[str, Any]]:
    parameters: Any = {"active": True, "limit": 100, "expand": ["data.features.subscription_update.products"]}
    found = await billing.stripe.call("list", lambda client: client.v1.billing_portal.configurations.list_async(parameters))
    rows: list[dict[str, Any]] = [one for one in found.object["data"] if MARK in one["metadata"]]
    return {one["metadata"][MARK]: one for one in rows}


async def subscribe(shop: Billing, stripe: Between) -> Subscription:
    session = await opened(shop, **MONTHLY)
    await submit(stripe, session)
    await told(shop, session)
    await work(shop)
    return await Subscription.get()


async def test_each_group_has_what_it_may_switch_between(billing: Billing, stripe: Between) -> None:
    for terms in (PRO, TEAM, LITE, COURSE):
        await save_plan(billing, terms)
    paid_in_parts = PriceTerms("EUR", 900, BillingInterval.MONTH, 1, instalments=3)
    await save_plan(billing, replace(TEAM, prices=(*TEAM.prices, paid_in_parts)))
    made = await setup(billing)
    assert told_of(made) == [("make", GENERAL, ()), ("make", "group main", ()), ("make", "plan pro", ())]
    found = await held(billing)
    assert found[GENERAL]["features"]["subscription_update"]["enabled"] is False
    switching = found["group main"]["features"]["subscription_update"]
    assert (switching["enabled"], switching["default_allowed_updates"], switching["proration_behavior"]) == (
        True,
        ["price", "quantity"],
        "create_prorations",
    )
    prices = {price.stripe_price_id: price async for price in Price.filter(plan__plan_group="main").select_related("plan")}
    offered = {product["product"]: {prices[price].unit_amount for price in product["prices"]} for product in switching["products"]}
    plans = {price.plan.code: price.plan.stripe_product_id for price in prices.values()}
    assert offered == {plans["team"]: {1_900, 19_000, 2_800}, plans["lite"]: {900}}
    for one in found.values():
        features = one["features"]
        cancel = features["subscription_cancel"]
        assert (cancel["enabled"], cancel["mode"], features["invoice_history"]["enabled"]) == (True, "at_period_end", True)
        assert one["default_return_url"] == billing.settings.portal_return_url
    assert await AuditEntry.filter(action="portal_configuration.make", actor="cli").count() == 3


async def test_the_second_time_changes_nothing(billing: Billing, stripe: Between) -> None:
    for terms in (PRO, TEAM, LITE):
        await save_plan(billing, terms)
    await setup(billing)
    entries = await AuditEntry.all().count()
    stripe.clear()
    again = await setup(billing)
    assert (again.steps, again.stay, stripe.posted, await AuditEntry.all().count()) == ((), 3, [], entries)


async def test_it_follows_the_catalogue_and_undoes_what_was_changed_by_hand(billing: Billing, stripe: Between) -> None:
    for terms in (PRO, TEAM, LITE):
        await save_plan(billing, terms)
    await setup(billing)
    before = await held(billing)
    await save_plan(billing, replace(LITE, prices=(replace(LITE.prices[0], unit_amount=1_000),)))
    await save_plan(billing, replace(PRO, plan_group="main"))
    by_hand: Any = {"features": {"subscription_cancel": {"enabled": False}}}
    general = before[GENERAL]["id"]
    await billing.stripe.call("c", lambda client: client.v1.billing_portal.configurations.update_async(general, by_hand))
    done = await setup(billing)
    assert told_of(done) == [
        ("change", GENERAL, ("subscription_cancel",)),
        ("change", "group main", ("subscription_update",)),
        ("retire", "plan pro", ()),
    ]
    after = await held(billing)
    assert {mark: one["id"] for mark, one in after.items()} == {mark: before[mark]["id"] for mark in (GENERAL, "group main")}
    assert after[GENERAL]["features"]["subscription_cancel"]["enabled"] is True
    assert len(after["group main"]["features"]["subscription_update"]["products"]) == 3
    assert (await setup(billing)).steps == ()


async def test_one_of_two_is_kept_however_many_there_are(billing: Billing, stripe: Between, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe_lists, "PAGE", 2)
    for number in range(3):
        await save_plan(billing, replace(PRO, code=f"p{number}"))
    await setup(billing)
    stripe.sandbox.clock.advance(5)
    plan = await portal_plan(billing)
    again = portal_configurations.PortalStep("plan p1", None, portal_configurations._parameters(billing.settings, "plan p1", []))
    first = (await held(billing))["plan p1"]["id"]
    await take(billing, again)
    assert plan.steps == ()
    assert told_of(await setup(billing)) == [("retire", "plan p1", ())]
    assert (await held(billing))["plan p1"]["id"] == first


async def test_ten_plans_of_a_group_find_room(billing: Billing, stripe: Between) -> None:
    for number in range(12):
        terms = PlanTerms(f"p{number:02}", PRO.kind, f"P{number}", (PRO.prices[0],), plan_group="main")
        await save_plan(billing, terms)
    done = await setup(billing)
    assert done.left_out == ("p10", "p11")
    assert len((await held(billing))["group main"]["features"]["subscription_update"]["products"]) == 10


async def test_a_session_takes_the_configuration_of_the_subscription(shop: Billing, stripe: Between) -> None:
    row = await subscribe(shop, stripe)
    await setup(shop)
    found = await held(shop)

    async def opened_with(request: PortalRequest) -> tuple[str, Any]:
        done = await create_portal_session(shop, ALICE, request)
        session = await stripe.sandbox.run(lambda tx: tx.get("billing_portal.session", str(done.extra).rsplit("/", 1)[1]))
        return session["configuration"], session["flow"] and session["flow"]["type"]

    of_plan, general = found["plan pro"]["id"], found[GENERAL]["id"]
    assert await opened_with(PortalRequest()) == (of_plan, None)
    for flow in (PortalFlow.SUBSCRIPTION_UPDATE, PortalFlow.SUBSCRIPTION_CANCEL):
        assert await opened_with(PortalRequest(flow=flow, subscription_id=row.id)) == (of_plan, flow.lower())
    assert await opened_with(PortalRequest(flow=PortalFlow.PAYMENT_METHOD_UPDATE)) == (of_plan, "payment_method_update")
    await Subscription.all().update(status="CANCELED")
    assert await opened_with(PortalRequest()) == (general, None)


async def test_without_a_setup_the_default_is_taken_and_without_any_it_is_said(shop: Billing, stripe: Between) -> None:
    row = await subscribe(shop, stripe)
    assert (await create_portal_session(shop, ALICE, PortalRequest())).extra
    update = PortalRequest(flow=PortalFlow.SUBSCRIPTION_UPDATE, subscription_id=row.id)
    with pytest.raises(PortalNotConfigured) as refused:
        await create_portal_session(shop, ALICE, update)
    assert refused.value.message == NONE_FITS
    stripe.sandbox.engine.set_account(AccountSettings(portal=False))
    with pytest.raises(PortalNotConfigured):
        await create_portal_session(shop, ALICE, PortalRequest())
    await setup(shop)
    assert (await create_portal_session(shop, ALICE, update)).extra
    assert (await Customer.get()).external_id == "alice"


async def test_the_command(billing: Billing, stripe: Between, database_url: str, tmp_path: Path) -> None:
    await save_plan(billing, PRO, ADMIN)
    command = Command(tmp_path / "var", database_url, stripe.base)
    stripe.clear()
    dry = await command.run("portal", "setup", "--dry-run")
    assert (dry.code, dry.out, stripe.posted) == (1, "+ general\n+ plan pro\n", [])
    assert dry.told.splitlines()[-1] == "billgraph: nothing was changed: without --dry-run it is"
    done = await command.run("portal", "setup")
    assert (done.code, done.out, done.told) == (0, dry.out, "billgraph: 2 configurations differ, 0 are as the catalogue\n")
    stripe.clear()
    again = await command.run("portal", "setup")
    assert (again.code, again.out, again.told, stripe.posted) == (0, "", "billgraph: 0 configurations differ, 2 are as the catalogue\n", [])
    assert (await command.run("portal", "setup", "--dry-run")).code == 0
