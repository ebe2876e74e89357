"""Plans saved and archived by administrators: who holds them keeps what was bought, and gets what is new."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models import ENDLESS, AuditEntry, Checkpoint, Entitlement, OutboxEntry, Plan, Price, Subscription
from services import holders
from services.audit import Caller
from services.authentication import Role, Viewer
from services.billing import Billing
from services.catalogue import PriceTerms, archive, save
from services.checkout import create_checkout_session
from services.errors import InvalidInput, NotFound, PlanInactive, PriceUnavailable, Refusal, StripeUnavailable
from services.mirror import Outcome, write
from services.recovery import finish_pending
from services.snapshot import Snapshot
from services.stripe_gateway import MAX_TRIES
from tests.services.between import Between, afterwards, instead
from tests.services.shop import ALICE, BOB, COURSE, PRO, checkout, listed, paid, price_of, subscribed
from tests.services.test_duplicates import MONTHLY, opened, submit, tell, told, work

ADMIN = Caller(Viewer("ada", "ada@example.test", frozenset({Role.CUSTOMER, Role.ADMIN})), "request-9")
NOW = timedelta(0)


async def rows() -> list[Any]:
    return [*await Plan.all().order_by("id").values(), *await Price.all().order_by("id").values(), await AuditEntry.all().count()]


async def subscribed_by_checkout(shop: Billing, stripe: Between) -> Subscription:
    session = await opened(shop, **MONTHLY)
    await submit(stripe, session)
    await told(shop, session)
    await work(shop)
    return await Subscription.get()


async def rights(**of: Any) -> dict[str, tuple[bool, str | None]]:
    return {row.feature: (row.active_until == ENDLESS, row.revoked_reason) for row in await Entitlement.filter(**of)}


async def test_a_new_plan_is_audited_whole(billing: Billing, stripe: Between) -> None:
    terms = replace(PRO, plan_group="main", credit_days=31, prices=(PriceTerms("USD", 900, PRO.prices[0].interval, 1, 7, 12),))
    done = await save(billing, ADMIN, terms, "key")
    entry, plan, price = await AuditEntry.get(), await Plan.get(), await Price.get()
    assert (entry.action, entry.actor, entry.object_id, entry.request_id) == ("plan.save", "ADMIN:ada", plan.id, "request-9")
    assert entry.changes == {
        "code": "pro",
        "name": [None, "Pro"],
        "plan_group": [None, "main"],
        "credits": [None, 40],
        "credit_days": [None, 31],
        "features": [None, ["export", "support"]],
        "repeatable": [None, False],
        "active": [None, True],
        "offered": [["USD", 900, "MONTH", 1, 7, 12]],
    }
    assert (plan.plan_group, plan.credit_days, price.instalments, price.trial_days, price.published) == ("main", 31, 12, 7, True)
    stripe.clear()
    before = await rows()
    assert (await save(billing, ADMIN, terms, "key")).object_id == done.object_id == plan.id
    assert (await save(billing, ADMIN, terms, "another")).object_id == plan.id
    assert (await rows(), stripe.posted) == (before, [])


async def test_another_price_is_a_new_one_and_subscribers_keep_theirs(shop: Billing, stripe: Between) -> None:
    row = await subscribed_by_checkout(shop, stripe)
    stripe.clear()
    dearer = replace(PRO, prices=(replace(PRO.prices[0], unit_amount=2_900), replace(PRO.prices[1], instalments=3), PRO.prices[2]))
    await save(shop, ADMIN, dearer, None)
    assert [path for path, _ in stripe.posted][:2] == ["/v1/prices", "/v1/prices"]
    assert len(stripe.posted) == 4
    offered = {(price.unit_amount, price.interval, price.instalments, price.active) for price in await Price.filter(plan_id=row.plan_id)}
    assert offered == {
        (1_900, "MONTH", None, False),
        (2_900, "MONTH", None, True),
        (19_000, "YEAR", None, False),
        (19_000, "YEAR", 3, True),
        (2_800, "MONTH", None, True),
    }
    at_stripe = await shop.stripe.retrieve("subscription", row.stripe_subscription_id)
    assert at_stripe is not None
    await write(shop, at_stripe)
    kept = await Subscription.get()
    price = await Price.get(id=str(kept.price_id))
    assert (kept.price_id, price.unit_amount, price.active) == (row.price_id, 1_900, False)
    with pytest.raises(PriceUnavailable):
        await create_checkout_session(shop, ALICE, checkout(price_id=price.id))
    entry = await AuditEntry.get(action="plan.save")
    assert entry.changes["withdrawn"] == [["USD", 1_900, "MONTH", 1, None, None], ["USD", 19_000, "YEAR", 1, 14, None]]
    await save(shop, ADMIN, PRO, None)


async def test_terms_of_before_are_offered_again_by_the_same_price(billing: Billing, stripe: Between) -> None:
    await save(billing, ADMIN, COURSE, None)
    first = await price_of("course", "USD")
    await save(billing, ADMIN, replace(COURSE, prices=(PriceTerms("USD", 59_900), *COURSE.prices[1:])), None)
    await save(billing, ADMIN, COURSE, None)
    again = await Price.get(unit_amount=49_900)
    assert (again.id, again.active, again.published, again.stripe_price_id) == (first.id, True, True, first.stripe_price_id)
    read = await billing.stripe.retrieve("price", str(first.stripe_price_id))
    assert read is not None
    assert (read.object["active"], await Price.filter(active=True).count(), await Price.all().count()) == (True, 3, 4)


async def test_a_price_deleted_there_is_made_anew_when_it_shall_be_offered(billing: Billing, stripe: Between) -> None:
    await save(billing, ADMIN, COURSE, None)
    gone = await price_of("course", "USD")
    await write(billing, Snapshot({"object": "price", "id": gone.stripe_price_id, "active": False}, gone.stripe_version + 60))
    await Price.filter(id=gone.id).update(stripe_price_id="price_gone", stripe_version=0)
    assert (await Price.get(id=gone.id)).active is False
    await save(billing, ADMIN, COURSE, None)
    fresh = await Price.get(plan_id=gone.plan_id, currency="USD", active=True)
    assert fresh.id != gone.id
    assert (fresh.unit_amount, fresh.published, (await Price.get(id=gone.id)).active) == (49_900, True, False)
    read = await billing.stripe.retrieve("price", str(fresh.stripe_price_id))
    assert read is not None
    assert read.object["lookup_key"] == fresh.id


async def test_features_reach_subscribers_and_removed_ones_stay_for_the_period(shop: Billing, stripe: Between) -> None:
    row = await subscribed_by_checkout(shop, stripe)
    course = await paid(shop)
    await save(shop, ADMIN, replace(PRO, features=("export", "api")), None)
    await save(shop, ADMIN, replace(COURSE, features=("course", "forum")), None)
    assert await rights(subscription_id=row.id) == {"export": (True, None), "support": (True, None)}
    await work(shop)
    assert await rights(subscription_id=row.id) == {"export": (True, None), "support": (False, "feature_removed"), "api": (True, None)}
    removed = await Entitlement.get(subscription_id=row.id, feature="support")
    assert removed.active_until == row.current_period_end
    assert await rights(payment_id=course.id) == {"course": (True, None), "export": (True, None)}
    await tell(shop, "payment_intent", str(course.stripe_payment_intent_id))
    assert await rights(payment_id=course.id) == {"course": (True, None), "export": (True, None)}

    stripe.sandbox.clock.advance(1)
    await tell(shop, "subscription", row.stripe_subscription_id)
    assert (await Entitlement.get(id=removed.id)).active_until == row.current_period_end
    await save(shop, ADMIN, PRO, None)
    await work(shop)
    assert await rights(subscription_id=row.id) == {"export": (True, None), "support": (True, None), "api": (False, "feature_removed")}

    await shop.stripe.call("cancel", lambda client: client.v1.subscriptions.cancel_async(row.stripe_subscription_id))
    await tell(shop, "subscription", row.stripe_subscription_id)
    assert await rights(subscription_id=row.id) == dict.fromkeys(("export", "support", "api"), (False, "canceled"))
    assert await Entitlement.filter(subscription_id=row.id, active_until__gt=datetime.now(UTC)).count() == 0
    await save(shop, ADMIN, COURSE, None)


async def test_many_subscribers_are_reached_in_bounded_rounds(shop: Billing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holders, "BATCH", 2)
    customer = await paid(shop, BOB)
    ids = [(await subscribed(BOB, str(customer.customer_id), stripe_id=f"sub_many_{number}")).id for number in range(5)]
    ended = await subscribed(BOB, str(customer.customer_id), "CANCELED", "sub_many_ended")
    await Plan.filter(code="pro").update(features=[])
    plan = await Plan.get(code="pro")
    await save(shop, ADMIN, replace(PRO, features=("a",)), None)
    for reached in (2, 4):
        await holders.apply_features(shop, plan.id)
        assert await Entitlement.filter(feature="a").count() == reached
    assert (await Checkpoint.get()).position == {"after": ids[3], "features": ["a"]}
    await save(shop, ADMIN, replace(PRO, features=("a", "b")), None)
    await work(shop)
    assert await Entitlement.filter(feature="b").count() == await Entitlement.filter(feature="a").count() == 5
    assert (await Entitlement.filter(subscription_id=ended.id).count(), await Checkpoint.all().count()) == (0, 0)
    await save(shop, ADMIN, PRO, None)


async def test_an_archived_plan_is_not_sold_and_stays_with_who_holds_it(shop: Billing, stripe: Between) -> None:
    row = await subscribed_by_checkout(shop, stripe)
    plan = await Plan.get(code="pro")
    prices = [price.id for price in await Price.filter(plan_id=plan.id, active=True)]
    for key in ("key", "key", None):
        assert (await archive(shop, ADMIN, "pro", key)).object_id == plan.id
    entry = await AuditEntry.get(action="plan.archive")
    assert (entry.actor, entry.object_id, entry.changes["active"], len(entry.changes["withdrawn"])) == (
        "ADMIN:ada",
        plan.id,
        [True, False],
        3,
    )
    assert ((await Plan.get(id=plan.id)).active, await Price.filter(plan_id=plan.id, active=True).count()) == (False, 0)
    product = await shop.stripe.retrieve("product", str(plan.stripe_product_id))
    price = await shop.stripe.retrieve("price", str((await Price.get(id=prices[0])).stripe_price_id))
    assert product is not None
    assert price is not None
    assert (product.object["active"], price.object["active"]) == (False, False)
    with pytest.raises(PlanInactive):
        await create_checkout_session(shop, ALICE, checkout(**MONTHLY))
    await tell(shop, "subscription", row.stripe_subscription_id)
    assert (await Subscription.get()).status == "ACTIVE"
    assert await rights(subscription_id=row.id) == {"export": (True, None), "support": (True, None)}
    await save(shop, ADMIN, PRO, None)
    assert (await Plan.get(id=plan.id)).active is True
    assert sorted([price.id for price in await Price.filter(plan_id=plan.id, active=True)]) == sorted(prices)


@pytest.mark.parametrize(
    ("work_of", "kind", "field"),
    [
        (lambda billing: save(billing, ADMIN, replace(PRO, code="course"), "key"), InvalidInput, ("kind",)),
        (lambda billing: save(billing, ADMIN, replace(PRO, seller_id="sel_unknown"), "key"), NotFound, ("sellerId",)),
        (lambda billing: save(billing, ADMIN, replace(PRO, repeatable=True), "key"), InvalidInput, ("repeatable",)),
        (lambda billing: save(billing, ADMIN, replace(COURSE, plan_group="main"), "key"), InvalidInput, ("planGroup",)),
        (lambda billing: save(billing, ADMIN, replace(PRO, features=("a", "a")), "key"), InvalidInput, ("features",)),
        (
            lambda billing: save(billing, ADMIN, replace(PRO, prices=(replace(PRO.prices[0], instalments=0),)), "key"),
            InvalidInput,
            ("prices", "0", "instalments"),
        ),
        (lambda billing: save(billing, ADMIN, replace(COURSE, prices=(PriceTerms("USD", 900, instalments=3),)), "key"), InvalidInput, None),
        (lambda billing: archive(billing, ADMIN, "nothing", "key"), NotFound, ("code",)),
        (lambda billing: archive(billing, ADMIN, "", "key"), InvalidInput, ("code",)),
    ],
)
async def test_refusals_change_nothing(shop: Billing, stripe: Between, work_of: Any, kind: type[Refusal], field: tuple[str, ...]) -> None:
    before = await rows()
    for _ in range(2):
        with pytest.raises(kind) as refused:
            await work_of(shop)
        assert refused.value.field == (field or ("prices", "0", "instalments"))
    assert (await rows(), stripe.posted, await OutboxEntry.all().count()) == (before, [], 0)


@pytest.mark.parametrize("fault", [instead(502), afterwards(502)], ids=["never arrived", "answer lost"])
@pytest.mark.parametrize("path", ["/products", "/prices"])
async def test_what_was_cut_off_is_finished_by_the_same_key_or_the_worker(billing: Billing, stripe: Between, path: str, fault: Any) -> None:
    for again in ("key", "worker"):
        terms = replace(COURSE, code=f"course-{again}")
        stripe.faults = [(path, fault)] * MAX_TRIES
        with pytest.raises(StripeUnavailable):
            await save(billing, ADMIN, terms, again)
        stripe.faults = []
        plan = await Plan.get(code=terms.code)
        if again == "key":
            assert (await save(billing, ADMIN, terms, "key")).object_id == plan.id
        else:
            assert await finish_pending(billing, NOW) == 1
        assert await Price.filter(published=False).count() == await Plan.filter(published=False).count() == 0
        found = {one["id"] for one in await listed(billing, "price", product=plan.id)}
        assert found == {price.stripe_price_id for price in await Price.filter(plan_id=plan.id)}
        assert await AuditEntry.filter(object_id=plan.id).count() == 1


async def test_two_who_save_at_once_make_one_plan(billing: Billing, stripe: Between) -> None:
    other = replace(COURSE, name="Another name", prices=(PriceTerms("USD", 1_000),))
    await asyncio.gather(*(save(billing, ADMIN, terms, None) for terms in (COURSE, other, COURSE, other)))
    plan = await Plan.get()
    wanted = next(terms for terms in (COURSE, other) if terms.name == plan.name)
    active = await Price.filter(active=True).order_by("id")
    assert sorted(price.unit_amount for price in active) == sorted(price.unit_amount for price in wanted.prices)
    product = await billing.stripe.retrieve("product", plan.id)
    assert product is not None
    assert (product.object["name"], plan.published, await Price.filter(published=False).count()) == (plan.name, True, 0)


async def test_a_change_in_the_dashboard_is_set_again_by_saving_and_our_own_events_change_nothing(
    billing: Billing, stripe: Between
) -> None:
    await save(billing, ADMIN, COURSE, None)
    plan, price = await Plan.get(), await price_of("course", "USD")
    stripe.sandbox.clock.advance(60)
    renamed: Any = {"name": "By hand"}
    await billing.stripe.call("product.update", lambda client: client.v1.products.update_async(plan.id, renamed))
    await billing.stripe.call("price.update", lambda client: client.v1.prices.update_async(str(price.stripe_price_id), {"active": False}))
    await tell(billing, "product", plan.id)
    await tell(billing, "price", str(price.stripe_price_id))
    assert ((await Plan.get()).name, (await Price.get(id=price.id)).active) == ("By hand", False)
    stripe.sandbox.clock.advance(60)
    await save(billing, ADMIN, COURSE, None)
    entry = await AuditEntry.filter(action="plan.save").order_by("-id").first()
    assert entry is not None
    assert entry.changes == {"code": "course", "name": ["By hand", "Course"], "offered": [["USD", 49_900, None, None, None, None]]}
    before = await rows()
    for kind, stripe_id in (("product", plan.id), ("price", str(price.stripe_price_id))):
        read = await billing.stripe.retrieve(kind, stripe_id)
        assert read is not None
        assert await write(billing, Snapshot(read.object, read.version)) in {Outcome.STALE, Outcome.PROCESSED}
    after = await rows()
    same = [{name: value for name, value in row.items() if name != "stripe_version"} if isinstance(row, dict) else row for row in after]
    assert same == [{n: v for n, v in row.items() if n != "stripe_version"} if isinstance(row, dict) else row for row in before]
