"""`billgraph catalogue pull`: an account that sells already is taken over, and Stripe is told nothing."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from models import AuditEntry, BillingInterval, Customer, Plan, Price, Subscription
from services.catalogue import CatalogueFile, PriceTerms, rendered, steps
from services.catalogue.foreign import Offer, offer_of
from services.mirror import Outcome, write
from services.snapshot import Snapshot
from tests.catalogue.test_push import EXAMPLE, catalogue, written
from tests.reconciliation.command import Command
from tests.reconciliation.world import World
from tests.services.between import Held, error

PULLED = """[[plan]]
code = "basic-month"
kind = "subscription"
name = "Basic"

[[plan.price]]
currency = "USD"
unit_amount = 500
interval = "month"

[[plan]]
code = "cafe-creme"
kind = "package"
name = "Café \\"crème\\""
description = "Two\\nlines"

[[plan.price]]
currency = "EUR"
unit_amount = 300

[[plan]]
code = "team"
kind = "package"
name = "Team"

[[plan.price]]
currency = "USD"
unit_amount = 100

[[plan]]
code = "teams"
kind = "subscription"
name = "Team"

[[plan.price]]
currency = "JPY"
unit_amount = 1000
interval = "year"

[[plan.price]]
currency = "USD"
unit_amount = 2000
interval = "month"
interval_count = 3
"""


async def sell(world: World) -> dict[str, str]:
    """What somebody sold before Billgraph came; the ids of what is looked at."""
    ask = world.ask
    month: Any = {"currency": "usd", "recurring": {"interval": "month"}}
    basic = (await ask("products", name="Basic"))["id"]
    await ask(
        "prices",
        product=basic,
        unit_amount=500,
        lookup_key="Basic month",
        currency="usd",
        recurring={"interval": "month"},
    )
    old = (await ask("prices", product=basic, unit_amount=400, **month))["id"]
    await ask(f"prices/{old}", active=False)
    cafe = (await ask("products", name='Café "crème"', description="Two\nlines"))["id"]
    default = (await ask("prices", product=cafe, unit_amount=300, currency="eur"))["id"]
    await ask(f"products/{cafe}", default_price=default)
    world.front.sandbox.clock.advance(5)
    dearer = (await ask("prices", product=cafe, unit_amount=350, currency="eur"))["id"]
    team = (await ask("products", name="Anything", metadata={"code": "Teams!"}))["id"]
    await ask(f"products/{team}", name="Team")
    await ask("prices", product=team, unit_amount=2000, currency="usd", recurring={"interval": "month", "interval_count": 3})
    await ask("prices", product=team, unit_amount=1000, currency="jpy", recurring={"interval": "year"})
    metered = (await ask("prices", product=team, unit_amount=3, currency="usd", recurring={"interval": "day", "usage_type": "licensed"}))[
        "id"
    ]
    await ask(f"prices/{metered}", active=False)
    once = (await ask("prices", product=team, unit_amount=9, currency="usd"))["id"]
    await ask("products", name="Nothing for sale")
    left = (await ask("products", name="Left", active=False))["id"]
    await ask("prices", product=left, unit_amount=700, **month)
    world.front.sandbox.clock.advance(5)
    gift = (await ask("products", name="Team"))["id"]
    await ask("prices", product=gift, unit_amount=100, currency="usd")
    world.front.clear()
    return {"basic": basic, "old": old, "dearer": dearer, "once": once, "left": left}


async def test_what_is_sold_is_taken_over_and_pushing_it_changes_nothing(world: World, command: Command, tmp_path: Path) -> None:
    ids = await sell(world)
    file = tmp_path / "pulled.toml"
    done = await command.run("catalogue", "pull", "-o", str(file))
    assert (done.code, done.out, file.read_text(encoding="utf-8")) == (
        0,
        "",
        PULLED,
    )
    assert sorted(done.told.splitlines()) == sorted(
        [
            f"billgraph: {ids['dearer']} is kept for those who have it, and not offered: the plan has another price like it",
            f"billgraph: {ids['once']} is left out: plan teams is a subscription",
            "billgraph: 6 products read, 5 plans made of them, 9 prices taken over",
        ]
    )
    assert world.front.posted == []
    assert [(row.code, row.active) for row in await Plan.filter(stripe_product_id=ids["left"])] == [("left", False)]
    assert (await Price.get(stripe_price_id=ids["old"])).active is False
    assert {(row.actor, row.action) for row in await AuditEntry.all()} == {("cli", "plan.pull")}
    dry = await command.run("catalogue", "push", str(file), "--dry-run")
    pushed = await command.run("catalogue", "push", str(file), "--yes")
    assert (dry.code, pushed.code, pushed.out, world.front.posted) == (0, 0, "", [])

    before, entries = await catalogue(), await AuditEntry.all().count()
    again = await command.run("catalogue", "pull")
    assert (again.code, again.out, await catalogue()) == (0, PULLED, before)
    assert again.told.splitlines()[-1] == "billgraph: 6 products read, 0 plans made of them, 0 prices taken over"
    assert (await AuditEntry.all().count(), world.front.posted) == (entries, [])


async def test_what_was_taken_over_is_changed_and_its_subscribers_are_known(world: World, command: Command, tmp_path: Path) -> None:
    ids = await sell(world)
    await command.run("catalogue", "pull")
    changed = PULLED.replace('name = "Basic"', 'name = "Basic"\nfeatures = ["exports"]').replace("unit_amount = 500", "unit_amount = 600")
    assert (await command.run("catalogue", "push", written(tmp_path, changed), "--yes")).code == 0
    product = await world.billing.stripe.retrieve("product", ids["basic"])
    assert product is not None
    plan = await Plan.get(stripe_product_id=ids["basic"])
    prices = {row.unit_amount: (row.active, row.stripe_price_id) for row in await Price.filter(plan_id=plan.id)}
    assert {amount: active for amount, (active, _) in prices.items()} == {400: False, 500: False, 600: True}
    for amount, active in ((500, False), (600, True)):
        told = await world.billing.stripe.retrieve("price", str(prices[amount][1]))
        assert told is not None
        assert (told.object["active"], told.object["product"]) == (active, ids["basic"])

    buyer = await world.ask("customers", email="alice@example.test", metadata={})
    await Customer.create(external_id="alice", stripe_customer_id=buyer["id"])
    method = await world.ask("payment_methods/pm_card_visa/attach", customer=buyer["id"])
    made = await world.ask(
        "subscriptions", customer=buyer["id"], items=[{"price": str(prices[600][1])}], default_payment_method=method["id"]
    )
    read = await world.billing.stripe.retrieve("subscription", made["id"])
    assert read is not None
    assert await write(world.billing, read) is Outcome.PROCESSED
    row = await Subscription.get()
    assert (row.plan_id, row.status) == (plan.id, "ACTIVE")


async def test_an_event_does_not_offer_what_cannot_be_told_apart(world: World, command: Command) -> None:
    ids = await sell(world)
    await command.run("catalogue", "pull")
    world.front.sandbox.clock.advance(60)
    await world.ask(f"prices/{ids['dearer']}", nickname="dearer")
    await world.deliver()
    assert (await Price.get(stripe_price_id=ids["dearer"])).active is False


async def test_what_we_made_is_pulled_as_it_was_pushed(world: World, command: Command, tmp_path: Path) -> None:
    await command.run("catalogue", "push", written(tmp_path, EXAMPLE), "--yes")
    world.front.clear()
    before = await catalogue()
    pulled = await command.run("catalogue", "pull")
    assert (pulled.code, await catalogue(), world.front.posted) == (0, before, [])
    assert await steps(CatalogueFile(pulled.out)) == []


async def test_two_pulls_at_once_take_over_once(world: World, command: Command) -> None:
    await sell(world)
    held = Held(early=False)
    world.front.reads = [("/v1/products?", held)]
    first = await command.start("catalogue", "pull")
    await asyncio.wait_for(held.arrived.wait(), 60)
    second = await command.start("catalogue", "pull")
    assert second.process.stderr is not None
    assert await asyncio.wait_for(second.process.stderr.readline(), 60) == b"billgraph: waiting for another push or pull to end\n"
    held.released.set()
    assert [(await one.end()).out for one in (first, second)] == [PULLED, PULLED]
    assert (await Plan.all().count(), await AuditEntry.filter(action="plan.pull").count()) == (5, 5)


async def test_cut_off_it_is_gone_on_with(world: World, command: Command, tmp_path: Path) -> None:
    await sell(world)
    world.front.reads = [("/v1/prices?", error(402, "card_error", "no"))]
    file = tmp_path / "pulled.toml"
    cut = await command.run("catalogue", "pull", "-o", str(file))
    assert (cut.code, file.exists(), cut.told.splitlines()[-1]) == (1, False, "billgraph: cut off; go on: billgraph catalogue pull")
    assert (await command.run("catalogue", "pull", "-o", str(file))).code == 0
    assert file.read_text(encoding="utf-8") == PULLED == await rendered()
    nowhere = await command.run("catalogue", "pull", "-o", str(tmp_path / "none" / "pulled.toml"))
    assert (nowhere.code, nowhere.told.splitlines()[-1]) == (1, "billgraph: pulled.toml cannot be written: No such file or directory")


def price(**more: Any) -> Snapshot:
    given = {
        "id": "price_1",
        "object": "price",
        "active": True,
        "currency": "usd",
        "unit_amount": 500,
        "lookup_key": None,
        "recurring": None,
    }
    return Snapshot(given | more, 7)


def test_a_price_made_elsewhere_is_read_whole() -> None:
    rhythm = {"interval": "month", "interval_count": 2, "trial_period_days": 7, "usage_type": "licensed"}
    terms = PriceTerms("USD", 500, BillingInterval.MONTH, 2, 7)
    assert offer_of(price(recurring=rhythm, lookup_key="two")) == Offer("price_1", 7, terms, True, None, "two")
    assert offer_of(price(active=False)) == Offer("price_1", 7, PriceTerms("USD", 500), False, None, None)


def test_a_price_that_cannot_be_offered_is_kept_for_those_who_have_it() -> None:
    offer = offer_of(price(currency="kwd", unit_amount=1001))
    assert isinstance(offer, Offer)
    assert (offer.terms, offer.fault) == (PriceTerms("KWD", 1001), "An amount in KWD must be a multiple of 10 minor units.")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"unit_amount": None, "tiers_mode": "graduated"}, "it is not so much a piece"),
        ({"unit_amount": None}, "it is not so much a piece"),
        ({"custom_unit_amount": {"minimum": 1}}, "it is not so much a piece"),
        ({"transform_quantity": {"divide_by": 10, "round": "up"}}, "it is not so much a piece"),
        ({"recurring": {"interval": "month", "interval_count": 1, "usage_type": "metered"}}, "it is billed by what is used"),
        ({"recurring": {"interval": "decade", "interval_count": 1}}, "its interval is none that is known here"),
        ({"currency": "xxx"}, "its currency is none that is known here"),
    ],
)
def test_a_price_of_another_make_is_left_out(more: dict[str, Any], reason: str) -> None:
    assert offer_of(price(**more)) == reason
