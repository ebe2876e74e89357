"""The catalogue as Stripe tells of it: names, what is sold, promotion codes."""

from typing import Any

import pytest

from models import Customer, Plan, Price, PromotionCode
from services.billing import Billing
from services.differences import differences
from services.mirror import Outcome, write
from services.mirror.product import retire_product
from services.mirror.promotion_code import end_coupon
from services.mirror.settling import settle
from services.snapshot import Snapshot
from services.stripe_fields import UnknownShape
from tests.mirror.catalogue import Ids
from tests.mirror.objects import START, coupon, customer, price, product, promotion_code
from tests.mirror.rows import shown, values
from tests.mirror.shelf import Shelf


async def published(ids: Ids) -> None:
    await Plan.filter(id=ids.course).update(stripe_product_id="prod_1", published=True)
    await Price.filter(id=ids.once).update(published=True)


async def told(ids: Ids) -> list[Any]:
    return shown(await Plan.get(id=ids.course), "name", "description", "active", "stripe_version")


async def test_a_product_changed_at_stripe_changes_its_plan(billing: Billing, ids: Ids) -> None:
    await published(ids)
    changed = product(name="Course, again", description="Twelve lessons.", active=False)
    assert await write(billing, Snapshot(changed, START + 9)) is Outcome.PROCESSED
    assert await told(ids) == ["Course, again", "Twelve lessons.", False, START + 9]
    assert await write(billing, Snapshot(product(name="Older"), START + 8)) is Outcome.STALE
    assert (await told(ids))[0] == "Course, again"


async def test_a_change_of_ours_on_its_way_to_stripe_is_not_undone(billing: Billing, ids: Ids) -> None:
    await published(ids)
    await Plan.filter(id=ids.course).update(published=False)
    await Price.filter(id=ids.once).update(published=False, active=False)
    assert await write(billing, Snapshot(product(name="Theirs"), START + 9)) is Outcome.STALE
    assert await write(billing, Snapshot(price(), START + 9)) is Outcome.STALE
    assert ((await told(ids))[0], (await Price.get(id=ids.once)).active) == ("course", False)


async def test_a_product_that_is_deleted_is_sold_no_more(billing: Billing, ids: Ids) -> None:
    await published(ids)
    assert await settle(billing.stripe, lambda known: retire_product(Snapshot(product(), START + 9), known)) is Outcome.PROCESSED
    assert (await told(ids))[2:] == [False, START + 9]
    assert (await Plan.get(id=ids.course)).stripe_product_id is None
    late = product(metadata={"billgraph_id": ids.course})
    assert await write(billing, Snapshot(late, START + 8)) is Outcome.STALE
    assert (await told(ids))[2:] == [False, START + 9]


async def test_a_deletion_in_the_second_of_a_change_is_believed_since_nothing_is_left_to_read(
    billing: Billing, ids: Ids, shelf: Shelf
) -> None:
    await published(ids)
    await write(billing, Snapshot(product(name="Last name"), START + 9))
    assert await settle(billing.stripe, lambda known: retire_product(Snapshot(product(), START + 9), known)) is Outcome.PROCESSED
    assert (await told(ids))[2:] == [False, START + 9]
    assert shelf.read == ["/v1/products/prod_1"]


