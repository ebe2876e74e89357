"""Refunds: partial, whole, too much, pending, failing, canceled."""

from typing import Any

import pytest
import stripe

from tests.sandbox.served import Shop


async def test_partial_then_the_rest(shop: Shop) -> None:
    v1, intent = shop.client.v1, await shop.paid()
    first = await v1.refunds.create_async({"payment_intent": intent.id, "amount": 1200, "reason": "requested_by_customer"})
    assert (first.status, first.amount, first.charge, first.reason) == ("succeeded", 1200, intent.latest_charge, "requested_by_customer")
    assert await shop.served.types() == ["refund.created", "charge.refunded", "refund.updated", "charge.refund.updated"]
    charge = await v1.charges.retrieve_async(str(intent.latest_charge))
    assert (charge.amount_refunded, charge.refunded, "refunds" in charge.to_dict()) == (1200, False, False)

    with pytest.raises(stripe.InvalidRequestError) as refused:
        await v1.refunds.create_async({"charge": charge.id, "amount": 3801})
    assert (refused.value.code, refused.value.param) == (None, "amount")
    assert "Refund amount ($38.01) is greater than unrefunded amount on charge ($38.00)" in str(refused.value)

    rest = await v1.refunds.create_async({"charge": charge.id})
    assert rest.amount == 3800
    charge = await v1.charges.retrieve_async(charge.id, {"expand": ["refunds"]})
    assert (charge.amount_refunded, charge.refunded) == (5000, True)
    assert charge.refunds is not None
    assert [refund.id for refund in charge.refunds.data] == [rest.id, first.id]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await v1.refunds.create_async({"payment_intent": intent.id})
    assert refused.value.code == "charge_already_refunded"
    assert [refund.id for refund in (await v1.refunds.list_async({"payment_intent": intent.id})).data] == [rest.id, first.id]


async def test_the_event_of_a_refund_shows_the_charge_before_and_after(shop: Shop) -> None:
    intent = await shop.paid()
    await shop.client.v1.refunds.create_async({"payment_intent": intent.id, "amount": 1})
    events = await shop.client.v1.events.list_async({"type": "charge.refunded"})
    data = events.data[0].data
    assert (data.object["object"], data.object["amount_refunded"]) == ("charge", 1)
    assert data.previous_attributes is not None
    assert data.previous_attributes.to_dict() == {"amount_refunded": 0}


async def test_what_is_refused(shop: Shop) -> None:
    v1 = shop.client.v1
    unpaid = await v1.payment_intents.create_async({"amount": 500, "currency": "usd"})
    cases: list[tuple[Any, tuple[str | None, str | None]]] = [
        ({}, ("parameter_missing", None)),
        ({"payment_intent": unpaid.id}, ("payment_intent_unexpected_state", None)),
        ({"payment_intent": "pi_none"}, ("resource_missing", "payment_intent")),
        ({"charge": "ch_none"}, ("resource_missing", "charge")),
        ({"payment_intent": (await shop.paid()).id, "amount": 0}, ("parameter_invalid_integer", "amount")),
        ({"payment_intent": (await shop.paid()).id, "amount": -5}, ("parameter_invalid_integer", "amount")),
    ]
    for given, (code, param) in cases:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await v1.refunds.create_async(given)
        assert (refused.value.code, refused.value.param) == (code, param), given
    assert (await v1.refunds.list_async()).data == []


async def test_a_pending_refund_settles_later_or_is_canceled(shop: Shop) -> None:
    v1, intent = shop.client.v1, await shop.paid("4000000000007726")
    settled = await v1.refunds.create_async({"payment_intent": intent.id, "amount": 100})
    canceled = await v1.refunds.create_async({"payment_intent": intent.id, "amount": 200})
    assert (settled.status, canceled.status) == ("pending", "pending")
    assert (await v1.refunds.cancel_async(canceled.id)).status == "canceled"
    assert (await v1.charges.retrieve_async(str(intent.latest_charge))).amount_refunded == 100
    await shop.served.types()
    shop.served.sandbox.clock.advance(60)
    assert await shop.served.types() == ["refund.updated", "charge.refund.updated"]
    assert (await v1.refunds.retrieve_async(settled.id)).status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError):
        await v1.refunds.cancel_async(settled.id)


async def test_a_refund_that_fails_gives_the_money_back_to_the_seller(shop: Shop) -> None:
    v1, intent = shop.client.v1, await shop.paid("4000000000005126")
    refund = await v1.refunds.create_async({"payment_intent": intent.id})
    assert refund.status == "succeeded"
    await shop.served.types()
    shop.served.sandbox.clock.advance(60)
    assert await shop.served.types() == ["charge.updated", "refund.failed", "charge.refund.updated"]
    failed = await v1.refunds.retrieve_async(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "unknown")
    charge = await v1.charges.retrieve_async(str(intent.latest_charge))
    assert (charge.amount_refunded, charge.refunded) == (0, False)


async def test_metadata(shop: Shop) -> None:
    intent = await shop.paid()
    refund = await shop.client.v1.refunds.create_async({"payment_intent": intent.id, "metadata": {"a": "1"}})
    changed = await shop.client.v1.refunds.update_async(refund.id, {"metadata": {"a": "", "b": "2"}})
    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"b": "2"}


async def test_the_last_digit_of_three_decimal_currencies_is_nothing(shop: Shop) -> None:
    v1 = shop.client.v1
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await v1.payment_intents.create_async({"amount": 1005, "currency": "kwd"})
    assert refused.value.param == "amount"
    asked: Any = {"amount": 1010, "currency": "kwd", "confirm": True, "payment_method": "pm_card_visa", "return_url": "https://app.example"}
    intent = await v1.payment_intents.create_async(asked)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await v1.refunds.create_async({"payment_intent": intent.id, "amount": 505})
    assert (refused.value.param, "last digit" in str(refused.value)) == ("amount", True)
    assert (await v1.refunds.create_async({"payment_intent": intent.id, "amount": 500})).amount == 500
