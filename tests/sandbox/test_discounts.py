"""Coupons and promotion codes taken off what a checkout sells."""

from typing import Any

import pytest
import stripe

from sandbox.errors import Refusal
from tests.sandbox.served import Shop


async def coupon(shop: Shop, **terms: Any) -> stripe.Coupon:
    return await shop.client.v1.coupons.create_async(terms)  # type: ignore[arg-type]  # the test's own words


async def code(shop: Shop, coupon_id: str, **more: Any) -> stripe.PromotionCode:
    given: Any = {"promotion": {"type": "coupon", "coupon": coupon_id}} | more
    return await shop.client.v1.promotion_codes.create_async(given)


async def test_a_percentage_by_promotion_code(shop: Shop) -> None:
    off = await coupon(shop, percent_off=12.5)
    summer = await code(shop, off.id, code="Summer", max_redemptions=1)
    session = await shop.session(discounts=[{"promotion_code": summer.id}])
    price = (await shop.client.v1.checkout.sessions.line_items.list_async(session.id)).data[0]
    subtotal = session.amount_subtotal or 0
    taken = (subtotal * 125 + 500) // 1000
    assert (session.amount_total, session.total_details and session.total_details.amount_discount) == (subtotal - taken, taken)
    assert [(found.coupon, found.promotion_code) for found in session.discounts or []] == [(off.id, summer.id)]
    assert (price.amount_subtotal, price.amount_discount, price.amount_total) == (subtotal, taken, subtotal - taken)
    await shop.served.types()
    paid = await shop.submit(session)
    assert (paid.status, paid.payment_intent and paid.payment_intent["amount"]) == ("succeeded", subtotal - taken)
    assert {"coupon.updated", "promotion_code.updated", "checkout.session.completed"} <= set(await shop.served.types())
    used = await shop.client.v1.promotion_codes.retrieve_async(summer.id)
    assert (used.times_redeemed, used.active) == (1, False)
    assert (await shop.client.v1.coupons.retrieve_async(off.id)).times_redeemed == 1
    with pytest.raises(stripe.InvalidRequestError):
        await shop.session(discounts=[{"promotion_code": summer.id}])


async def test_an_amount_never_goes_below_nothing(shop: Shop) -> None:
    off = await coupon(shop, amount_off=99_999_999, currency="usd")
    session = await shop.session(discounts=[{"coupon": off.id}])
    assert (session.amount_total, session.payment_status) == (0, "unpaid")
    result = await shop.submit(session)
    ended = await shop.client.v1.checkout.sessions.retrieve_async(session.id)
    assert (result.payment_intent, ended.status, ended.payment_status) == (None, "complete", "no_payment_required")


async def test_what_a_session_does_not_take(shop: Shop) -> None:
    euros = await coupon(shop, amount_off=100, currency="eur")
    other = await shop.client.v1.products.create_async({"name": "Other"})
    elsewhere = await coupon(shop, percent_off=10.0, applies_to={"products": [other.id]})
    most = await coupon(shop, percent_off=99.9)
    half = await coupon(shop, percent_off=50.0)
    stranger = await shop.client.v1.customers.create_async({})
    theirs = await code(shop, half.id, customer=stranger.id)
    dear = await code(shop, half.id, restrictions={"minimum_amount": 10_000_000, "minimum_amount_currency": "usd"})
    gone = await code(shop, half.id, active=False)
    for given in (
        {"discounts": [{"coupon": euros.id}]},
        {"discounts": [{"coupon": elsewhere.id}]},
        {"discounts": [{"coupon": most.id}]},
        {"discounts": [{"promotion_code": theirs.id}]},
        {"discounts": [{"promotion_code": dear.id}]},
        {"discounts": [{"promotion_code": gone.id}]},
        {"discounts": [{"coupon": half.id}, {"coupon": half.id}]},
        {"discounts": [{"coupon": half.id}], "allow_promotion_codes": False},
    ):
        with pytest.raises(stripe.InvalidRequestError):
            await shop.session(**given)


async def test_a_code_is_entered_on_the_page_and_taken_away_again(shop: Shop) -> None:
    off = await coupon(shop, amount_off=100, currency="usd")
    await code(shop, off.id, code="HUNDRED")
    session = await shop.session(allow_promotion_codes=True)
    engine, total = shop.served.sandbox.engine, session.amount_total or 0
    with pytest.raises(Refusal, match="code is invalid"):
        await engine.apply_promotion_code(session.id, "nothing")
    assert (await engine.apply_promotion_code(session.id, " hundred "))["amount_total"] == total - 100
    assert (await engine.apply_promotion_code(session.id, None))["amount_total"] == total
    await engine.apply_promotion_code(session.id, "HUNDRED")
    paid = await shop.submit(session)
    assert (paid.payment_intent or {})["amount"] == total - 100
    closed = await shop.session()
    with pytest.raises(Refusal):
        await engine.apply_promotion_code(closed.id, "HUNDRED")


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({"duration": "once"}, [50, 100, 100]),
        ({"duration": "repeating", "duration_in_months": 2}, [50, 50, 100]),
        ({"duration": "forever"}, [50, 50, 50]),
    ],
)
async def test_a_subscription_is_discounted_as_long_as_the_coupon_says(shop: Shop, terms: Any, expected: list[int]) -> None:
    off = await coupon(shop, percent_off=50.0, **terms)
    session = await shop.session("subscription", discounts=[{"coupon": off.id}])
    await shop.submit(session)
    for _ in expected[1:]:
        await shop.served.sandbox.engine.advance(31 * 86_400)
    invoices = (await shop.client.v1.invoices.list_async()).data[::-1]
    whole = invoices[0].subtotal
    assert [(invoice.total * 100 // whole, invoice.amount_paid) for invoice in invoices] == [
        (percent, whole * percent // 100) for percent in expected
    ]
    assert [sum(row.amount for row in invoice.total_discount_amounts or []) for invoice in invoices] == [
        whole - whole * percent // 100 for percent in expected
    ]


async def test_a_subscriptions_discount_is_expanded(shop: Shop) -> None:
    off = await coupon(shop, percent_off=50.0, duration="repeating", duration_in_months=2)
    await shop.submit(await shop.session("subscription", discounts=[{"coupon": off.id}]))
    invoice = (await shop.client.v1.invoices.list_async({"expand": ["data.discounts.source.coupon"]})).data[0]
    (found,) = invoice.discounts
    assert isinstance(found, stripe.Discount)
    subscription = await shop.client.v1.subscriptions.retrieve_async(str(found.subscription), {"expand": ["discounts"]})
    (same,) = subscription.discounts
    assert isinstance(same, stripe.Discount)
    assert (same.id, same.source.coupon) == (found.id, off.id)
    assert isinstance(found.source.coupon, stripe.Coupon)
    assert found.source.coupon.id == off.id
    assert found.start == subscription.start_date
    assert found.end is not None
    assert 58 * 86_400 < found.end - found.start < 63 * 86_400
