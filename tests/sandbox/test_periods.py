"""Changes that begin a period, a trial or an end: what is billed with them, and what their previews say."""

from typing import Any

import pytest
import stripe

from tests.sandbox.changing import CREATE, NONE, NOW, Change, amounts, price, told
from tests.sandbox.served import Shop

DAY = 86400


@pytest.fixture
async def change(shop: Shop) -> Change:
    return Change(shop, await shop.subscribed())


@pytest.mark.parametrize("behaviour", [CREATE, NOW, NONE])
async def test_the_anchor_moves_to_now(shop: Shop, change: Change, behaviour: str) -> None:
    await shop.served.sandbox.engine.advance(9 * DAY)
    asked: Any = {"billing_cycle_anchor": {"type": "now"}, "proration_behavior": behaviour}
    asked |= {} if behaviour == NONE else {"proration_date": change.at}
    foreseen = await change.preview(asked)
    changed = await change.make(asked)
    item = changed["items"].data[0]
    assert changed.billing_cycle_anchor == item.current_period_start > change.start + 9 * DAY - 1
    assert 28 * DAY <= item.current_period_end - item.current_period_start <= 31 * DAY
    billed = (await change.invoices())[0]
    back = [] if behaviour == NONE else [(f"Unused time on Plan after {change.day}", -change.part(1500))]
    assert amounts(billed) == amounts(foreseen) == [*back, ("1 x Plan", 1500)]
    assert (billed.status, billed.billing_reason, billed.amount_paid) == ("paid", "subscription_update", foreseen.amount_due)


async def test_an_unchanged_anchor_bills_nothing(change: Change) -> None:
    changed = await change.make({"billing_cycle_anchor": {"type": "unchanged"}})
    assert (changed["items"].data[0].current_period_end, len(await change.invoices())) == (change.end, 1)


async def test_a_period_begins_when_what_was_free_costs_something(shop: Shop) -> None:
    free = await price(shop, 0)
    given: Any = {"customer": shop.customer.id, "items": [{"price": free.id}]}
    kept = await shop.client.v1.payment_methods.attach_async("pm_card_visa", {"customer": shop.customer.id})
    made = await shop.client.v1.subscriptions.create_async(given | {"default_payment_method": kept.id})
    change = Change(shop, made)
    await shop.served.sandbox.engine.advance(5 * DAY)
    asked: Any = {"items": [{"id": change.item, "price": shop.monthly.id}]}
    foreseen = await change.preview(asked)
    changed = await change.make(asked)
    billed = (await change.invoices())[0]
    assert [amount for _, amount in amounts(billed)] == [amount for _, amount in amounts(foreseen)] == [0, 1500]
    assert (billed.amount_paid, changed["items"].data[0].current_period_start > change.start) == (1500, True)


async def test_a_declined_change_of_interval_changes_nothing(shop: Shop, change: Change) -> None:
    kept = await shop.client.v1.payment_methods.attach_async("pm_card_chargeCustomerFail", {"customer": shop.customer.id})
    await change.make({"default_payment_method": kept.id})
    before = str(await shop.client.v1.subscriptions.retrieve_async(change.id))
    await shop.served.types()
    for asked in (
        change.asked(NONE, await price(shop, 15000, "year")),
        {"billing_cycle_anchor": {"type": "now"}, "proration_behavior": NONE},
    ):
        with pytest.raises(stripe.CardError) as refused:
            await change.make(asked, payment_behavior="error_if_incomplete")
        assert (refused.value.http_status, refused.value.code) == (402, "card_declined")
        assert (str(await shop.client.v1.subscriptions.retrieve_async(change.id)), len(await change.invoices())) == (before, 1)
    assert set(await shop.served.types()) <= {"price.created"}
    for behaviour in ("default_incomplete", "pending_if_incomplete"):
        with pytest.raises(stripe.InvalidRequestError, match="does not support"):
            await change.make({"billing_cycle_anchor": {"type": "now"}}, payment_behavior=behaviour)


async def test_a_planned_end_moves_with_the_period(shop: Shop, change: Change) -> None:
    await change.make({"cancel_at_period_end": True})
    yearly = await change.make(change.asked(CREATE, await price(shop, 15000, "year")))
    assert (yearly.cancel_at_period_end, yearly.cancel_at) == (True, yearly["items"].data[0].current_period_end)
    both = Change(shop, await shop.subscribed())
    yearly = await both.make(both.asked(CREATE, await price(shop, 15000, "year")), cancel_at_period_end=True)
    assert yearly.cancel_at == yearly["items"].data[0].current_period_end


