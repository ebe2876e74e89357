"""A subscription that is ended at once: what is given back, what is billed, and what becomes of that which waits."""

from typing import Any

import pytest
import stripe

from tests.sandbox.changing import CREATE, NONE, Change, amounts, method, told
from tests.sandbox.served import Shop


@pytest.fixture
async def change(shop: Shop) -> Change:
    return Change(shop, await shop.subscribed())


async def at_a_third(change: Change) -> None:
    clock = change.shop.served.sandbox.clock
    clock.advance(change.at - clock.now())


async def waiting(shop: Shop) -> list[int]:
    return [item.amount for item in (await shop.client.v1.invoice_items.list_async({"pending": True})).data]


async def end(change: Change, **asked: Any) -> stripe.Subscription:
    await change.shop.served.types()
    asked |= {"expand": ["latest_invoice"]}
    return await change.shop.client.v1.subscriptions.cancel_async(change.id, asked)  # type: ignore[arg-type] # as callers send


async def test_unused_time_becomes_credit(shop: Shop, change: Change) -> None:
    await at_a_third(change)
    foreseen = await change.preview({"cancel_now": True})
    ended = await end(change, prorate=True, invoice_now=True)
    assert isinstance(ended.latest_invoice, stripe.Invoice)
    final = ended.latest_invoice
    left = change.end - final.lines.data[0].period.start
    credit = (2 * 1500 * left + change.end - change.start) // (2 * (change.end - change.start))
    assert abs(final.lines.data[0].period.start - change.at) <= 5
    assert (ended.status, final.status, final.billing_reason) == ("canceled", "paid", "subscription_update")
    assert amounts(final) == [(f"Unused time on Plan after {change.day}", -credit)]
    assert (final.total, final.amount_due, final.ending_balance) == (-credit, 0, -credit)
    assert (foreseen.billing_reason, foreseen.total, amounts(foreseen)[0][0]) == ("subscription_update", -credit, amounts(final)[0][0])
    assert (await shop.client.v1.customers.retrieve_async(shop.customer.id)).balance == -credit
    kinds = await shop.served.types()
    assert kinds[:2] == ["invoiceitem.created", "customer.subscription.deleted"]
    assert kinds.count("invoice.paid") == 1


async def test_what_waits_is_billed_by_a_final_invoice(shop: Shop, change: Change) -> None:
    await change.make(change.asked(CREATE, quantity=3))
    foreseen = await change.preview({"cancel_now": True, "proration_behavior": NONE})
    ended = await end(change, invoice_now=True)
    assert isinstance(ended.latest_invoice, stripe.Invoice)
    assert [amount for _, amount in amounts(ended.latest_invoice)] == [-change.part(1500), change.part(4500)]
    assert (ended.status, ended.latest_invoice.amount_paid) == ("canceled", change.part(4500) - change.part(1500))
    assert told(ended.latest_invoice) == told(foreseen)
    assert await waiting(shop) == []


async def test_a_final_invoice_that_is_not_paid_stays_open(shop: Shop, change: Change) -> None:
    await change.make(change.asked(CREATE, quantity=3), default_payment_method=await method(shop, "pm_card_chargeCustomerFail"))
    ended = await end(change, invoice_now=True)
    assert isinstance(ended.latest_invoice, stripe.Invoice)
    assert (ended.status, ended.latest_invoice.status) == ("canceled", "open")
    assert (await shop.client.v1.subscriptions.retrieve_async(change.id)).status == "canceled"


async def test_what_waits_is_taken_away_without_either(shop: Shop, change: Change) -> None:
    await change.make(change.asked(CREATE, quantity=3))
    assert await waiting(shop) == [change.part(4500), -change.part(1500)]
    ended = await end(change)
    assert (ended.status, await waiting(shop), len(await change.invoices())) == ("canceled", [], 1)
    assert await shop.served.types() == ["invoiceitem.deleted", "invoiceitem.deleted", "customer.subscription.deleted"]


async def test_what_is_given_back_waits_without_an_invoice(shop: Shop, change: Change) -> None:
    await at_a_third(change)
    ended = await end(change, prorate=True)
    (credit,) = await waiting(shop)
    assert (ended.status, len(await change.invoices())) == ("canceled", 1)
    assert -change.part(1500) <= credit <= 1 - change.part(1500)


async def test_nothing_to_bill_makes_no_final_invoice(shop: Shop, change: Change) -> None:
    asked: Any = {"cancel_now": True, "proration_behavior": NONE}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await change.preview(asked)
    assert refused.value.code == "invoice_upcoming_none"
    assert (await end(change, invoice_now=True)).status == "canceled"
    assert (len(await change.invoices()), await shop.served.types()) == (1, ["customer.subscription.deleted"])


async def test_a_trial_gives_nothing_back(shop: Shop) -> None:
    trial = Change(shop, await shop.subscribed(subscription_data={"trial_period_days": 10}))
    ended = await end(trial, prorate=True, invoice_now=True)
    assert (ended.status, len(await trial.invoices()), await waiting(shop)) == ("canceled", 1, [])
