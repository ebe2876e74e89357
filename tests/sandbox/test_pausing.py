"""Subscriptions that rest and what is announced of them; invoices that are given up."""

from fractions import Fraction
from typing import Any

import pytest
import stripe

from tests.sandbox.changing import method
from tests.sandbox.served import Shop

DAY = 86400


async def later(shop: Shop, seconds: int) -> list[str]:
    await shop.served.sandbox.engine.advance(seconds)
    return await shop.served.types()


async def trial(shop: Shop, **more: Any) -> stripe.Subscription:
    given: Any = {"customer": shop.customer.id, "items": [{"price": shop.monthly.id}]} | more
    return await shop.client.v1.subscriptions.create_async(given)


async def test_pause_and_resume(shop: Shop) -> None:
    v1, made = shop.client.v1.subscriptions, await shop.subscribed()
    assert (await v1.pause_async(made.id)).status == "paused"
    assert await shop.served.types() == ["invoiceitem.created", "customer.subscription.updated", "customer.subscription.paused"]
    assert await later(shop, 60 * DAY) == []
    with pytest.raises(stripe.InvalidRequestError):
        await v1.pause_async(made.id)
    resumed = await v1.resume_async(made.id)
    item = resumed["items"].data[0]
    assert (resumed.status, resumed.billing_cycle_anchor) == ("active", item.current_period_start)
    kinds = await shop.served.types()
    assert (kinds[0], kinds[1], kinds.count("invoice.paid")) == ("customer.subscription.updated", "invoice.created", 1)
    assert kinds.index("customer.subscription.resumed") > kinds.index("invoice.paid")
    with pytest.raises(stripe.InvalidRequestError):
        await v1.resume_async(made.id)
    assert await shop.served.types() == []


@pytest.mark.parametrize("credited", [True, False])
async def test_what_is_not_used_is_taken_off_once_it_goes_on(shop: Shop, credited: bool) -> None:
    v1, made = shop.client.v1.subscriptions, await shop.subscribed()
    item = made["items"].data[0]
    await later(shop, 10 * DAY)
    since: Any = {} if credited else {"bill_for": {"unused_time_from": {"type": "none"}}}
    await v1.pause_async(made.id, since)
    await later(shop, 45 * DAY)
    resumed = await v1.resume_async(made.id, {"payment_behavior": "resume_on_payment_success"})
    invoice = await shop.client.v1.invoices.retrieve_async(str(resumed.latest_invoice))
    unused = [line for line in invoice.lines.data if line.amount < 0]
    assert len(unused) == credited
    left = Fraction(item.current_period_end - unused[0].period.start, item.current_period_end - item.current_period_start) if unused else 0
    price = shop.monthly.unit_amount or 0
    assert (invoice.status, invoice.total) == ("paid", price - int(price * left + Fraction(1, 2)))


@pytest.mark.parametrize("void", [True, False])
async def test_it_goes_on_when_what_is_to_let_it_is_uncollectible_but_not_when_void(shop: Shop, void: bool) -> None:
    v1, made = shop.client.v1, await shop.subscribed()
    await v1.subscriptions.pause_async(made.id, {"bill_for": {"unused_time_from": {"type": "none"}}})
    await v1.subscriptions.update_async(made.id, {"default_payment_method": await method(shop, "pm_card_chargeCustomerFail")})
    stripe_id = str((await v1.subscriptions.resume_async(made.id)).latest_invoice)
    await shop.served.types()
    await (v1.invoices.void_invoice_async(stripe_id) if void else v1.invoices.mark_uncollectible_async(stripe_id))
    kinds = await shop.served.types()
    status = (await v1.subscriptions.retrieve_async(made.id)).status
    assert (status, "customer.subscription.resumed" in kinds) == (("paused", False) if void else ("active", True))
    renewed = await later(shop, 31 * DAY)
    assert ("customer.subscription.updated" in renewed) == (not void)


@pytest.mark.parametrize("mended", [True, False])
async def test_what_is_to_let_it_go_on_is_charged_again_in_the_same_rhythm(shop: Shop, mended: bool) -> None:
    v1, made = shop.client.v1, await shop.subscribed()
    await v1.subscriptions.pause_async(made.id, {"bill_for": {"unused_time_from": {"type": "none"}}})
    await v1.subscriptions.update_async(made.id, {"default_payment_method": await method(shop, "pm_card_chargeCustomerFail")})
    resumed = await v1.subscriptions.resume_async(made.id, {"payment_behavior": "resume_on_payment_success"})
    stripe_id = str(resumed.latest_invoice)
    tries = [(await v1.invoices.retrieve_async(stripe_id)).next_payment_attempt]
    if mended:
        await v1.subscriptions.update_async(made.id, {"default_payment_method": await method(shop)})
        await later(shop, 3 * DAY)
    else:
        for days in (3, 5, 7):
            assert (await v1.subscriptions.retrieve_async(made.id)).status == "paused"
            await later(shop, days * DAY)
            tries.append((await v1.invoices.retrieve_async(stripe_id)).next_payment_attempt)
    invoice = await v1.invoices.retrieve_async(stripe_id)
    status = (await v1.subscriptions.retrieve_async(made.id)).status
    if mended:
        assert (status, invoice.status, invoice.attempt_count, invoice.next_payment_attempt) == ("active", "paid", 2, None)
        return
    assert (status, invoice.status, invoice.attempt_count) == ("paused", "open", 4)
    assert [(at or invoice.created) - invoice.created for at in tries] == [3 * DAY, 8 * DAY, 15 * DAY, 0]


