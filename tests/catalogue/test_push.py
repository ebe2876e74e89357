"""`billgraph catalogue push`: the file becomes the catalogue, once, whatever cuts it off."""

import asyncio
import random
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from models import AuditEntry, Plan, Price, Seller
from services.catalogue import CatalogueFault, CatalogueFile, push, rendered, steps
from services.publication import publish
from tests.reconciliation.command import Command
from tests.reconciliation.world import World
from tests.services.between import Held, error
from tests.test_docs import DOCS

PAGE = (DOCS / "catalogue.md").read_text(encoding="utf-8")
EXAMPLE = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)[0]
SMALL = '[[plan]]\ncode = "course"\nkind = "package"\nname = "Course"\n\n[[plan.price]]\ncurrency = "USD"\nunit_amount = 900\n'


def written(folder: Path, text: str) -> str:
    file = folder / "plans.toml"
    file.write_text(text, encoding="utf-8")
    return str(file)


async def catalogue() -> list[dict[str, Any]]:
    """Every plan with its prices, by what they are, not by their ids."""
    left_out = {"id", "created_at", "stripe_version", "plan_id"}
    found = []
    for plan in await Plan.all().order_by("code"):
        prices = list(await Price.filter(plan_id=plan.id).values())
        told = [{name: value for name, value in row.items() if name not in {*left_out, "stripe_price_id"}} for row in prices]
        content = {name: value for name, value in (await Plan.filter(id=plan.id).values())[0].items() if name not in left_out}
        content["stripe_product_id"] = content["stripe_product_id"] == plan.id
        found.append(content | {"prices": sorted(told, key=str)})
    return found


async def at_stripe(world: World) -> list[tuple[Any, ...]]:
    """Stripe's products and prices, each once and as our rows name them."""
    stripe = world.billing.stripe
    products = (await stripe.call("list", lambda client: client.v1.products.list_async({"limit": 100}))).object["data"]
    prices = (await stripe.call("list", lambda client: client.v1.prices.list_async({"limit": 100}))).object["data"]
    assert sorted(one["id"] for one in products) == sorted(await Plan.all().values_list("stripe_product_id", flat=True))
    assert sorted(one["id"] for one in prices) == sorted(await Price.all().values_list("stripe_price_id", flat=True))
    codes = {plan.id: plan.code for plan in await Plan.all()}
    names = [(codes[one["id"]], one["name"], one["description"], one["active"]) for one in products]
    costs = [(codes[one["product"]], one["currency"], one["unit_amount"], str(one["recurring"]), one["active"]) for one in prices]
    return sorted(names, key=str) + sorted(costs, key=str)


async def test_the_example_of_the_page_is_pushed_once(world: World, command: Command, tmp_path: Path) -> None:
    file = written(tmp_path, EXAMPLE)
    dry = await command.run("catalogue", "push", file, "--dry-run")
    assert (dry.code, await Plan.all().count(), world.front.posted) == (1, 0, [])
    assert dry.out.splitlines() == [
        "+ pro (subscription)",
        '    name: "Pro"',
        '    description: "Everything, for as long as you stay."',
        '    plan_group: "main"',
        "    credits: 20",
        "    credit_days: 62",
        '    features: ["exports", "priority-support"]',
        "    active: true",
        "    + 19.00 USD every month, tried for 14 days",
        "    + 28000 JPY every year",
        "    + 50.00 USD every 3 months, 4 instalments",
        "+ course-python (package)",
        '    name: "Python from the ground up"',
        '    features: ["course-python"]',
        "    active: true",
        "    + 499.00 USD",
        "+ credits-100 (package)",
        '    name: "100 credits"',
        "    credits: 100",
        "    repeatable: true",
        "    active: true",
        "    + 9.00 USD",
    ]
    assert dry.told.splitlines() == [
        "billgraph: 3 to be made, 0 to be changed, 0 to be archived, 0 to be brought to Stripe, 0 stay",
        "billgraph: nothing was changed: without --dry-run it is",
    ]
    done = await command.run("catalogue", "push", file, "--yes")
    assert (done.code, done.out) == (0, dry.out)
    assert done.told.splitlines()[-1] == "billgraph: the catalogue is as the file says, here and at Stripe"
    assert [(row.actor, row.action) for row in await AuditEntry.all()] == [("cli", "plan.save")] * 3
    first, there = await catalogue(), await at_stripe(world)
    assert {plan["published"] for plan in first} == {True}
    world.front.clear()
    again = await command.run("catalogue", "push", file)
    assert (again.code, again.out) == (0, "")
    assert again.told == "billgraph: 0 to be made, 0 to be changed, 0 to be archived, 0 to be brought to Stripe, 3 stay\n"
    assert (await command.run("catalogue", "push", file, "--dry-run")).code == 0
    assert (world.front.posted, await AuditEntry.all().count(), await catalogue(), await at_stripe(world)) == ([], 3, first, there)


