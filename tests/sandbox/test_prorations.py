"""Changes within a period: what is given back and charged, now or with the next invoice, and credit that is left over."""

from typing import Any

import pytest
import stripe

from tests.sandbox.changing import CREATE, NONE, NOW, Change, amounts, method, price, told
from tests.sandbox.served import Shop


@pytest.fixture
async def change(shop: Shop) -> Change:
    return Change(shop, await shop.subscribed())


async def test_prorations_wait_for_the_next_invoice(shop: Shop, change: Change) -> None:
    gold = await price(shop, 3000, name="Gold")
    asked = change.asked(CREATE, gold, 2)
    foreseen = await change.preview(asked)
    assert foreseen.id is not None
    assert foreseen.id.startswith("upcoming_in_")
    await shop.served.types()
    changed = await change.make(asked)
    assert (changed["items"].data[0].price.id, changed["items"].data[0].quantity, len(await change.invoices())) == (gold.id, 2, 1)
    assert changed["items"].data[0].current_period_end == change.end
    waiting = (await shop.client.v1.invoice_items.list_async({"customer": shop.customer.id, "pending": True})).data
    parts = [
        (f"Remaining time on 2 x Gold after {change.day}", change.part(6000)),
        (f"Unused time on Plan after {change.day}", -change.part(1500)),
    ]
    assert [(item.description, item.amount) for item in waiting] == parts
    assert await shop.served.types() == ["invoiceitem.created", "invoiceitem.created", "customer.subscription.updated"]

    billed = await change.renew()
    assert amounts(billed) == [*parts[::-1], ("2 x Gold", 6000)]
    assert (billed.status, billed.billing_reason, billed.amount_paid) == (
        "paid",
        "subscription_cycle",
        6000 + change.part(6000) - change.part(1500),
    )
    details = [line.parent.subscription_item_details for line in billed.lines.data if line.parent]
    assert [part and (part.proration, part.invoice_item) for part in details] == [
        (True, waiting[1].id),
        (True, waiting[0].id),
        (False, None),
    ]
    assert told(billed) == told(foreseen)
    assert (await shop.client.v1.invoice_items.list_async({"pending": True})).data == []
    assert {item.invoice for item in (await shop.client.v1.invoice_items.list_async()).data} == {billed.id}


async def test_an_increase_is_billed_at_once(shop: Shop, change: Change) -> None:
    asked = change.asked(NOW, quantity=3)
    foreseen = await change.preview(asked)
    changed = await change.make(asked, expand=["latest_invoice"])
    assert isinstance(changed.latest_invoice, stripe.Invoice)
    billed = changed.latest_invoice
    assert (billed.status, billed.billing_reason) == ("paid", "subscription_update")
    assert billed.amount_paid == change.part(4500) - change.part(1500)
    assert told(billed) == told(foreseen)
    assert (await change.renew()).amount_paid == 4500


async def test_what_waits_is_billed_with_the_next_change(shop: Shop, change: Change) -> None:
    await change.make(change.asked(CREATE, quantity=2))
    asked = change.asked(NOW, quantity=3)
    foreseen = await change.preview(asked)
    await change.make(asked)
    billed = (await change.invoices())[0]
    assert [amount for _, amount in amounts(billed)] == [-change.part(1500), change.part(3000), -change.part(3000), change.part(4500)]
    assert told(billed) == told(foreseen)


async def test_without_prorations_the_next_period_costs_more(change: Change) -> None:
    asked = change.asked(NONE, quantity=2)
    foreseen = await change.preview(asked)
    await change.make(asked)
    billed = await change.renew()
    assert amounts(billed) == [("2 x Plan", 3000)]
    assert told(billed) == told(foreseen)


@pytest.mark.parametrize("behaviour", [CREATE, NOW, NONE])
async def test_another_interval_begins_a_period_now(shop: Shop, change: Change, behaviour: str) -> None:
    yearly = await price(shop, 15000, "year")
    asked = change.asked(behaviour, yearly)
    foreseen = await change.preview(asked)
    changed = await change.make(asked)
    item = changed["items"].data[0]
    assert changed.billing_cycle_anchor == item.current_period_start
    assert item.current_period_end - item.current_period_start in {365 * 86400, 366 * 86400}
    billed = (await change.invoices())[0]
    given_back = [] if behaviour == NONE else [(f"Unused time on Plan after {change.day}", -change.part(1500))]
    assert amounts(billed) == [*given_back, ("1 x Plan", 15000)]
    assert (billed.status, billed.billing_reason) == ("paid", "subscription_update")
    assert abs(billed.lines.data[-1].period.start - foreseen.lines.data[-1].period.start) <= 5
    assert (billed.total, billed.amount_due) == (foreseen.total, foreseen.amount_due)


