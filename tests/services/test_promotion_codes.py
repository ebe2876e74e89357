"""Promotion codes: made here and at Stripe, used at checkout, attributed to whom they are of."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any

import pytest

from models import AuditEntry, CheckoutSession, CreditEntry, Customer, Entitlement, Payment, PromotionCode, RefundRequest, Subscription
from sandbox.debits import BankForm
from services.billing import Billing
from services.catalogue import save_plan
from services.checkout import create_checkout_session
from services.discounts import discounted
from services.errors import AlreadyEntitled, AmountTooSmall, InvalidInput, NotFound, PromotionCodeInvalid, Refusal, StripeUnavailable
from services.mirror import write
from services.promotion_codes import PromotionTerms, create_promotion_code, deactivate_promotion_code
from services.refund_requests import Asked, request_refund
from services.sellers import SellerTerms, save_seller
from tests.services.between import Between, afterwards, instead
from tests.services.shop import ALICE, BOB, COURSE, SUPPORT, checkout
from tests.services.test_duplicates import BUYER, MONTHLY, opened, submit, told


def terms(**more: Any) -> PromotionTerms:
    """Of a code that no other test has made at the sandbox of all."""
    given: dict[str, Any] = {"code": f"Spring-{token_hex(6)}", "percent_off": 10.0}
    return PromotionTerms(**given | more)


async def made(billing: Billing, wanted: PromotionTerms, key: str | None = None) -> PromotionCode:
    done = await create_promotion_code(billing, SUPPORT, wanted, key)
    return await PromotionCode.get(id=done.object_id)


async def test_a_code_is_made_here_and_at_stripe(shop: Billing, stripe: Between) -> None:
    ends = datetime.now(UTC) + timedelta(days=30)
    wanted = terms(max_redemptions=3, expires_at=ends, duration_in_months=2, plan_codes=("course", "course", "pro"))
    row = await made(shop, wanted, "key")
    assert (await made(shop, wanted, "key")).id == row.id
    assert (row.code, row.active, row.percent_off, row.duration, row.duration_in_months) == (wanted.code, True, 10.0, "REPEATING", 2)
    assert (row.max_redemptions, row.times_redeemed, len(row.product_ids), row.expires_at) == (3, 0, 2, ends.replace(microsecond=0))
    coupon = await shop.stripe.retrieve("coupon", row.id)
    code = await shop.stripe.retrieve("promotion_code", str(row.stripe_promotion_code_id))
    assert coupon is not None
    assert code is not None
    assert (coupon.object["percent_off"], coupon.object["duration"], coupon.object["duration_in_months"]) == (10.0, "repeating", 2)
    assert sorted(coupon.object["applies_to"]["products"]) == sorted(row.product_ids)
    assert (code.object["code"], code.object["max_redemptions"], code.object["metadata"]) == (wanted.code, 3, {"billgraph_id": row.id})
    assert stripe.keys("/promotion_codes") == [f"promotion-code-{row.id}"]
    assert (await AuditEntry.get(action="promotion_code.create", object_id=row.id, actor="SUPPORT:dora")).changes["percent_off"] == 10.0


@pytest.mark.parametrize(
    ("change", "kind", "field"),
    [
        ({"code": ""}, InvalidInput, ("code",)),
        ({"code": "a b"}, InvalidInput, ("code",)),
        ({"code": "é"}, InvalidInput, ("code",)),
        ({"code": "a" * 501}, InvalidInput, ("code",)),
        ({"percent_off": 0.0}, InvalidInput, ("percentOff",)),
        ({"percent_off": 100.01}, InvalidInput, ("percentOff",)),
        ({"percent_off": 1.234}, InvalidInput, ("percentOff",)),
        ({"percent_off": None}, InvalidInput, ("percentOff",)),
        ({"amount_off": 100, "currency": "USD"}, InvalidInput, ("percentOff",)),
        ({"percent_off": None, "amount_off": 100}, InvalidInput, ("currency",)),
        ({"percent_off": None, "amount_off": 0, "currency": "USD"}, InvalidInput, ("amountOff",)),
        ({"percent_off": None, "amount_off": 5, "currency": "KWD"}, InvalidInput, ("amountOff",)),
        ({"currency": "USD"}, InvalidInput, ("currency",)),
        ({"duration_in_months": 0}, InvalidInput, ("durationInMonths",)),
        ({"duration_in_months": 3, "forever": True}, InvalidInput, ("durationInMonths",)),
        ({"max_redemptions": 0}, InvalidInput, ("maxRedemptions",)),
        ({"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}, InvalidInput, ("expiresAt",)),
        ({"expires_at": datetime(2999, 1, 1, tzinfo=UTC)}, InvalidInput, ("expiresAt",)),
        ({"plan_codes": ()}, InvalidInput, ("planCodes",)),
        ({"plan_codes": ("course", "nothing")}, NotFound, ("planCodes", "1")),
        ({"seller_id": "sel_unknown"}, NotFound, ("sellerId",)),
    ],
)
async def test_what_cannot_be_made(
    shop: Billing, stripe: Between, change: dict[str, Any], kind: type[Refusal], field: tuple[str, ...]
) -> None:
    with pytest.raises(kind) as refused:
        await made(shop, terms(**change))
    assert refused.value.field == field
    assert (await PromotionCode.all().count(), await AuditEntry.all().count(), stripe.posted) == (0, 0, [])


async def test_two_active_codes_do_not_read_the_same(shop: Billing) -> None:
    first = await made(shop, terms())
    with pytest.raises(InvalidInput) as refused:
        await made(shop, terms(code=first.code.upper()))
    assert (refused.value.field, await PromotionCode.all().count()) == (("code",), 1)
    for _ in range(2):
        await deactivate_promotion_code(shop, SUPPORT, first.id, None)
    assert (await PromotionCode.get()).active is False
    told = await AuditEntry.filter(object_id=first.id).order_by("id")
    assert [entry.changes["active"] for entry in told if "active" in entry.changes] == [[False, True], [True, False]]
    assert [entry.actor for entry in told if entry.action == "promotion_code.deactivate"] == ["SUPPORT:dora"] * 2
    assert (await made(shop, terms(code=first.code.lower()))).active is True


async def test_a_lost_answer_is_finished_with_the_same_code(shop: Billing, stripe: Between) -> None:
    wanted = terms()
    for fault in (("/coupons", instead(502)), ("/promotion_codes", afterwards(502))):
        stripe.faults = [fault] * 4
        with pytest.raises(StripeUnavailable):
            await made(shop, wanted, "key")
        assert (await PromotionCode.get()).active is False
    stripe.faults = []
    row = await made(shop, wanted, "key")
    assert (row.active, await PromotionCode.all().count()) == (True, 1)


async def test_a_checkout_with_a_code(shop: Billing, stripe: Between) -> None:
    seller = (await save_seller(SUPPORT, SellerTerms("carol", "Carol"), None)).object_id
    row = await made(shop, terms(percent_off=12.5, seller_id=seller))
    session = await opened(shop, plan_code="course", promotion_code=row.code.lower())
    payment = await Payment.get(id=str(session.payment_id))
    assert (payment.amount, payment.seller_id, payment.promotion_code_id) == (43_662, seller, row.id)
    assert (await opened(shop, plan_code="course", promotion_code=row.code)).id == session.id
    assert (await opened(shop, plan_code="course")).id != session.id
    await submit(stripe, session)
    await told(shop, session)
    payment = await Payment.get(id=payment.id)
    assert (payment.status, payment.amount) == ("SUCCEEDED", 43_662)
    code = await shop.stripe.retrieve("promotion_code", str(row.stripe_promotion_code_id))
    assert code is not None
    await write(shop, code)
    assert (await PromotionCode.get(id=row.id)).times_redeemed == 1


async def test_a_code_that_is_entered_at_stripe_attributes_the_sale(shop: Billing, stripe: Between) -> None:
    seller = (await save_seller(SUPPORT, SellerTerms("carol", "Carol"), None)).object_id
    row = await made(shop, terms(seller_id=seller))
    session = await opened(shop, plan_code="course", allow_promotion_codes=True)
    assert (await Payment.get(id=str(session.payment_id))).seller_id is None
    await stripe.sandbox.engine.apply_promotion_code(str(session.stripe_session_id), row.code)
    await submit(stripe, session)
    await told(shop, session)
    payment = await Payment.get(id=str(session.payment_id))
    assert (payment.amount, payment.seller_id, payment.promotion_code_id) == (44_910, seller, row.id)
    monthly = await opened(shop, **MONTHLY, allow_promotion_codes=True)
    await stripe.sandbox.engine.apply_promotion_code(str(monthly.stripe_session_id), row.code)
    await submit(stripe, monthly)
    await told(shop, monthly)
    subscription = await Subscription.get()
    renewal = await Payment.get(subscription_id=subscription.id)
    assert (subscription.seller_id, renewal.seller_id, renewal.amount) == (seller, seller, 1_710)


async def test_what_was_asked_for_before_a_sale_was_attributed_is_attributed_with_it(shop: Billing, stripe: Between) -> None:
    seller = (await save_seller(SUPPORT, SellerTerms("carol", "Carol"), None)).object_id
    row = await made(shop, terms(seller_id=seller))
    session = await opened(shop, plan_code="course", allow_promotion_codes=True)
    await stripe.sandbox.engine.apply_promotion_code(str(session.stripe_session_id), row.code)
    await submit(stripe, session)
    read = await shop.stripe.retrieve("checkout.session", str(session.stripe_session_id))
    assert read is not None
    intent = await shop.stripe.retrieve("payment_intent", read.object["payment_intent"])
    assert intent is not None
    await write(shop, intent)
    await request_refund(ALICE, Asked(str(session.payment_id), "Broken", 100), None)
    assert (await RefundRequest.get()).seller_id is None
    await told(shop, session)
    assert ((await Payment.get(id=str(session.payment_id))).seller_id, (await RefundRequest.get()).seller_id) == (seller, seller)


async def test_a_plan_of_a_sellers_own_stays_theirs(shop: Billing) -> None:
    carol, dan = [(await save_seller(SUPPORT, SellerTerms(name, name), None)).object_id for name in ("carol", "dan")]
    await save_plan(shop, replace(COURSE, seller_id=carol))
    row = await made(shop, terms(seller_id=dan))
    session = await opened(shop, plan_code="course", promotion_code=row.code)
    assert (await Payment.get(id=str(session.payment_id))).seller_id == carol
    await save_plan(shop, COURSE)


async def test_what_is_free_is_given_at_once(shop: Billing, stripe: Between) -> None:
    row = await made(shop, terms(percent_off=100.0))
    session = await opened(shop, plan_code="course", promotion_code=row.code)
    await submit(stripe, session)
    await told(shop, session)
    payment = await Payment.get(id=str(session.payment_id))
    assert (payment.status, payment.amount, payment.stripe_payment_intent_id) == ("SUCCEEDED", 0, None)
    assert {right.feature for right in await Entitlement.filter(revoked_reason=None)} == {"course", "export"}
    assert [entry.amount for entry in await CreditEntry.all()] == [7]


@pytest.mark.parametrize(
    "change",
    [
        {"active": False},
        {"expires_at": datetime(2020, 1, 1, tzinfo=UTC)},
        {"times_redeemed": 5, "max_redemptions": 5},
        {"product_ids": ["prod_other"]},
        {"percent_off": None, "amount_off": 100, "currency": "EUR"},
        {"customer": "bob"},
        {"code_key": "OTHER"},
    ],
)
async def test_a_code_that_does_not_fit_tells_nothing(shop: Billing, change: dict[str, Any]) -> None:
    row = await made(shop, terms())
    if "customer" in change:
        bob = await Customer.create(external_id=BOB.viewer.external_id)
        change = {"customer_id": bob.id}
    await PromotionCode.filter(id=row.id).update(**change)
    with pytest.raises(PromotionCodeInvalid) as refused:
        await create_checkout_session(shop, ALICE, checkout(plan_code="course", promotion_code=row.code))
    assert (refused.value.message, refused.value.field) == ("This code cannot be used for this purchase.", ("promotionCode",))
    assert (await CheckoutSession.all().count(), await Payment.all().count()) == (0, 0)


async def test_what_contradicts_itself(shop: Billing) -> None:
    row = await made(shop, terms(percent_off=99.95))
    with pytest.raises(InvalidInput):
        await create_checkout_session(shop, ALICE, checkout(plan_code="course", promotion_code=row.code, allow_promotion_codes=True))
    with pytest.raises(AmountTooSmall) as refused:
        await create_checkout_session(shop, ALICE, checkout(plan_code="course", promotion_code=row.code))
    assert (refused.value.field, await Payment.all().count()) == (("promotionCode",), 0)


@pytest.mark.parametrize(
    ("amount", "percent", "left"), [(1_000, 12.5, 875), (999, 50.0, 499), (1, 50.0, 0), (49_900, 33.33, 33_268), (78_000, 100.0, 0)]
)
def test_per_cents_are_rounded_half_up(amount: int, percent: float, left: int) -> None:
    assert discounted(amount, PromotionCode(percent_off=percent, amount_off=None)) == left


async def test_a_bank_debit_is_processing_until_it_is_paid(shop: Billing, stripe: Between) -> None:
    for account, status in (("000222222227", "FAILED"), ("000123456789", "SUCCEEDED")):
        session = await opened(shop, plan_code="course")
        await stripe.sandbox.engine.submit_checkout(str(session.stripe_session_id), BankForm("us_bank_account", account), BUYER)
        await told(shop, session)
        payment = await Payment.get(id=str(session.payment_id))
        assert (payment.status, await Entitlement.all().count()) == ("PROCESSING", 0)
        with pytest.raises(AlreadyEntitled):
            await opened(shop, plan_code="course")
        await stripe.sandbox.advance(200)
        await told(shop, session)
        payment = await Payment.get(id=payment.id)
        assert payment.status == status
    payment = await Payment.get(status="SUCCEEDED")
    assert (payment.method_type, payment.method_last4, payment.method_brand) == ("us_bank_account", "6789", "STRIPE TEST BANK")
    assert await Entitlement.all().count() == 2