async def test_what_left_the_file_is_archived_and_what_differs_changed(world: World, command: Command, tmp_path: Path) -> None:
    await command.run("catalogue", "push", written(tmp_path, EXAMPLE), "--yes")
    changed = EXAMPLE.replace('name = "Pro"', 'name = "Professional"').replace("unit_amount = 1900 ", "unit_amount = 2100 ")
    file = written(tmp_path, changed[: changed.index('[[plan]]\ncode = "credits-100"')])
    done = await command.run("catalogue", "push", file, "--yes")
    assert done.code == 0
    assert done.out.splitlines() == [
        "~ pro",
        '    name: "Pro" -> "Professional"',
        "    - 19.00 USD every month, tried for 14 days",
        "    + 21.00 USD every month, tried for 14 days",
        "- credits-100",
    ]
    assert [(row["code"], row["active"], row["published"]) for row in await catalogue()] == [
        ("course-python", True, True),
        ("credits-100", False, True),
        ("pro", True, True),
    ]
    there = await at_stripe(world)
    assert ("pro", "Professional", "Everything, for as long as you stay.", True) in there
    assert ("credits-100", "100 credits", None, False) in there
    assert [(one[2], one[4]) for one in there if one[0] == "pro" and len(one) == 5 and one[2] in {1900, 2100}] == [
        (1900, False),
        (2100, True),
    ]
    back = await command.run("catalogue", "push", written(tmp_path, EXAMPLE), "--yes")
    assert (back.code, len(await Price.all())) == (0, 6)
    assert sorted([price.unit_amount for price in await Price.filter(active=True)]) == [900, 1900, 5000, 28000, 49900]


async def test_nobody_confirms(world: World, command: Command, tmp_path: Path) -> None:
    refused = await command.run("catalogue", "push", written(tmp_path, SMALL))
    assert (refused.code, await Plan.all().count(), await AuditEntry.all().count(), world.front.posted) == (1, 0, 0, [])


async def test_a_seller_is_named_by_their_external_id(world: World, command: Command, tmp_path: Path) -> None:
    text = SMALL.replace('name = "Course"', 'name = "Course"\nseller = "carol"')
    unknown = await command.run("catalogue", "push", written(tmp_path, text), "--yes")
    assert (unknown.code, await Plan.all().count()) == (2, 0)
    told = "billgraph: plans.toml: line 5, plan 'course', seller: there is no such seller: make them first (saveSeller)\n"
    assert unknown.told == told
    seller = await Seller.create(external_id="carol", name="Carol")
    assert (await command.run("catalogue", "push", written(tmp_path, text), "--yes")).code == 0
    assert (await Plan.get()).seller_id == seller.id
    assert 'seller = "carol"' in await rendered()


async def test_a_plan_stays_of_its_kind(world: World, command: Command, tmp_path: Path) -> None:
    await command.run("catalogue", "push", written(tmp_path, SMALL), "--yes")
    before, posted = await catalogue(), len(world.front.posted)
    text = SMALL.replace('"package"', '"subscription"') + 'interval = "month"\n'
    refused = await command.run("catalogue", "push", written(tmp_path, text), "--yes")
    assert refused == (2, "", "billgraph: plans.toml: line 3, plan 'course', kind: it is a package and stays one: make another plan\n")
    assert (await catalogue(), len(world.front.posted)) == (before, posted)


@pytest.mark.parametrize("early", [True, False], ids=["before Stripe was asked", "after Stripe answered"])
async def test_killed_anywhere_and_run_again_it_is_the_same_catalogue(world: World, command: Command, tmp_path: Path, early: bool) -> None:
    """kill -9 at a call of Stripe's drawn at random, three times over; then the same command ends it."""
    file, draw = written(tmp_path, EXAMPLE), random.Random(2026 + early)  # noqa: S311 - which call is cut is no secret
    for _ in range(3):
        held = Held(early)
        path = draw.choice(["/v1/products", "/v1/prices"])
        world.front.faults = [(path, held)]
        running = await command.start("catalogue", "push", file, "--yes")
        await asyncio.wait_for(held.arrived.wait(), 60)
        running.send(signal.SIGKILL)
        assert (await running.end()).code == -signal.SIGKILL
        held.released.set()
        world.front.faults.clear()
    ended = await command.run("catalogue", "push", file, "--yes")
    assert ended.code == 0
    killed, there = await catalogue(), await at_stripe(world)
    assert [row["code"] for row in killed] == ["course-python", "credits-100", "pro"]
    assert (sum(len(row["prices"]) for row in killed), {row["published"] for row in killed}) == (5, {True})
    assert await AuditEntry.filter(action="plan.save").count() == 3
    assert (await command.run("catalogue", "push", file, "--dry-run")).code == 0
    assert await at_stripe(world) == there


async def test_two_at_once_wait_for_each_other(world: World, command: Command, tmp_path: Path) -> None:
    held = Held(early=False)
    world.front.faults = [("/v1/products", held)]
    other = tmp_path / "other.toml"
    other.write_text(SMALL, encoding="utf-8")
    first = await command.start("catalogue", "push", written(tmp_path, EXAMPLE), "--yes")
    await asyncio.wait_for(held.arrived.wait(), 60)
    second = await command.start("catalogue", "push", str(other), "--yes")
    assert second.process.stderr is not None
    line = await asyncio.wait_for(second.process.stderr.readline(), 60)
    assert line == b"billgraph: waiting for another push or pull to end\n"
    held.released.set()
    codes = [(await one.end()).code for one in (first, second)]
    assert codes == [0, 0]
    assert {plan.code for plan in await Plan.filter(active=True)} == {"course"}
    await at_stripe(world)