async def test_credit_pays_later_invoices(shop: Shop, change: Change) -> None:
    asked = change.asked(NOW, await price(shop, 100))
    foreseen = await change.preview(asked)
    await shop.served.types()
    await change.make(asked)
    billed, credit = (await change.invoices())[0], change.part(1500) - change.part(100)
    assert (billed.status, billed.total, billed.amount_due, billed.starting_balance, billed.ending_balance) == (
        "paid",
        -credit,
        0,
        0,
        -credit,
    )
    assert told(billed) == told(foreseen)
    assert "customer.updated" in await shop.served.types()
    assert (await shop.client.v1.customers.retrieve_async(shop.customer.id)).balance == -credit
    first = await change.renew()
    assert (first.total, first.amount_due, first.starting_balance, first.ending_balance) == (100, 0, -credit, 100 - credit)
    assert (await shop.client.v1.customers.retrieve_async(shop.customer.id)).balance == 100 - credit


async def test_credit_of_one_currency_pays_no_other(shop: Shop, change: Change) -> None:
    await change.make(change.asked(NOW, await price(shop, 100)))
    yen = await price(shop, 900, currency="jpy")
    given: Any = {"customer": shop.customer.id, "items": [{"price": yen.id}], "default_payment_method": await method(shop)}
    made = await shop.client.v1.subscriptions.create_async(given | {"expand": ["latest_invoice"]})
    assert isinstance(made.latest_invoice, stripe.Invoice)
    assert (made.latest_invoice.amount_paid, made.latest_invoice.starting_balance) == (900, 0)
    other = Change(shop, made)
    await other.make(other.asked(NOW, await price(shop, 100, currency="jpy")))
    credit = other.part(900) - other.part(100)
    assert (await other.renew()).starting_balance == -credit
    assert (await shop.client.v1.customers.retrieve_async(shop.customer.id)).currency == "usd"


async def test_less_than_can_be_charged_stays_on_the_balance(shop: Shop, change: Change) -> None:
    asked = change.asked(NOW, await price(shop, 1530))
    foreseen = await change.preview(asked)
    await change.make(asked)
    little = change.part(1530) - change.part(1500)
    billed = (await change.invoices())[0]
    assert (billed.status, billed.total, billed.amount_due, billed.ending_balance) == ("paid", little, 0, little)
    assert told(billed) == told(foreseen)
    assert (await change.renew()).amount_paid == 1530 + little


async def test_a_void_invoice_gives_its_credit_back(shop: Shop, change: Change) -> None:
    v1 = shop.client.v1
    await v1.customers.update_async(shop.customer.id, {"balance": -400})
    await v1.subscriptions.update_async(change.id, {"default_payment_method": await method(shop, "pm_card_chargeCustomerFail")})
    failed = await change.renew()
    assert (failed.status, failed.amount_due, failed.starting_balance, failed.ending_balance) == ("open", 1100, -400, 0)
    assert (await v1.customers.retrieve_async(shop.customer.id)).balance == 0
    await v1.invoices.void_invoice_async(str(failed.id))
    assert (await v1.customers.retrieve_async(shop.customer.id)).balance == -400


@pytest.mark.parametrize(
    ("kind", "code"),
    [("pm_card_chargeCustomerFail", "card_declined"), ("pm_card_authenticationRequired", "authentication_required")],
)
async def test_a_refused_card_changes_nothing(shop: Shop, change: Change, kind: str, code: str) -> None:
    v1 = shop.client.v1
    await v1.subscriptions.update_async(change.id, {"default_payment_method": await method(shop, kind)})
    before = str(await v1.subscriptions.retrieve_async(change.id))
    await shop.served.types()
    with pytest.raises(stripe.CardError) as refused:
        await change.make(change.asked(NOW, quantity=2), payment_behavior="error_if_incomplete")
    assert (refused.value.http_status, refused.value.code) == (402, code)
    assert (str(await v1.subscriptions.retrieve_async(change.id)), len(await change.invoices())) == (before, 1)
    assert (await v1.invoice_items.list_async()).data == []
    assert await shop.served.types() == []
    changed = await change.make(change.asked(NOW, quantity=2))
    assert changed["items"].data[0].quantity == 2
    assert (await change.invoices())[0].status == "open"
    assert (await v1.subscriptions.retrieve_async(change.id)).status == "past_due"