async def test_a_trial_gives_unused_time_back(shop: Shop, change: Change) -> None:
    until = change.end + 10 * DAY
    asked: Any = {"trial_end": until, "proration_date": change.at}
    foreseen = await change.preview(asked)
    changed = await change.make(asked)
    assert (changed.status, changed["items"].data[0].current_period_end) == ("trialing", until)
    billed = await change.renew()
    assert amounts(billed) == [(f"Unused time on Plan after {change.day}", -change.part(1500)), ("1 x Plan", 1500)]
    assert told(billed) == told(foreseen)


async def test_a_trial_ends_now(shop: Shop) -> None:
    trial = Change(shop, await shop.subscribed(subscription_data={"trial_period_days": 10}))
    asked: Any = {"trial_end": "now", "items": [{"id": trial.item, "quantity": 2}]}
    foreseen = await trial.preview(asked)
    changed = await trial.make(asked)
    billed = (await trial.invoices())[0]
    assert (changed.status, changed.trial_end) == ("active", changed["items"].data[0].current_period_start)
    assert (amounts(billed), billed.billing_reason, billed.status) == ([("2 x Plan", 3000)], "subscription_update", "paid")
    assert (amounts(foreseen), foreseen.total, foreseen.amount_due) == (amounts(billed), billed.total, billed.amount_due)
    assert (await trial.renew()).amount_paid == 3000


async def test_a_declined_end_of_a_trial_changes_nothing(shop: Shop) -> None:
    trial = Change(shop, await shop.subscribed("4000000000000341", subscription_data={"trial_period_days": 10}))
    before = str(await shop.client.v1.subscriptions.retrieve_async(trial.id))
    await shop.served.types()
    with pytest.raises(stripe.CardError) as refused:
        await trial.make({"trial_end": "now"}, payment_behavior="error_if_incomplete")
    assert (refused.value.http_status, refused.value.code) == (402, "card_declined")
    after = str(await shop.client.v1.subscriptions.retrieve_async(trial.id))
    assert (after, len(await trial.invoices()), await shop.served.types()) == (before, 1, [])
    assert (await trial.make({"trial_end": "now"})).status == "past_due"


@pytest.mark.parametrize(("missing", "status"), [("cancel", "canceled"), ("pause", "paused")])
async def test_a_trial_without_a_card_ends_as_its_settings_say(shop: Shop, missing: str, status: str) -> None:
    given: Any = {"customer": shop.customer.id, "items": [{"price": shop.monthly.id}], "trial_period_days": 10}
    settings = {"trial_settings": {"end_behavior": {"missing_payment_method": missing}}}
    trial = Change(shop, await shop.client.v1.subscriptions.create_async(given | settings))
    await trial.make({"trial_end": "now"})
    await shop.served.sandbox.drain()
    found = await shop.client.v1.subscriptions.retrieve_async(trial.id)
    assert (found.status, len(await trial.invoices())) == (status, 1)


async def test_without_a_trial_none_ends(change: Change) -> None:
    changed = await change.make({"trial_end": "now"})
    await change.shop.served.sandbox.drain()
    assert (changed["items"].data[0].current_period_end, len(await change.invoices())) == (change.end, 1)


async def test_previews_of_a_planned_end(shop: Shop, change: Change) -> None:
    for asked in ({"cancel_at_period_end": True}, {"cancel_at": change.end}, {"cancel_at": "min_period_end"}):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await change.preview(asked)
        assert refused.value.code == "invoice_upcoming_none"
    assert amounts(await change.preview({"cancel_at": change.end + DAY})) == [("1 x Plan", 1500)]
    await change.make({"cancel_at_period_end": True})
    assert amounts(await change.preview({"cancel_at_period_end": False})) == [("1 x Plan", 1500)]
    assert (await shop.client.v1.subscriptions.retrieve_async(change.id)).cancel_at == change.end


async def test_what_rested_for_long_may_be_changed(shop: Shop, change: Change) -> None:
    await shop.client.v1.subscriptions.pause_async(change.id)
    await shop.served.sandbox.engine.advance(70 * DAY)
    changed = await change.make({"items": [{"id": change.item, "quantity": 2}]})
    assert (changed.status, changed["items"].data[0].quantity) == ("paused", 2)
    await shop.client.v1.subscriptions.resume_async(change.id)
    billed = (await change.invoices())[0]
    change.at = billed.lines.data[0].period.start
    assert amounts(billed) == [(f"Unused time on Plan after {change.day}", -change.part(1500)), ("2 x Plan", 3000)]
    assert abs(change.at - change.start) <= 5
