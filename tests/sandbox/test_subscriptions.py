"""Subscriptions and their invoices: by call, in the portal, and as time passes."""

from typing import Any

import pytest
import stripe

from sandbox.errors import CardRefusal, Refusal
from tests.sandbox.served import Shop, card


async def with_card(shop: Shop, method: str = "pm_card_visa") -> str:
    kept = await shop.client.v1.payment_methods.attach_async(method, {"customer": shop.customer.id})
    await shop.served.types()
    return kept.id


def terms(shop: Shop, method: str | None = None, **more: Any) -> Any:
    given = {"customer": shop.customer.id, "items": [{"price": shop.monthly.id, "quantity": 2}], "default_payment_method": method}
    return given | more


async def test_created_by_call_and_paid(shop: Shop) -> None:
    method = await with_card(shop)
    made = await shop.client.v1.subscriptions.create_async(terms(shop, method, metadata={"a": "b"}, expand=["latest_invoice"]))
    assert (made.status, made["items"].data[0].quantity, made.default_payment_method) == ("active", 2, method)
    assert isinstance(made.latest_invoice, stripe.Invoice)
    assert (made.latest_invoice.status, made.latest_invoice.amount_paid) == ("paid", 3000)
    lines = await shop.client.v1.invoices.line_items.list_async(made.latest_invoice.id)
    assert [(line.amount, line.quantity) for line in lines.data] == [(3000, 2)]
    types = await shop.served.types()
    assert (types[0], types[-1]) == ("customer.subscription.created", "customer.subscription.updated")


async def test_a_declined_first_payment(shop: Shop) -> None:
    method, v1 = await with_card(shop, "pm_card_chargeCustomerFail"), shop.client.v1
    with pytest.raises(stripe.CardError) as refused:
        await v1.subscriptions.create_async(terms(shop, method, payment_behavior="error_if_incomplete"))
    assert refused.value.code == "card_declined"
    assert (await v1.subscriptions.list_async({"status": "all"})).data == []
    assert await shop.served.types() == []

    made = await v1.subscriptions.create_async(terms(shop, method))
    assert made.status == "incomplete"
    invoice = await v1.invoices.retrieve_async(str(made.latest_invoice), {"expand": ["confirmation_secret"]})
    assert (invoice.status, invoice.attempt_count, invoice.amount_remaining) == ("open", 1, 3000)
    assert invoice.confirmation_secret is not None
    assert invoice.confirmation_secret.client_secret.startswith("pi_")
    paid = await v1.invoices.pay_async(str(made.latest_invoice), {"payment_method": "pm_card_visa"})
    assert paid.status == "paid"
    assert (await v1.subscriptions.retrieve_async(made.id)).status == "active"
    with pytest.raises(stripe.InvalidRequestError, match="already paid"):
        await v1.invoices.pay_async(paid.id)


async def test_an_unpaid_first_invoice_is_given_up(shop: Shop) -> None:
    made = await shop.client.v1.subscriptions.create_async(terms(shop, payment_behavior="default_incomplete"))
    shop.served.sandbox.clock.advance(23 * 3600)
    await shop.served.sandbox.drain()
    assert (await shop.client.v1.subscriptions.retrieve_async(made.id)).status == "incomplete_expired"
    assert (await shop.client.v1.invoices.retrieve_async(str(made.latest_invoice))).status == "void"


async def test_what_is_refused(shop: Shop) -> None:
    v1 = shop.client.v1
    cases: list[tuple[Any, tuple[str | None, str | None]]] = [
        (terms(shop), ("resource_missing", None)),
        (terms(shop, "pm_none"), ("resource_missing", "default_payment_method")),
        (terms(shop, items=None), ("parameter_missing", "items")),
        (terms(shop, items=[{"price": shop.once.id}]), (None, "items[0][price]")),
        (terms(shop, items=[{"quantity": 1}]), ("parameter_missing", "items[0][price]")),
        (terms(shop, trial_end=5), (None, "trial_end")),
        (terms(shop, trial_end="soon"), ("parameter_invalid_integer", "trial_end")),
        (terms(shop, current_period_end=5), ("parameter_unknown", "current_period_end")),
    ]
    for given, (code, param) in cases:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await v1.subscriptions.create_async(given)
        assert (refused.value.code, refused.value.param) == (code, param), given
    assert (await v1.subscriptions.list_async({"status": "all"})).data == []


async def test_planned_end_taken_back_and_reached(shop: Shop) -> None:
    v1, made = shop.client.v1, await shop.subscribed()
    end = made["items"].data[0].current_period_end
    planned = await v1.subscriptions.update_async(made.id, {"cancel_at_period_end": True})
    assert (planned.cancel_at_period_end, planned.cancel_at) == (True, end)
    resumed = await v1.subscriptions.update_async(made.id, {"cancel_at_period_end": False})
    assert (resumed.cancel_at_period_end, resumed.cancel_at, resumed.canceled_at) == (False, None, None)
    await v1.subscriptions.update_async(made.id, {"cancel_at_period_end": True})
    assert await shop.served.types() == ["customer.subscription.updated"] * 3
    events = await v1.events.list_async({"type": "customer.subscription.updated", "limit": 1})
    assert events.data[0].data.previous_attributes is not None
    assert events.data[0].data.previous_attributes["cancel_at_period_end"] is False
    shop.served.sandbox.clock.advance(end - shop.served.sandbox.clock.now())
    assert await shop.served.types() == ["customer.subscription.deleted"]
    assert (await v1.subscriptions.retrieve_async(made.id)).status == "canceled"