async def test_a_trial_and_a_pause_are_not_prorated(shop: Shop) -> None:
    trial = Change(shop, await shop.subscribed(subscription_data={"trial_period_days": 10}))
    yearly = await price(shop, 15000, "year")
    changed = await trial.make(trial.asked(NOW, yearly))
    assert (changed.status, changed["items"].data[0].current_period_end, len(await trial.invoices())) == ("trialing", trial.end, 1)
    assert amounts(await trial.renew()) == [("1 x Plan", 15000)]
    paused = Change(shop, await shop.subscribed())
    await shop.client.v1.subscriptions.pause_async(paused.id)
    assert (await paused.make(paused.asked(NOW, quantity=2))).status == "paused"
    assert len(await paused.invoices()) == 1


async def test_discounts_are_taken_off_prorations(shop: Shop) -> None:
    half = await shop.client.v1.coupons.create_async({"percent_off": 50, "duration": "forever"})
    change = Change(shop, await shop.subscribed(discounts=[{"coupon": half.id}]))
    asked = change.asked(CREATE, quantity=2)
    foreseen = await change.preview(asked)
    await change.make(asked)
    billed = await change.renew()
    assert amounts(billed) == [
        (f"Unused time on Plan after {change.day}", -change.part(750)),
        (f"Remaining time on 2 x Plan after {change.day}", change.part(1500)),
        ("2 x Plan", 3000),
    ]
    assert billed.total == 1500 + change.part(1500) - change.part(750)
    assert told(billed) == told(foreseen)


async def test_no_more_is_given_back_than_was_paid(shop: Shop) -> None:
    for terms in ({"percent_off": 50}, {"amount_off": 750, "currency": "usd"}):
        once = await shop.client.v1.coupons.create_async(terms | {"duration": "once"})  # type: ignore[arg-type] # as callers send
        change = Change(shop, await shop.subscribed(discounts=[{"coupon": once.id}]))
        await change.make(change.asked(NOW, quantity=2))
        assert [amount for _, amount in amounts((await change.invoices())[0])] == [-change.part(750), change.part(3000)]


async def test_what_was_charged_is_given_back_whatever_the_item_costs_now(shop: Shop, change: Change) -> None:
    await change.make(change.asked(NONE, await price(shop, 9000, name="Gold")))
    await change.make(change.asked(NOW, await price(shop, 6000, name="Silver")))
    billed = (await change.invoices())[0]
    assert amounts(billed) == [
        (f"Unused time on Plan after {change.day}", -change.part(1500)),
        (f"Remaining time on Silver after {change.day}", change.part(6000)),
    ]
    first = (await change.invoices())[1]
    details = billed.lines.data[0].parent and billed.lines.data[0].parent.subscription_item_details
    assert details
    assert details.proration_details
    assert details.proration_details.credited_items
    assert details.proration_details.credited_items.to_dict() == {"invoice": first.id, "invoice_line_items": [first.lines.data[0].id]}


async def test_what_was_never_charged_is_not_given_back(shop: Shop, change: Change) -> None:
    other = await price(shop, 700, name="Extra")
    added = await change.make({"items": [{"price": other.id}], "proration_behavior": NONE})
    extra = next(item.id for item in added["items"].data if item.id != change.item)
    await change.make({"items": [{"id": extra, "deleted": True}], "proration_date": change.at})
    assert (await shop.client.v1.invoice_items.list_async()).data == []