async def test_a_reading_that_shows_it_alive_outdoes_the_word_of_its_deletion(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    """A thin event is told by a reading; ids of products and coupons may be used again."""
    await published(ids)
    shelf.put(coupon())
    await write(billing, Snapshot(promotion_code(), START + 9))
    alive = [Snapshot(product(name="Again"), START + 60, read=True), Snapshot(coupon(), START + 10**6, read=True)]
    assert await settle(billing.stripe, lambda known: retire_product(alive[0], known)) is Outcome.PROCESSED
    assert await settle(billing.stripe, lambda known: end_coupon(alive[1], known)) is Outcome.IGNORED
    assert (await told(ids))[:3] == ["Again", None, True]
    assert (await PromotionCode.get()).active is True


async def test_the_late_end_of_a_coupon_leaves_the_codes_of_its_successor(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    shelf.put(coupon())
    shelf.now = START + 30
    await write(billing, Snapshot(promotion_code(), START + 29))
    assert await settle(billing.stripe, lambda known: end_coupon(Snapshot(coupon(), START + 20), known)) is Outcome.IGNORED
    assert shown(await PromotionCode.get(), "active", "stripe_coupon_id") == [True, "SUMMER"]


async def test_what_the_end_of_a_coupon_would_change_is_told_beforehand(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    shelf.put(coupon())
    shelf.now = START + 9
    await write(billing, Snapshot(promotion_code(), START + 9))
    ended = Snapshot(coupon(), START + 20)
    outcome, found = await differences(billing.stripe, lambda known: end_coupon(ended, known), dry=True)
    assert (outcome, [(one.column, one.before, one.after) for one in found]) == (
        Outcome.PROCESSED,
        [("active", True, False), ("stripe_coupon_id", "SUMMER", None)],
    )
    assert (await PromotionCode.get()).active is True


async def test_a_product_and_a_price_are_known_by_our_ids_too(billing: Billing, ids: Ids) -> None:
    await Plan.filter(id=ids.course).update(published=True)
    await Price.filter(id=ids.once).update(published=True, stripe_price_id=None)
    await write(billing, Snapshot(product(metadata={"billgraph_id": ids.course}), START + 9))
    await write(billing, Snapshot(price(id="price_9", metadata={"billgraph_id": ids.once}), START + 9))
    assert (await Plan.get(id=ids.course)).stripe_product_id == "prod_1"
    assert (await Price.get(id=ids.once)).stripe_price_id == "price_9"


async def test_a_price_that_is_archived_is_offered_no_more_and_costs_what_it_did(billing: Billing, ids: Ids) -> None:
    await published(ids)
    assert await write(billing, Snapshot(price(active=False, unit_amount=1), START + 9)) is Outcome.PROCESSED
    assert shown(await Price.get(id=ids.once), "active", "unit_amount") == [False, 4900]


@pytest.mark.parametrize("thing", [product(id="prod_x"), price(id="price_x"), product(id="p", metadata={"billgraph_id": "plan_x"})])
async def test_strangers_of_the_same_account_are_ignored(billing: Billing, ids: Ids, thing: dict[str, Any]) -> None:
    await published(ids)
    before = [values(row) for row in [*await Plan.all().order_by("id"), *await Price.all().order_by("id")]]
    assert await write(billing, Snapshot(thing, START + 9)) is Outcome.IGNORED
    assert [values(row) for row in [*await Plan.all().order_by("id"), *await Price.all().order_by("id")]] == before


async def test_a_product_without_name_is_refused(billing: Billing, ids: Ids) -> None:
    await published(ids)
    with pytest.raises(UnknownShape, match="`name` is not a string"):
        await write(billing, Snapshot(product(name=None), START + 9))
    assert (await told(ids))[0] == "course"


async def test_a_promotion_code_is_kept_with_the_terms_of_its_coupon(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    shelf.put(coupon())
    assert await write(billing, Snapshot(promotion_code(), START + 9)) is Outcome.PROCESSED
    row = await PromotionCode.get()
    assert shown(row, "code", "active", "percent_off", "amount_off", "currency", "duration") == ["SUMMER12", True, 12.5, None, None, "ONCE"]
    assert shown(row, "max_redemptions", "times_redeemed", "product_ids", "customer_id") == [10, 0, [], None]
    assert shown(row, "stripe_promotion_code_id", "stripe_coupon_id", "stripe_version") == ["promo_1", "SUMMER", START + 9]
    assert await write(billing, Snapshot(promotion_code(times_redeemed=10, active=False), START + 10)) is Outcome.PROCESSED
    assert await write(billing, Snapshot(promotion_code(times_redeemed=1), START + 9)) is Outcome.STALE
    assert shown(await PromotionCode.get(), "active", "times_redeemed") == [False, 10]


async def test_an_older_version_s_code_carries_its_coupon_at_the_top(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    shelf.put(coupon(amount_off=500, currency="jpy", percent_off=None, duration="repeating", duration_in_months=3))
    old = {name: value for name, value in promotion_code().items() if name != "promotion"} | {"coupon": coupon()}
    await write(billing, Snapshot(old, START + 9))
    row = await PromotionCode.get()
    assert shown(row, "amount_off", "currency", "percent_off", "duration", "duration_in_months") == [500, "JPY", None, "REPEATING", 3]


@pytest.mark.parametrize(
    ("code", "worth"),
    [
        (promotion_code(), coupon(applies_to={"products": ["prod_other"]})),
        (promotion_code(customer="cus_other"), coupon()),
        (promotion_code(), None),
    ],
    ids=["for other products", "for another customer", "its coupon is gone"],
)
async def test_a_code_for_others_is_ignored(
    billing: Billing, ids: Ids, shelf: Shelf, code: dict[str, Any], worth: dict[str, Any] | None
) -> None:
    await published(ids)
    if worth is not None:
        shelf.put(worth)
    shelf.put(customer(id="cus_other"))
    assert await write(billing, Snapshot(code, START + 9)) is Outcome.IGNORED
    assert (await PromotionCode.all().count(), await Customer.all().count()) == (0, 1)


async def test_a_code_for_a_product_or_a_customer_of_ours_is_kept(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    await published(ids)
    shelf.put(coupon(applies_to={"products": ["prod_other", "prod_1"]}))
    await write(billing, Snapshot(promotion_code(customer="cus_1"), START + 9))
    assert shown(await PromotionCode.get(), "product_ids", "customer_id") == [["prod_other", "prod_1"], ids.customer]


async def test_the_end_of_a_coupon_closes_its_codes_for_good(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    shelf.put(coupon())
    shelf.now = START + 9
    await write(billing, Snapshot(promotion_code(), START + 9))
    await write(billing, Snapshot(promotion_code(id="promo_2", code="B"), START + 9))
    ended = Snapshot(coupon(), START + 20)
    assert await settle(billing.stripe, lambda known: end_coupon(ended, known)) is Outcome.PROCESSED
    await write(billing, Snapshot(promotion_code(times_redeemed=3), START + 15))
    rows = await PromotionCode.all().order_by("stripe_promotion_code_id")
    assert [shown(row, "active", "times_redeemed") for row in rows] == [[False, 3], [False, 0]]
    assert await settle(billing.stripe, lambda known: end_coupon(ended, known)) is Outcome.IGNORED


@pytest.mark.parametrize("percent", [0, 101, "12", True])
async def test_a_coupon_worth_nonsense_is_refused(billing: Billing, ids: Ids, shelf: Shelf, percent: Any) -> None:
    shelf.put(coupon(percent_off=percent))
    with pytest.raises(UnknownShape, match="`percent_off` is not a percentage"):
        await write(billing, Snapshot(promotion_code(), START + 9))
    assert await PromotionCode.all().count() == 0
