"""Coupons and promotion codes: made, changed, listed, ended."""

from typing import Any

import pytest
import stripe

from tests.sandbox.served import Served


async def test_coupons_and_their_codes(served: Served, client: stripe.StripeClient) -> None:
    v1 = client.v1
    coupon = await v1.coupons.create_async({"id": "SUMMER", "percent_off": 12.5, "duration": "repeating", "duration_in_months": 3})
    assert (coupon.id, coupon.percent_off, coupon.valid, coupon.times_redeemed) == ("SUMMER", 12.5, True, 0)
    other = await v1.coupons.create_async({"amount_off": 500, "currency": "USD"})
    assert (len(other.id), other.currency, other.duration) == (8, "usd", "once")
    code = await v1.promotion_codes.create_async({"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "Sun"})
    second = await v1.promotion_codes.create_async({"promotion": {"type": "coupon", "coupon": other.id}})
    lists: list[tuple[Any, list[str]]] = [
        ({"code": "SUN"}, [code.id]),
        ({"coupon": other.id}, [second.id]), ({"active": True}, [second.id, code.id]), ({"active": False}, []),
    ]  # fmt: skip
    for given, ids in lists:
        assert [found.id for found in (await v1.promotion_codes.list_async(given)).data] == ids
    expanded = await v1.promotion_codes.retrieve_async(code.id, {"expand": ["promotion.coupon"]})
    assert isinstance(expanded.promotion.coupon, stripe.Coupon)
    assert expanded.promotion.coupon.id == "SUMMER"
    await v1.coupons.update_async(coupon.id, {"name": "Summer"})
    await v1.promotion_codes.update_async(code.id, {"metadata": {"a": "1"}})
    assert (await v1.coupons.delete_async(coupon.id)).deleted is True
    assert (await v1.promotion_codes.retrieve_async(code.id)).active is False
    assert [found.id for found in (await v1.coupons.list_async()).data] == [other.id]
    assert await served.types() == [
        "coupon.created", "coupon.created", "promotion_code.created", "promotion_code.created", "coupon.updated",
        "promotion_code.updated", "coupon.deleted", "promotion_code.updated",
    ]  # fmt: skip


async def test_they_end_by_time(served: Served, client: stripe.StripeClient) -> None:
    at = served.sandbox.clock.now() + 100
    coupon = await client.v1.coupons.create_async({"percent_off": 10.0, "redeem_by": at})
    promotion: Any = {"type": "coupon", "coupon": coupon.id}
    code = await client.v1.promotion_codes.create_async({"promotion": promotion, "expires_at": at - 50})
    await served.types()
    await served.sandbox.engine.advance(101)
    assert await served.types() == ["promotion_code.updated", "coupon.updated"]
    assert (await client.v1.promotion_codes.retrieve_async(code.id)).active is False
    assert (await client.v1.coupons.retrieve_async(coupon.id)).valid is False
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.promotion_codes.create_async({"promotion": promotion})


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"percent_off": 0.0},
        {"percent_off": 101.0},
        {"percent_off": 5.0, "amount_off": 5, "currency": "usd"},
        {"amount_off": 5},
        {"amount_off": 0, "currency": "usd"},
        {"percent_off": 5.0, "duration": "repeating"},
        {"percent_off": 5.0, "redeem_by": 1},
        {"percent_off": 5.0, "applies_to": {"products": ["prod_x"]}},
    ],
)
async def test_what_is_no_coupon(served: Served, client: stripe.StripeClient, given: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.coupons.create_async(given)
    assert (await client.v1.coupons.list_async()).data == []
    assert await served.types() == []


async def test_two_active_codes_cannot_read_the_same(client: stripe.StripeClient) -> None:
    coupon = await client.v1.coupons.create_async({"id": "C", "percent_off": 10.0})
    promotion: Any = {"type": "coupon", "coupon": coupon.id}
    first = await client.v1.promotion_codes.create_async({"promotion": promotion, "code": "SALE"})
    for refused in (
        client.v1.promotion_codes.create_async({"promotion": promotion, "code": "sale"}),
        client.v1.coupons.create_async({"id": "C", "percent_off": 10.0}),
        client.v1.promotion_codes.create_async({"promotion": {"type": "coupon", "coupon": "none"}}),
    ):
        with pytest.raises(stripe.InvalidRequestError):
            await refused
    await client.v1.promotion_codes.update_async(first.id, {"active": False})
    assert (await client.v1.promotion_codes.create_async({"promotion": promotion, "code": "sale"})).active is True


async def test_a_coupon_may_be_for_some_products(client: stripe.StripeClient) -> None:
    product = await client.v1.products.create_async({"name": "Course"})
    made = await client.v1.coupons.create_async({"percent_off": 5, "applies_to": {"products": [product.id]}})
    assert "applies_to" not in made
    shown = await client.v1.coupons.retrieve_async(made.id, {"expand": ["applies_to"]})
    assert shown.applies_to is not None
    assert shown.applies_to.products == [product.id]
    other = await client.v1.coupons.create_async({"percent_off": 5})
    assert (await client.v1.coupons.retrieve_async(other.id, {"expand": ["applies_to"]})).applies_to is None