async def test_the_next_period_is_charged(shop: Shop) -> None:
    v1, made = shop.client.v1, await shop.subscribed()
    end = made["items"].data[0].current_period_end
    shop.served.sandbox.clock.advance(end - shop.served.sandbox.clock.now())
    types = await shop.served.types()
    assert types[:2] == ["invoice.upcoming", "customer.subscription.updated"]
    assert types[2:6] == ["invoice.created", "invoice.finalized", "payment_intent.created", "charge.succeeded"]
    renewed = await v1.subscriptions.retrieve_async(made.id)
    assert (renewed.status, renewed["items"].data[0].current_period_start) == ("active", end)
    reasons = [found.billing_reason for found in (await v1.invoices.list_async({"subscription": made.id})).data]
    assert reasons == ["subscription_cycle", "subscription_create"]


async def test_a_trial_ends_in_a_charge(shop: Shop) -> None:
    made = await shop.subscribed(subscription_data={"trial_period_days": 3})
    shop.served.sandbox.clock.advance(3 * 86400)
    await shop.served.sandbox.drain()
    after = await shop.client.v1.subscriptions.retrieve_async(made.id)
    assert after.status == "active"
    assert [charge.amount for charge in (await shop.client.v1.charges.list_async()).data] == [1500]


async def test_change_of_price_and_quantity(shop: Shop) -> None:
    v1, made = shop.client.v1, await shop.subscribed()
    recurring: Any = {"interval": "month"}
    other = await v1.prices.create_async({"product": shop.product.id, "currency": "usd", "unit_amount": 3000, "recurring": recurring})
    changed = await v1.subscriptions.update_async(made.id, {"items": [{"id": made["items"].data[0].id, "price": other.id, "quantity": 5}]})
    item = changed["items"].data[0]
    assert (item.id, item.price.id, item.quantity, item.plan.amount) == (made["items"].data[0].id, other.id, 5, 3000)


async def test_canceled_at_once(shop: Shop) -> None:
    v1, made = shop.client.v1, await shop.subscribed()
    ended = await v1.subscriptions.cancel_async(made.id)
    assert (ended.status, ended.ended_at is not None) == ("canceled", True)
    assert await shop.served.types() == ["customer.subscription.deleted"]
    for call in (v1.subscriptions.cancel_async(made.id), v1.subscriptions.update_async(made.id, {"cancel_at_period_end": True})):
        with pytest.raises(stripe.InvalidRequestError):
            await call
    assert (await v1.subscriptions.list_async()).data == []
    assert [found.id for found in (await v1.subscriptions.list_async({"status": "canceled"})).data] == [made.id]


async def test_the_portal(shop: Shop) -> None:
    v1, engine, made = shop.client.v1, shop.served.sandbox.engine, await shop.subscribed()
    session = await v1.billing_portal.sessions.create_async({"customer": shop.customer.id, "return_url": "https://shop.test"})
    assert (session.url, session.return_url) == (f"{shop.served.url}/portal/{session.id}", "https://shop.test")
    view = await engine.portal(session.id)
    assert [found["id"] for found in view.subscriptions] == [made.id]
    assert [found["id"] for found in view.invoices] == [made.latest_invoice]
    assert view.products[shop.product.id]["name"] == "Plan"

    planned = await engine.cancel_subscription(session.id, made.id)
    assert (planned["cancel_at"], planned["cancel_at_period_end"]) == (made["items"].data[0].current_period_end, False)
    resumed = await engine.resume_subscription(session.id, made.id)
    assert resumed["cancel_at"] is None
    method = await engine.replace_card(session.id, card("5555555555554444"), "Ada")
    assert (await v1.subscriptions.retrieve_async(made.id)).default_payment_method == method["id"]
    assert (await engine.portal(session.id)).default_payment_method == method["id"]
    with pytest.raises(CardRefusal) as refused:
        await engine.replace_card(session.id, card("4000000000000002"))
    assert refused.value.code == "card_declined"


async def test_the_portal_shows_nobody_elses(shop: Shop) -> None:
    made = await shop.subscribed()
    other = await shop.client.v1.customers.create_async({"email": "eve@example.com"})
    session = await shop.client.v1.billing_portal.sessions.create_async({"customer": other.id})
    with pytest.raises(Refusal) as refused:
        await shop.served.sandbox.engine.cancel_subscription(session.id, made.id)
    assert refused.value.status == 404
    assert (await shop.client.v1.subscriptions.retrieve_async(made.id)).cancel_at is None


async def test_portal_configurations(shop: Shop) -> None:
    v1 = shop.client.v1.billing_portal
    given: Any = {"features": {"invoice_history": {"enabled": True}}, "business_profile": {"headline": "Hi"}}
    made = await v1.configurations.create_async(given)
    assert (made.is_default, made.features.invoice_history.enabled, made.features.subscription_cancel.enabled) == (False, True, False)
    session = await v1.sessions.create_async({"customer": shop.customer.id, "configuration": made.id})
    assert session.configuration == made.id
    changed = await v1.configurations.update_async(made.id, {"active": False})
    assert [found.id for found in (await v1.configurations.list_async({"active": False})).data] == [changed.id]


async def test_an_invoice_is_paid_on_its_page(shop: Shop) -> None:
    made = await shop.client.v1.subscriptions.create_async(terms(shop, payment_behavior="default_incomplete"))
    invoice, engine = str(made.latest_invoice), shop.served.sandbox.engine
    assert (await engine.pay_invoice(invoice, card("4000000000000002"))).status == "declined"
    assert (await engine.pay_invoice(invoice, card())).status == "succeeded"
    shown = await engine.invoice(invoice)
    assert (shown["status"], shown["hosted_invoice_url"]) == ("paid", f"{shop.served.url}/invoices/{invoice}")
    with pytest.raises(Refusal, match="paid"):
        await engine.pay_invoice(invoice, card())
