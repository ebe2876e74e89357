"""The customer portal: one's own, back to allowed origins."""

import pytest

from models import AuditEntry, Customer, IdempotencyKey
from services.billing import Billing
from services.errors import (
    InvalidInput,
    NoStripeCustomer,
    NotFound,
    PortalNotConfigured,
    Refusal,
    StripeRejected,
    SubscriptionNotActive,
    UrlNotAllowed,
)
from services.payment_intents import create_payment_intent
from services.portal import PortalFlow, PortalRequest, create_portal_session
from tests.services.between import Between, error
from tests.services.shop import ALICE, BOB, course, paid, subscribed

NOT_CONFIGURED = "No configuration provided and your test mode default configuration has not been created."


async def test_the_caller_s_own_portal(shop: Billing, stripe: Between) -> None:
    await paid(shop)
    done = await create_portal_session(shop, ALICE, PortalRequest())
    customer = await Customer.get()
    assert done.object_id == customer.id
    assert done.extra is not None
    assert done.extra.startswith("http")
    entry = await AuditEntry.get(action="portal_session.create")
    assert (entry.actor, entry.object_id, entry.changes) == ("CUSTOMER:alice", customer.id, {"flow": "HOME", "subscription": None})
    await create_portal_session(shop, ALICE, PortalRequest("https://app.example/account", PortalFlow.PAYMENT_METHOD_UPDATE))


async def test_the_same_key_gives_the_same_url_though_it_is_kept_nowhere(shop: Billing, stripe: Between) -> None:
    await paid(shop)
    first = await create_portal_session(shop, ALICE, PortalRequest(), "key")
    assert (await create_portal_session(shop, ALICE, PortalRequest(), "key")).extra == first.extra
    kept = await IdempotencyKey.get()
    assert kept.answer == {"object": first.object_id}
    assert stripe.keys("/billing_portal/sessions") == [f"portal-session-{kept.id}"] * 2
    assert (await create_portal_session(shop, ALICE, PortalRequest())).extra != first.extra


async def test_who_never_bought_has_no_portal(shop: Billing, stripe: Between) -> None:
    with pytest.raises(NoStripeCustomer):
        await create_portal_session(shop, BOB, PortalRequest())
    await Customer(external_id="bob").save(force_create=True)
    with pytest.raises(NoStripeCustomer):
        await create_portal_session(shop, BOB, PortalRequest())
    assert (await AuditEntry.all().count(), stripe.posted) == (0, [])


@pytest.mark.parametrize(
    ("request_of", "refusal", "field"),
    [
        (PortalRequest("https://evil.example/"), UrlNotAllowed, ("returnUrl",)),
        (PortalRequest("//app.example/"), UrlNotAllowed, ("returnUrl",)),
        (PortalRequest(flow=PortalFlow.SUBSCRIPTION_CANCEL), InvalidInput, ("subscriptionId",)),
        (PortalRequest(flow=PortalFlow.SUBSCRIPTION_UPDATE), InvalidInput, ("subscriptionId",)),
        (PortalRequest(flow=PortalFlow.HOME, subscription_id="sbn_1"), InvalidInput, ("subscriptionId",)),
        (PortalRequest(flow=PortalFlow.SUBSCRIPTION_CANCEL, subscription_id="sbn_unknown"), NotFound, ("subscriptionId",)),
        (PortalRequest(flow=PortalFlow.SUBSCRIPTION_CANCEL, subscription_id="\0"), InvalidInput, ("subscriptionId",)),
        (PortalRequest(flow=PortalFlow.SUBSCRIPTION_CANCEL, subscription_id="s" * 33), InvalidInput, ("subscriptionId",)),
    ],
)
async def test_refusals_change_nothing(
    shop: Billing, stripe: Between, request_of: PortalRequest, refusal: type[Refusal], field: tuple[str, ...]
) -> None:
    await paid(shop)
    stripe.clear()
    with pytest.raises(refusal) as refused:
        await create_portal_session(shop, ALICE, request_of)
    assert (refused.value.field, stripe.posted) == (field, [])
    assert await AuditEntry.filter(action="portal_session.create").count() == 0


async def test_flows_about_a_subscription_take_one_s_own_that_has_not_ended(shop: Billing, stripe: Between) -> None:
    await paid(shop)
    customer = await Customer.get()
    await create_payment_intent(shop, BOB, course())
    other = await Customer.get(external_id="bob")
    ended = await subscribed(ALICE, customer.id, "CANCELED", "sub_ended")
    theirs = await subscribed(BOB, other.id, "ACTIVE", "sub_theirs")
    live = await subscribed(ALICE, customer.id, "ACTIVE", "sub_live")
    stripe.clear()
    with pytest.raises(SubscriptionNotActive):
        await create_portal_session(shop, ALICE, PortalRequest(flow=PortalFlow.SUBSCRIPTION_CANCEL, subscription_id=ended.id))
    with pytest.raises(NotFound):
        await create_portal_session(shop, ALICE, PortalRequest(flow=PortalFlow.SUBSCRIPTION_CANCEL, subscription_id=theirs.id))
    assert stripe.posted == []
    with pytest.raises(StripeRejected) as refused:
        await create_portal_session(shop, ALICE, PortalRequest(flow=PortalFlow.SUBSCRIPTION_CANCEL, subscription_id=live.id))
    assert "sub_live" in refused.value.message


async def test_an_account_without_a_portal(shop: Billing, stripe: Between) -> None:
    await paid(shop)
    stripe.faults = [("/billing_portal/sessions", error(400, "invalid_request_error", NOT_CONFIGURED))]
    with pytest.raises(PortalNotConfigured):
        await create_portal_session(shop, ALICE, PortalRequest())
