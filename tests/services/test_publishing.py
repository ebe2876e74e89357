"""What is saved here is brought to Stripe, whatever is cut off or comes between, and what Stripe says meanwhile does not undo it."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from models import Plan, Price
from services import stripe_gateway
from services.billing import Billing
from services.catalogue import save_plan
from services.errors import StripeRejected, StripeUnavailable
from services.mirror import Outcome, write
from services.publication import DELETED, publish, stripe_id_of
from services.recovery import finish_pending
from services.snapshot import Snapshot
from services.stripe_gateway import MAX_TRIES
from tests.services.between import Between, Fault, Held, afterwards, instead
from tests.services.shop import COURSE, PRO, price_of

NOW = timedelta(0)
RENAMED = replace(COURSE, name="Course, second edition", description="Twelve lessons.", active=False)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe_gateway, "FIRST_PAUSE", 0.001)


async def at_stripe(billing: Billing, kind: str, stripe_id: str | None, *names: str) -> list[Any]:
    found = await billing.stripe.retrieve(kind, str(stripe_id))
    assert found is not None
    return [found.object[name] for name in names]


async def product(billing: Billing, plan_id: str) -> list[Any]:
    return await at_stripe(billing, "product", plan_id, "name", "description", "active")


async def assert_published() -> None:
    rows: list[Plan | Price] = [*await Plan.all(), *await Price.all()]
    assert {row.published for row in rows} == {True}


async def test_a_new_plan_is_made_with_all_that_is_shown_and_needs_no_second_word(billing: Billing, stripe: Between) -> None:
    plan = await save_plan(billing, RENAMED)
    assert await product(billing, plan) == ["Course, second edition", "Twelve lessons.", False]
    assert [path for path, _ in stripe.posted] == ["/v1/products", "/v1/prices", "/v1/prices", "/v1/prices"]
    await assert_published()


async def test_a_change_is_brought_there_once(billing: Billing, stripe: Between) -> None:
    plan = await save_plan(billing, COURSE)
    stripe.clear()
    await save_plan(billing, RENAMED)
    assert await product(billing, plan) == ["Course, second edition", "Twelve lessons.", False]
    await save_plan(billing, COURSE)
    assert await product(billing, plan) == ["Course", None, True]
    await save_plan(billing, COURSE)
    assert [path for path, _ in stripe.posted] == [f"/v1/products/{plan}"] * 2
    await assert_published()


async def test_a_price_that_is_dropped_is_archived_there(billing: Billing, stripe: Between) -> None:
    await save_plan(billing, COURSE)
    kept, dropped = await price_of("course", "USD"), await price_of("course", "JPY")
    await save_plan(billing, replace(COURSE, prices=COURSE.prices[:1]))
    assert await at_stripe(billing, "price", kept.stripe_price_id, "active") == [True]
    assert await at_stripe(billing, "price", dropped.stripe_price_id, "active") == [False]
    await assert_published()


@pytest.mark.parametrize("fault", [instead(502), afterwards(502)], ids=["never arrived", "answer lost"])
async def test_what_was_cut_off_is_brought_by_the_worker(billing: Billing, stripe: Between, fault: Fault) -> None:
    plan = await save_plan(billing, COURSE)
    stripe.faults = [(f"/products/{plan}", fault)] * MAX_TRIES
    with pytest.raises(StripeUnavailable):
        await save_plan(billing, RENAMED)
    assert (await Plan.get()).published is False
    assert await finish_pending(billing, timedelta(hours=1)) == 0
    assert await finish_pending(billing, NOW) == 1
    assert await product(billing, plan) == ["Course, second edition", "Twelve lessons.", False]
    await assert_published()
    stripe.clear()
    assert (await finish_pending(billing, NOW), stripe.posted) == (0, [])


async def test_rows_of_before_are_brought_there_once(shop: Billing, stripe: Between) -> None:
    """What the migration finds counts as not published."""
    await Plan.all().update(published=False, stripe_version=0)
    await Price.all().update(published=False, stripe_version=0)
    assert await finish_pending(shop, NOW) == 3
    told = {*await Plan.all().values_list("stripe_product_id", flat=True), *await Price.all().values_list("stripe_price_id", flat=True)}
    assert sorted(path.rsplit("/", 1)[1] for path, _ in stripe.posted) == sorted(map(str, told))
    assert (await Plan.filter(stripe_version=0).count(), await Price.filter(stripe_version=0).count()) == (0, 0)
    await assert_published()
    stripe.clear()
    assert (await finish_pending(shop, NOW), stripe.posted) == (0, [])


async def test_one_plan_that_stripe_refuses_keeps_no_other_back(shop: Billing, stripe: Between) -> None:
    await Plan.all().update(published=False)
    refused = await Plan.get(code="pro")
    body = '{"error": {"type": "invalid_request_error", "message": "no"}}'
    stripe.faults = [(f"/products/{refused.id}", instead(400, body, content_type="application/json"))]
    assert await finish_pending(shop, NOW) == 2
    assert [row.code for row in await Plan.filter(published=False)] == ["pro"]
    assert await finish_pending(shop, NOW) == 1
    await assert_published()


async def test_a_product_found_there_is_told_what_was_saved_since(billing: Billing, stripe: Between) -> None:
    stripe.faults = [("/prices", instead(502))] * MAX_TRIES
    with pytest.raises(StripeUnavailable):
        await save_plan(billing, COURSE)
    await Plan.all().update(stripe_product_id=None)
    plan = await save_plan(billing, RENAMED)
    assert await product(billing, plan) == ["Course, second edition", "Twelve lessons.", False]
    await assert_published()


async def test_a_slow_word_is_followed_by_the_newer_one(billing: Billing, stripe: Between) -> None:
    plan = await save_plan(billing, COURSE)
    held = Held(early=False)
    stripe.faults = [(f"/products/{plan}", held)]
    first = asyncio.create_task(save_plan(billing, replace(COURSE, name="First")))
    await held.arrived.wait()
    second = asyncio.create_task(save_plan(billing, replace(COURSE, name="Second")))
    while await Plan.filter(name="Second").count() == 0:  # noqa: ASYNC110 - the row is what the other task writes
        await asyncio.sleep(0)
    assert (await Plan.get()).published is False
    held.released.set()
    await asyncio.gather(first, second)
    assert (await product(billing, plan))[0] == "Second"
    assert ((await Plan.get()).name, (await Plan.get()).published) == ("Second", True)


async def test_a_word_of_another_process_that_came_later_is_followed_by_ours(billing: Billing, stripe: Between) -> None:
    """Turns are taken within one process; across processes the slower one sees that the row is another by now."""
    plan = await save_plan(billing, COURSE)
    held = Held(early=False)
    stripe.faults = [(f"/products/{plan}", held)]
    slow = asyncio.create_task(save_plan(billing, replace(COURSE, name="Slow")))
    await held.arrived.wait()
    await Plan.all().update(name="Quick", published=True)
    held.released.set()
    await slow
    assert (await Plan.get()).published is False
    assert await finish_pending(billing, NOW) == 1
    assert (await product(billing, plan))[0] == "Quick"


async def test_a_price_withdrawn_while_it_is_made_is_withdrawn_there(billing: Billing, stripe: Between) -> None:
    held = Held(early=False)
    stripe.faults = [("/prices", held)]
    saving = asyncio.create_task(save_plan(billing, replace(COURSE, prices=COURSE.prices[:1])))
    await held.arrived.wait()
    await Price.all().update(active=False, published=True)
    row = await Price.get()
    made = await billing.stripe.call("list", lambda client: client.v1.prices.list_async({"lookup_keys": [row.id]}))
    assert await write(billing, Snapshot(made.object["data"][0], made.version)) is Outcome.PROCESSED
    assert ((await Price.get()).active, (await Price.get()).published) == (False, False)
    held.released.set()
    await saving
    await publish(billing, row.plan_id)
    after = await Price.get()
    assert (after.active, after.published) == (False, True)
    assert await at_stripe(billing, "price", after.stripe_price_id, "active") == [False]


async def test_an_event_while_a_change_is_on_its_way_does_not_undo_it(billing: Billing, stripe: Between) -> None:
    plan = await save_plan(billing, COURSE)
    before = await billing.stripe.retrieve("product", plan)
    assert before is not None
    stripe.faults = [(f"/products/{plan}", instead(502))] * MAX_TRIES
    with pytest.raises(StripeUnavailable):
        await save_plan(billing, RENAMED)
    assert await write(billing, Snapshot(before.object, before.version + 1)) is Outcome.STALE
    assert (await Plan.get()).name == "Course, second edition"
    await publish(billing, plan)
    assert (await product(billing, plan))[0] == "Course, second edition"
    assert await write(billing, Snapshot(before.object, before.version - 1)) is Outcome.STALE
    assert (await Plan.get()).name == "Course, second edition"


async def test_a_product_deleted_there_ends_the_plan_and_is_made_anew_when_saved_again(billing: Billing, stripe: Between) -> None:
    bare = replace(COURSE, prices=())
    plan = await save_plan(billing, bare)
    parameters: Any = {"id": plan, "name": "Course"}
    await billing.stripe.call("product.create", lambda client: client.v1.products.create_async(parameters))
    await Plan.all().update(stripe_product_id=plan)
    await billing.stripe.call("product.delete", lambda client: client.v1.products.delete_async(plan))
    with pytest.raises(StripeRejected, match="deleted at Stripe") as refused:
        await save_plan(billing, replace(bare, name="Course, again"))
    assert refused.value.message == DELETED
    row = await Plan.get()
    assert (row.active, row.stripe_product_id, row.published) == (False, None, True)
    assert await finish_pending(billing, NOW) == 0

    await save_plan(billing, COURSE)
    again = await Plan.get()
    assert (again.active, again.published, again.stripe_product_id) == (True, True, f"{plan}_{row.stripe_version}")
    assert await at_stripe(billing, "product", again.stripe_product_id, "name", "metadata") == ["Course", {"billgraph_id": plan}]
    assert await Price.filter(stripe_price_id=None).count() == 0


async def test_racing_buyers_make_one_product_and_one_price(billing: Billing, stripe: Between) -> None:
    stripe.faults = [("/prices", instead(502))] * MAX_TRIES
    with pytest.raises(StripeUnavailable):
        await save_plan(billing, PRO)
    price = await price_of("pro", "USD", "MONTH")
    stripe.clear()
    ids = await asyncio.gather(*(stripe_id_of(billing, price.id) for _ in range(5)))
    assert (len(set(ids)), [path for path, _ in stripe.posted]) == (1, ["/v1/prices"])