async def test_refused_by_stripe_it_says_how_to_go_on(world: World, command: Command, tmp_path: Path) -> None:
    world.front.faults = [("/v1/prices", error(402, "card_error", "no"))]
    file = written(tmp_path, SMALL)
    cut = await command.run("catalogue", "push", file, "--yes")
    assert (cut.code, cut.told.splitlines()[-1]) == (1, f"billgraph: cut off; go on: billgraph catalogue push {file}")
    assert (await Price.get()).stripe_price_id is None
    dry = await command.run("catalogue", "push", file, "--dry-run")
    assert (dry.code, dry.out) == (1, "* course\n")
    assert (await command.run("catalogue", "push", file, "--yes")).code == 0
    assert (await Price.get()).published is True
    await at_stripe(world)


async def test_an_edit_in_the_dashboard_is_shown_and_set_again(world: World) -> None:
    file = CatalogueFile(SMALL)
    await push(world.billing, await steps(file), lambda _: None)
    plan = await Plan.get()
    await world.deliver()
    world.front.sandbox.clock.advance(60)
    await world.ask(f"products/{plan.id}", name="By hand")
    await world.deliver()
    assert (await Plan.get()).name == "By hand"
    [step] = await steps(file)
    assert (step.name, step.change.columns) == ("change", {"name": ["By hand", "Course"]})
    world.front.sandbox.clock.advance(60)
    await push(world.billing, [step], lambda _: None)
    before = await catalogue()
    await world.deliver()
    assert (await catalogue(), await steps(file)) == (before, [])
    await publish(world.billing, plan.id)


HEAD = '[[plan]]\ncode = "a"\nkind = "package"\nname = "A"\n'
FAULTS = {
    "": "plan: it is missing",
    "plan = []": "there is no plan in it: archive plans by name (archivePlan) to sell nothing",
    "[[plan]\n": "this is not TOML: Expected ']]' at the end of an array declaration (at line 1, column 7)",
    "plan = 3": "plan: it must be a list",
    HEAD + "price = 3": "line 5, plan 'a', price: it must be a list",
    HEAD + 'colour = "red"': "line 5, plan 'a', colour: there is no such field",
    HEAD.replace('name = "A"\n', ""): "line 1, plan 'a', name: it is missing",
    HEAD.replace('"A"', "3"): "line 4, plan 'a', name: it must be a text in quotes",
    HEAD.replace('"package"', '"box"'): "line 3, plan 'a', kind: Input should be 'subscription' or 'package'",
    HEAD + 'credits = "3"': "line 5, plan 'a', credits: it must be a whole number",
    HEAD + "credits = -3": "line 5, plan 'a', credits: Credits are 0 to 2147483647.",
    HEAD + HEAD: "line 6, plan 'a', code: another plan has this code",
    HEAD + '\n[[plan.price]]\ncurrency = "usd"\nunit_amount = 1': (
        "line 7, plan 'a', price 1, currency: this is no currency that Stripe takes, in upper case as USD"
    ),
    HEAD + '\n[[plan.price]]\ncurrency = "USD"\nunit_amount = 19.5': "line 8, plan 'a', price 1, unit_amount: it must be a whole number",
    HEAD + '\n[[plan.price]]\ncurrency = "USD"\nunit_amount = 100000000': (
        "line 8, plan 'a', price 1, unit_amount: An amount may be 99999999 minor units at most, as Stripe has it."
    ),
    HEAD + '\n[[plan.price]]\ncurrency = "USD"\nunit_amount = 9\n\n[[plan.price]]\ncurrency = "USD"\nunit_amount = 9\ntrial_days = 3': (
        "line 13, plan 'a', price 2, trial_days: A recurring plan may be tried for 1 to 730 days."
    ),
}


@pytest.mark.parametrize("text", FAULTS)
def test_faults_of_a_file_are_named_with_their_place(text: str) -> None:
    with pytest.raises(CatalogueFault) as refused:
        CatalogueFile(text)
    assert list(refused.value.faults) == [FAULTS[text]]


async def test_a_file_that_cannot_be_read(world: World, command: Command, tmp_path: Path) -> None:
    missing = await command.run("catalogue", "push", str(tmp_path / "none.toml"))
    assert (missing.code, missing.told) == (2, "billgraph: none.toml cannot be read: No such file or directory\n")
    (tmp_path / "bytes.toml").write_bytes(b"\xff")
    assert (
        await command.run("catalogue", "push", str(tmp_path / "bytes.toml"))
    ).told == "billgraph: bytes.toml cannot be read: it is not UTF-8\n"
    assert (await Plan.all().count(), world.front.posted) == (0, [])
