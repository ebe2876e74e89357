"""Checkout sessions: what is asked of Stripe, what is written, what is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models import AuditEntry, BillingInterval, CheckoutSession, Customer, IdempotencyKey, Payment, Plan, Price
from services.billing import Billing
from services.checkout import CheckoutRequest, create_checkout_session
from services.errors import (
    AlreadyEntitled,
    AlreadySubscribed,
    AmountTooSmall,
    InvalidInput,
    NotFound,
    PlanInactive,
    PriceUnavailable,
    Refusal,
    StripeRejected,
    UrlNotAllowed,
)
from tests.services.between import Between, error
from tests.services.conftest import settings_for
from tests.services.shop import ALICE, BOB, checkout, paid, price_of, subscribed

MONTHLY = {"plan_code": "pro", "currency": "USD", "interval": BillingInterval.MONTH}


async def created(billing: Billing, request: CheckoutRequest, key: str | None = None) -> CheckoutSession:
    done = await create_checkout_session(billing, ALICE, request, key)
    return await CheckoutSession.get(id=done.object_id)


async def at_stripe(billing: Billing, row: CheckoutSession) -> dict[str, Any]:
    found = await billing.stripe.retrieve("checkout.session", str(row.stripe_session_id))
    assert found is not None
    return found.object


async def nothing_written() -> bool:
    counts = [await model.all().count() for model in (CheckoutSession, Payment, Customer, AuditEntry, IdempotencyKey)]
    return counts == [0, 0, 0, 0, 0]


async def test_a_package(shop: Billing, stripe: Between) -> None:
    request = checkout(plan_code="course", currency="USD", quantity=2, metadata={"order": "7"})
    row = await created(shop, request)
    payment = await Payment.get(id=str(row.payment_id))
    customer = await Customer.get()
    price = await price_of("course", "USD")
    assert (row.mode, row.status, row.quantity, row.price_id) == ("PAYMENT", "OPEN", 2, price.id)
    assert (payment.status, payment.amount, payment.currency, payment.quantity) == ("PENDING", 99_800, "USD", 2)
    assert (payment.customer_id, payment.plan_id, payment.metadata) == (customer.id, price.plan_id, {"order": "7"})
    assert stripe.keys("/sessions") == [f"checkout-session-{row.id}"]
    told = await at_stripe(shop, row)
    assert (told["mode"], told["customer"], told["client_reference_id"]) == ("payment", customer.stripe_customer_id, "alice")
    assert (told["amount_total"], told["currency"], told["url"]) == (99_800, "usd", row.url)
    assert told["metadata"] == {"order": "7", "billgraph_id": row.id}
    assert told["success_url"] == shop.settings.success_url
    assert row.expires_at == datetime.fromtimestamp(told["expires_at"], UTC)
    entry = await AuditEntry.get(object_id=row.id, action="checkout_session.create")
    assert (entry.actor, entry.request_id) == ("CUSTOMER:alice", "request-1")
    assert entry.changes == {"price": price.id, "quantity": 2, "payment": payment.id}


async def test_a_subscription_has_no_payment_before_it_is_paid(shop: Billing) -> None:
    price = await price_of("pro", "USD", "YEAR")
    row = await created(shop, checkout(price_id=price.id, metadata={"team": "red"}))
    assert (row.mode, row.payment_id, row.subscription_id, await Payment.all().count()) == ("SUBSCRIPTION", None, None, 0)
    assert row.parameters["subscription_data"] == {
        "metadata": {"team": "red", "billgraph_checkout_session": row.id, "billgraph_customer": row.customer_id},
        "trial_period_days": 14,
    }
    assert (await at_stripe(shop, row))["mode"] == "subscription"


async def test_the_default_currency_is_the_configured_one(shop: Billing) -> None:
    row = await created(shop, checkout(plan_code="course"))
    assert row.price_id == (await price_of("course", "USD")).id


async def test_urls_and_promotion_codes_of_the_caller(shop: Billing) -> None:
    back = "https://app.example/done?s={CHECKOUT_SESSION_ID}"
    row = await created(shop, checkout(plan_code="course", success_url=back, cancel_url="https://app.example/", allow_promotion_codes=True))
    told = await at_stripe(shop, row)
    assert (told["success_url"], told["cancel_url"], told["allow_promotion_codes"]) == (back, "https://app.example/", True)


@pytest.mark.parametrize(("minutes", "lasts"), [(30, 31), (90, 91), (1439, 1440), (1440, 1440), (None, 1440)])
async def test_expiry(shop: Billing, minutes: int | None, lasts: int) -> None:
    row = await created(shop, checkout(plan_code="course", expires_in_minutes=minutes))
    assert row.expires_at - row.created_at == pytest.approx(timedelta(minutes=lasts), abs=timedelta(seconds=5))
    assert (await at_stripe(shop, row))["expires_at"] == int(row.expires_at.timestamp())


async def test_the_same_key_gives_the_same_session(shop: Billing, stripe: Between) -> None:
    first = await created(shop, checkout(**MONTHLY), "key")
    again = await created(shop, checkout(**MONTHLY), "key")
    assert (first.id, first.stripe_session_id) == (again.id, again.stripe_session_id)
    assert (await CheckoutSession.all().count(), len(stripe.keys("/sessions"))) == (1, 1)


@pytest.mark.parametrize(
    ("request_of", "refusal", "field"),
    [
        ({}, InvalidInput, ("priceId",)),
        ({"price_id": "prc_1", "plan_code": "pro"}, InvalidInput, ("priceId",)),
        ({"price_id": "prc_1", "currency": "USD"}, InvalidInput, ("currency",)),
        ({"price_id": "prc_1", "interval": BillingInterval.MONTH}, InvalidInput, ("interval",)),
        ({"price_id": "prc_unknown"}, NotFound, ("priceId",)),
        ({"price_id": "\0"}, InvalidInput, ("priceId",)),
        ({"price_id": "p" * 33}, InvalidInput, ("priceId",)),
        ({"plan_code": "unknown"}, NotFound, ("planCode",)),
        ({"plan_code": "\ud800"}, InvalidInput, ("planCode",)),
        ({"plan_code": "pro"}, InvalidInput, ("interval",)),
        ({"plan_code": "course", "interval": BillingInterval.MONTH}, InvalidInput, ("interval",)),
        ({"plan_code": "pro", "interval": BillingInterval.WEEK}, PriceUnavailable, ("interval",)),
        ({"plan_code": "course", "currency": "EUR"}, PriceUnavailable, ("currency",)),
        ({"plan_code": "course", "quantity": 0}, InvalidInput, ("quantity",)),
        ({"plan_code": "course", "quantity": -1}, InvalidInput, ("quantity",)),
        ({"plan_code": "course", "quantity": 10_001}, InvalidInput, ("quantity",)),
        ({"plan_code": "course", "quantity": 10**9}, InvalidInput, ("quantity",)),
        ({"plan_code": "course", "quantity": 2_005}, InvalidInput, ("quantity",)),
        ({"plan_code": "credits", "quantity": 4}, AmountTooSmall, ("quantity",)),
        ({"plan_code": "course", "success_url": "https://evil.example/"}, UrlNotAllowed, ("successUrl",)),
        ({"plan_code": "course", "cancel_url": "javascript:alert(1)"}, UrlNotAllowed, ("cancelUrl",)),
        ({"plan_code": "course", "expires_in_minutes": 29}, InvalidInput, ("expiresInMinutes",)),
        ({"plan_code": "course", "expires_in_minutes": 1441}, InvalidInput, ("expiresInMinutes",)),
        ({"plan_code": "course", "metadata": ["x"]}, InvalidInput, ("metadata",)),
        ({"plan_code": "course", "metadata": {"billgraph_id": "pay_1"}}, InvalidInput, ("metadata",)),
    ],
)
async def test_refusals_change_nothing(
    shop: Billing, stripe: Between, request_of: dict[str, Any], refusal: type[Refusal], field: tuple[str, ...]
) -> None:
    with pytest.raises(refusal) as refused:
        await create_checkout_session(shop, ALICE, checkout(**request_of))
    assert refused.value.field == field
    assert await nothing_written()
    assert stripe.posted == []


async def test_what_is_no_longer_sold(shop: Billing) -> None:
    price = await price_of("course", "USD")
    await Price.filter(id=price.id).update(active=False)
    for choice in ({"price_id": price.id}, {"plan_code": "course"}):
        with pytest.raises(PriceUnavailable):
            await create_checkout_session(shop, ALICE, checkout(**choice))
    await Plan.all().update(active=False)
    for choice, field in (({"price_id": price.id}, "priceId"), ({"plan_code": "course"}, "planCode")):
        with pytest.raises(PlanInactive) as refused:
            await create_checkout_session(shop, ALICE, checkout(**choice))
        assert refused.value.field == (field,)
    assert await nothing_written()


async def test_a_course_is_bought_once_and_credits_often(shop: Billing) -> None:
    payment = await paid(shop)
    with pytest.raises(AlreadyEntitled):
        await create_checkout_session(shop, ALICE, checkout(plan_code="course"))
    assert await CheckoutSession.all().count() == 0
    await create_checkout_session(shop, BOB, checkout(plan_code="course"))
    await Payment.filter(id=payment.id).update(status="REFUNDED", amount_refunded=payment.amount)
    await create_checkout_session(shop, ALICE, checkout(plan_code="course"))
    for _ in range(2):
        await create_checkout_session(shop, ALICE, checkout(plan_code="credits", quantity=10))


@pytest.mark.parametrize(("status", "live"), [("ACTIVE", True), ("TRIALING", True), ("PAST_DUE", True), ("CANCELED", False)])
async def test_a_plan_is_subscribed_to_once(shop: Billing, status: str, live: bool) -> None:
    first = await created(shop, checkout(**MONTHLY))
    await subscribed(ALICE, first.customer_id, status)
    if live:
        with pytest.raises(AlreadySubscribed):
            await create_checkout_session(shop, ALICE, checkout(**MONTHLY))
    else:
        await create_checkout_session(shop, ALICE, checkout(**MONTHLY))
    assert await CheckoutSession.all().count() == 1  # the one that stands open is given again
    await create_checkout_session(shop, BOB, checkout(**MONTHLY))


async def test_what_stripe_refuses_for_good_is_failed_and_stays_so(shop: Billing, stripe: Between) -> None:
    stripe.faults = [("/sessions", error(400, "invalid_request_error", "Not in your country"))]
    for _ in range(2):
        with pytest.raises(Refusal) as refused:
            await create_checkout_session(shop, ALICE, checkout(plan_code="course"), "key")
        assert (refused.value.code, refused.value.message) == (StripeRejected.code, "Not in your country")
    row = await CheckoutSession.get()
    assert (row.failure, row.status, row.stripe_session_id) == ("Not in your country", "EXPIRED", None)
    assert (await Payment.get()).status == "CANCELED"
    told = {entry.action: (entry.actor, entry.changes["status"]) for entry in await AuditEntry.filter(action__endswith=".status")}
    assert told == {
        "checkout_session.status": ("billgraph", ["OPEN", "EXPIRED"]),
        "payment.status": ("billgraph", ["PENDING", "CANCELED"]),
    }
    assert (await AuditEntry.all().count(), len(stripe.keys("/sessions"))) == (3, 1)


async def test_nothing_is_sold_when_selling_is_switched_off(stripe: Between, database: str) -> None:
    from services.stripe_gateway import StripeGateway

    settings = settings_for(stripe.base, stripe_enabled=False)
    billing = Billing(settings=settings, stripe=StripeGateway(settings))
    with pytest.raises(StripeRejected):
        await create_checkout_session(billing, ALICE, checkout(plan_code="course"))
    await billing.stripe.close()
    assert await nothing_written()