@pytest.mark.parametrize(
    "given",
    [
        {"invoicing_behavior": "invoice"},
        {"bill_for": {"unused_time_from": {"type": "item_current_period_start"}}},
    ],
)
async def test_a_pause_that_the_sandbox_cannot_bill_is_refused(shop: Shop, given: Any) -> None:
    made = await shop.subscribed()
    with pytest.raises(stripe.InvalidRequestError, match="does not support"):
        await shop.client.v1.subscriptions.pause_async(made.id, given)
    assert (await shop.client.v1.subscriptions.retrieve_async(made.id)).status == "active"


@pytest.mark.parametrize(
    ("behavior", "status", "event"),
    [
        ("keep_as_draft", "draft", "invoice.created"),
        ("void", "void", "invoice.voided"),
        ("mark_uncollectible", "uncollectible", "invoice.marked_uncollectible"),
    ],
)
async def test_collection_is_paused(shop: Shop, behavior: Any, status: str, event: str) -> None:
    made = await shop.subscribed()
    end = made["items"].data[0].current_period_end
    paused = await shop.client.v1.subscriptions.update_async(
        made.id, {"pause_collection": {"behavior": behavior, "resumes_at": end + 5 * DAY}}
    )
    assert paused.pause_collection is not None
    assert paused.pause_collection.behavior == behavior
    assert await shop.served.types() == ["customer.subscription.updated"]
    kinds = await later(shop, end + DAY - made.created)
    assert (kinds[:3], kinds[-1]) == (["invoice.upcoming", "customer.subscription.updated", "invoice.created"], event)
    assert "charge.succeeded" not in kinds
    after = await shop.client.v1.subscriptions.retrieve_async(made.id, {"expand": ["latest_invoice"]})
    assert isinstance(after.latest_invoice, stripe.Invoice)
    assert (after.status, after.latest_invoice.status) == ("active", status)
    assert await later(shop, 5 * DAY) == ["customer.subscription.updated"]
    assert (await shop.client.v1.subscriptions.retrieve_async(made.id)).pause_collection is None
    assert "invoice.paid" in await later(shop, 31 * DAY)


@pytest.mark.parametrize(
    ("missing", "status", "last"),
    [
        ("pause", "paused", "customer.subscription.paused"),
        ("cancel", "canceled", "customer.subscription.deleted"),
        ("create_invoice", "past_due", "customer.subscription.updated"),
    ],
)
async def test_a_trial_that_ends_without_a_card(shop: Shop, missing: str, status: str, last: str) -> None:
    made = await trial(shop, trial_period_days=10, trial_settings={"end_behavior": {"missing_payment_method": missing}})
    await shop.served.types()
    assert await later(shop, 3 * DAY) == ["invoice.upcoming"]
    assert await later(shop, 4 * DAY) == ["customer.subscription.trial_will_end"]
    kinds = await later(shop, 3 * DAY)
    assert (kinds[-1], (await shop.client.v1.subscriptions.retrieve_async(made.id)).status) == (last, status)


async def test_a_short_trial_is_announced_at_once(shop: Shop) -> None:
    await trial(shop, trial_period_days=2)
    kinds = await shop.served.types()
    assert kinds.count("customer.subscription.trial_will_end") == 1
    assert "customer.subscription.trial_will_end" not in await later(shop, 2 * DAY)


async def test_the_next_invoice_is_announced_without_an_id(shop: Shop) -> None:
    made = await shop.subscribed()
    end = made["items"].data[0].current_period_end
    await shop.served.sandbox.engine.advance(end - 7 * DAY - made.created)
    await shop.served.sandbox.drain()
    (event,) = shop.served.received
    invoice = event["data"]["object"]
    assert (event["type"], "id" in invoice, invoice["amount_due"], invoice["status"]) == ("invoice.upcoming", False, 1500, "draft")
    assert invoice["lines"]["data"][0]["period"]["start"] == end
    assert [found.id for found in (await shop.client.v1.invoices.list_async()).data] == [made.latest_invoice]


async def test_an_invoice_is_given_up_and_paid_after_all(shop: Shop) -> None:
    v1 = shop.client.v1
    made = await trial(shop, payment_behavior="default_incomplete")
    invoice = str(made.latest_invoice)
    await shop.served.types()
    assert (await v1.invoices.mark_uncollectible_async(invoice)).status == "uncollectible"
    assert await shop.served.types() == ["invoice.marked_uncollectible"]
    with pytest.raises(stripe.InvalidRequestError):
        await v1.invoices.mark_uncollectible_async(invoice)
    assert (await v1.invoices.pay_async(invoice, {"payment_method": "pm_card_visa"})).status == "paid"
    assert "invoice.paid" in await shop.served.types()
    with pytest.raises(stripe.InvalidRequestError):
        await v1.invoices.void_invoice_async(invoice)