async def test_what_is_finer_than_its_currency_is_charged_in_stays_on_the_balance(shop: Shop) -> None:
    dinars = await price(shop, 12340, currency="kwd")
    given: Any = {"customer": shop.customer.id, "items": [{"price": dinars.id}], "default_payment_method": await method(shop)}
    change = Change(shop, await shop.client.v1.subscriptions.create_async(given))
    asked = change.asked(NOW, await price(shop, 56789, currency="kwd"))
    foreseen = await change.preview(asked)
    await change.make(asked)
    billed = (await change.invoices())[0]
    total = change.part(56789) - change.part(12340)
    assert (billed.total, billed.amount_due, billed.ending_balance) == (total, total // 10 * 10, total % 10)
    assert told(billed) == told(foreseen)
    renewed = await change.renew()
    assert (renewed.starting_balance, renewed.amount_due) == (total % 10, (56789 + total % 10) // 10 * 10)
    for charge in (await shop.client.v1.charges.list_async()).data:
        assert (await shop.client.v1.refunds.create_async({"charge": charge.id})).amount == charge.amount


async def test_what_waits_is_billed_at_a_planned_end(shop: Shop, change: Change) -> None:
    await change.make(change.asked(CREATE, quantity=2), cancel_at_period_end=True)
    foreseen = await change.preview({})
    clock = shop.served.sandbox.clock
    clock.advance(change.end - clock.now())
    await shop.served.sandbox.drain()
    billed = (await change.invoices())[0]
    assert amounts(billed) == amounts(foreseen)
    assert [amount for _, amount in amounts(billed)] == [-change.part(1500), change.part(3000)]
    assert (await shop.client.v1.subscriptions.retrieve_async(change.id)).status == "canceled"


async def test_previews_change_nothing(shop: Shop, change: Change) -> None:
    before = await shop.served.sandbox.run(
        lambda tx: [tuple(row) for row in tx.connection.execute("SELECT id, body, private FROM objects")]
    )
    data = {"currency": "usd", "product": shop.product.id, "unit_amount": 9900, "recurring": {"interval": "month"}}
    foreseen = await change.preview({"items": [{"id": change.item, "price_data": data}], "proration_behavior": NOW})
    assert foreseen.total > 0
    await change.preview(change.asked(CREATE, quantity=7))
    after = await shop.served.sandbox.run(lambda tx: [tuple(row) for row in tx.connection.execute("SELECT id, body, private FROM objects")])
    assert (after, await shop.served.types()) == (before, [])


async def test_what_is_refused(shop: Shop, change: Change) -> None:
    v1, inside = shop.client.v1, "subscription_details"
    euros = await price(shop, 1000, currency="eur")
    cases: list[tuple[Any, tuple[str | None, str | None]]] = [
        ({"items": [{"id": change.item, "price": euros.id}]}, (None, "items")),
        ({"items": [{"id": "si_none"}]}, ("resource_missing", "items[0][id]")),
        ({"items": [{"id": change.item, "quantity": 2}], "proration_date": change.start - 1}, (None, "proration_date")),
        ({"items": [{"id": change.item, "quantity": 2}], "proration_date": change.end + 1}, (None, "proration_date")),
        ({"items": [{"id": change.item, "quantity": -1}]}, ("parameter_invalid_integer", "items[0][quantity]")),
        (change.asked(NONE, quantity=2) | {"proration_date": change.at}, (None, "proration_date")),
        ({"trial_end": change.start - 1}, (None, "trial_end")),
        ({"billing_cycle_anchor": {"type": "later"}}, (None, "billing_cycle_anchor[type]")),
    ]
    for asked, (code, param) in cases:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await change.make(asked)
        assert (refused.value.code, refused.value.param) == (code, param), asked
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await change.preview(asked)
        head, bracket, rest = str(param).partition("[")
        assert (refused.value.code, refused.value.param) == (code, f"{inside}[{head}]{bracket}{rest}"), asked
    for given, code in (({}, "parameter_missing"), ({"subscription": change.id, "colour": "red"}, "parameter_unknown")):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await v1.invoices.create_preview_async(given)  # type: ignore[arg-type] # wrong on purpose
        assert refused.value.code == code
    assert len(await change.invoices()) == 1
    await v1.subscriptions.update_async(change.id, {"cancel_at_period_end": True})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await change.preview({})
    assert refused.value.code == "invoice_upcoming_none"
    await v1.subscriptions.cancel_async(change.id)
    for asked in ({}, change.asked(CREATE, quantity=2)):
        with pytest.raises(stripe.InvalidRequestError):
            await change.preview(asked)
