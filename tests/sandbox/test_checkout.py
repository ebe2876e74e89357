"""Checkout sessions: what they refuse, how they are paid, how they end."""

from typing import Any

import pytest
import stripe

from sandbox.cards import CardForm
from sandbox.errors import Refusal
from sandbox.submission import Buyer
from tests.sandbox.served import Served, Shop

SUCCESS = "https://shop.test/?s={CHECKOUT_SESSION_ID}"


async def refused(call: Any) -> tuple[int | None, str | None, str | None]:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        await call
    return refusal.value.http_status, refusal.value.code, refusal.value.param


async def test_a_payment(shop: Shop) -> None:
    session = await shop.session(payment_intent_data={"metadata": {"order": "7"}, "description": "Course"}, client_reference_id="u1")
    assert session.url == f"{shop.served.url}/checkout/{session.id}"
    assert (session.status, session.payment_status, session.amount_total, session.payment_intent) == ("open", "unpaid", 5000, None)
    result = await shop.submit(session)
    assert (result.status, result.redirect_url) == ("succeeded", f"https://shop.test/?s={session.id}")
    done = await shop.client.v1.checkout.sessions.retrieve_async(session.id, {"expand": ["payment_intent", "line_items"]})
    assert (done.status, done.payment_status, done.url, done.client_reference_id) == ("complete", "paid", None, "u1")
    assert isinstance(done.payment_intent, stripe.PaymentIntent)
    assert (done.payment_intent.metadata.to_dict(), done.payment_intent.description) == ({"order": "7"}, "Course")
    assert done.payment_intent.customer == shop.customer.id
    assert done.line_items is not None
    assert [(item.description, item.quantity, item.amount_total) for item in done.line_items.data] == [("Plan", 1, 5000)]
    expected = ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "checkout.session.completed"]
    assert await shop.served.types() == expected


async def test_a_declined_card_and_then_another(shop: Shop) -> None:
    session = await shop.session()
    declined = await shop.submit(session, "4000000000009995")
    assert (declined.status, declined.code, declined.decline_code) == ("declined", "card_declined", "insufficient_funds")
    assert declined.message == "Your card has insufficient funds."
    wrong = await shop.submit(session, "4242424242424241")
    assert (wrong.status, wrong.code, wrong.param) == ("declined", "incorrect_number", "number")
    assert (await shop.client.v1.checkout.sessions.retrieve_async(session.id)).status == "open"
    assert (await shop.submit(session)).status == "succeeded"
    assert len((await shop.client.v1.payment_intents.list_async()).data) == 1
    failed = ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]
    assert await shop.served.types() == [*failed, "charge.succeeded", "payment_intent.succeeded", "checkout.session.completed"]
    with pytest.raises(Refusal, match="complete"):
        await shop.submit(session)


async def test_a_subscription(shop: Shop) -> None:
    session = await shop.session(
        "subscription", subscription_data={"metadata": {"plan": "p"}}, customer=None, customer_email="bob@example.com"
    )
    result = await shop.served.sandbox.engine.submit_checkout(
        session.id, CardForm("4242424242424242", 1, 30, "123"), Buyer("bob@example.com", "Bob")
    )
    assert result.status == "succeeded"
    done = await shop.client.v1.checkout.sessions.retrieve_async(
        session.id, {"expand": ["subscription.latest_invoice.payments", "customer"]}
    )
    assert (done.status, done.payment_status, done.payment_intent) == ("complete", "paid", None)
    subscription = done.subscription
    assert isinstance(subscription, stripe.Subscription)
    assert isinstance(done.customer, stripe.Customer)
    assert (done.customer.email, subscription.status, subscription.metadata.to_dict()) == ("bob@example.com", "active", {"plan": "p"})
    invoice = subscription.latest_invoice
    assert isinstance(invoice, stripe.Invoice)
    assert (invoice.status, invoice.amount_paid, invoice.billing_reason, invoice.id) == ("paid", 1500, "subscription_create", done.invoice)
    assert invoice.parent is not None
    assert invoice.parent.subscription_details is not None
    assert invoice.parent.subscription_details.subscription == subscription.id
    assert invoice.payments is not None
    payment = str(invoice.payments.data[0].payment.payment_intent)
    listed = await shop.client.v1.invoice_payments.list_async({"payment": {"type": "payment_intent", "payment_intent": payment}})
    assert [found.invoice for found in listed.data] == [invoice.id]
    assert await shop.served.types() == [
        "customer.created",
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "payment_intent.created",
        "charge.succeeded",
        "payment_method.attached",
        "payment_intent.succeeded",
        "invoice.paid",
        "invoice_payment.paid",
        "invoice.payment_succeeded",
        "customer.subscription.updated",
        "checkout.session.completed",
    ]


async def test_a_subscription_with_three_d_secure(shop: Shop) -> None:
    session = await shop.session("subscription")
    asked = await shop.submit(session, "4000000000003155")
    assert asked.status == "requires_action"
    assert asked.payment_intent is not None
    secret = asked.payment_intent["client_secret"]
    engine = shop.served.sandbox.engine
    refused_once = await engine.finish_authentication(asked.payment_intent["id"], secret, authenticated=False)
    assert (refused_once.status, refused_once.redirect_url) == ("declined", session.url)
    asked = await shop.submit(session, "4000000000003155")
    done = await engine.finish_authentication(str(asked.payment_intent and asked.payment_intent["id"]), secret, authenticated=True)
    assert (done.status, done.redirect_url) == ("succeeded", f"https://shop.test/?s={session.id}")
    listed = await shop.client.v1.subscriptions.list_async({"customer": shop.customer.id})
    assert [found.status for found in listed.data] == ["active"]


async def test_a_trial_takes_the_card_and_no_money(shop: Shop) -> None:
    subscription = await shop.subscribed(subscription_data={"trial_period_days": 7})
    assert subscription.status == "trialing"
    assert subscription.trial_end == subscription.start_date + 7 * 86400
    assert subscription["items"].data[0].current_period_end == subscription.trial_end
    assert subscription.default_payment_method is not None
    assert (await shop.client.v1.charges.list_async()).data == []
    invoice = await shop.client.v1.invoices.retrieve_async(str(subscription.latest_invoice))
    assert (invoice.status, invoice.total) == ("paid", 0)


async def test_expiry_by_call_and_by_time(shop: Shop) -> None:
    v1 = shop.client.v1
    by_call, by_time, read = [await shop.session() for _ in range(3)]
    assert (await v1.checkout.sessions.expire_async(by_call.id)).status == "expired"
    assert (await refused(v1.checkout.sessions.expire_async(by_call.id)))[0] == 400
    shop.served.sandbox.clock.advance(86_400)
    assert (await v1.checkout.sessions.retrieve_async(read.id)).status == "expired"
    assert await shop.served.types() == ["checkout.session.expired"] * 3
    assert (await v1.checkout.sessions.retrieve_async(by_time.id)).url is None
    with pytest.raises(Refusal, match="expired"):
        await shop.submit(by_time)


async def test_an_expired_session_gives_up_what_it_began(shop: Shop) -> None:
    payment, subscription = await shop.session(), await shop.session("subscription")
    await shop.submit(payment, "4000000000000002")
    await shop.submit(subscription, "4000000000000002")
    await shop.served.types()
    await shop.served.sandbox.engine.expire_checkout(payment.id)
    await shop.client.v1.checkout.sessions.expire_async(subscription.id)
    listed = await shop.client.v1.subscriptions.list_async({"status": "all"})
    assert [found.status for found in listed.data] == ["incomplete_expired"]
    assert [found.status for found in (await shop.client.v1.payment_intents.list_async()).data] == ["canceled", "canceled"]
    canceled, expired = "payment_intent.canceled", "checkout.session.expired"
    given_up = [canceled, "invoice.voided", "customer.subscription.updated", expired]
    assert await shop.served.types() == [canceled, expired, *given_up]


async def test_what_a_session_refuses(shop: Shop) -> None:
    v1, now = shop.client.v1, shop.served.sandbox.clock.now()
    idle = await v1.prices.create_async({"product": shop.product.id, "currency": "usd", "unit_amount": 900, "active": False})
    euro = await v1.prices.create_async({"product": shop.product.id, "currency": "eur", "unit_amount": 900})
    cheap = await v1.prices.create_async({"product": shop.product.id, "currency": "usd", "unit_amount": 20})
    one = {"price": shop.once.id, "quantity": 1}

    def lines(*items: Any) -> dict[str, Any]:
        return {"line_items": list(items)}

    await shop.served.types()
    whole = "parameter_invalid_integer"
    cases: list[tuple[dict[str, Any], tuple[int, str | None, str]]] = [
        ({"mode": ""}, (400, None, "mode")),
        ({"mode": None}, (400, "parameter_missing", "mode")),
        ({"line_items": None}, (400, "parameter_missing", "line_items")),
        ({"success_url": None}, (400, "parameter_missing", "success_url")),
        ({"success_url": "javascript:alert(1)"}, (400, "url_invalid", "success_url")),
        ({"customer_email": "a@b.test"}, (400, "parameters_exclusive", "customer")),
        ({"customer": "cus_nobody"}, (404, "resource_missing", "customer")),
        ({"expires_at": now + 60}, (400, None, "expires_at")),
        ({"expires_at": now + 90_000}, (400, None, "expires_at")),
        ({"client_reference_id": "x" * 201}, (400, None, "client_reference_id")),
        ({"payment_method_types": ["card"]}, (400, "parameter_unknown", "payment_method_types")),
        ({"ui_mode": "hosted"}, (400, None, "ui_mode")),
        ({"subscription_data": {"description": "x"}}, (400, None, "subscription_data")),
        ({"discounts": [{"coupon": "x"}]}, (404, "resource_missing", "discounts[0][coupon]")),
        (lines(one | {"quantity": 0}), (400, whole, "line_items[0][quantity]")),
        (lines(one | {"quantity": 10**9}), (400, whole, "line_items[0][quantity]")),
        (lines({"price": shop.once.id}), (400, "parameter_missing", "line_items[0][quantity]")),
        (lines(one, {"price": idle.id, "quantity": 1}), (400, None, "line_items[1][price]")),
        (lines({"price": "price_none", "quantity": 1}), (404, "resource_missing", "line_items[0][price]")),
        (lines(one, {"price": euro.id, "quantity": 1}), (400, None, "line_items[1][price]")),
        (lines({"price": shop.monthly.id, "quantity": 1}), (400, None, "mode")),
        (lines({"price": cheap.id, "quantity": 1}), (400, "amount_too_small", "line_items")),
        ({"mode": "subscription"} | lines(one), (400, None, "mode")),
    ]
    for given, answer in cases:
        assert await refused(shop.session(**given)) == answer, given
    assert (await v1.checkout.sessions.list_async()).data == []
    assert await shop.served.types() == []


async def test_inline_prices_and_other_currencies(shop: Shop) -> None:
    data: Any = {"currency": "jpy", "unit_amount": 500, "product_data": {"name": "Tea"}}
    session = await shop.session(line_items=[{"price_data": data, "quantity": 3}])
    assert (session.currency, session.amount_total) == ("jpy", 1500)
    options: Any = {"eur": {"unit_amount": 800}}
    given: Any = {"product": shop.product.id, "currency": "usd", "unit_amount": 900, "currency_options": options}
    price = await shop.client.v1.prices.create_async(given)
    session = await shop.session(line_items=[{"price": price.id, "quantity": 1}], currency="eur")
    assert (session.currency, session.amount_total) == ("eur", 800)


async def test_a_session_lists_its_items(shop: Shop) -> None:
    session = await shop.session(line_items=[{"price": shop.once.id, "quantity": quantity} for quantity in (1, 2)])
    listed = await shop.client.v1.checkout.sessions.line_items.list_async(session.id)
    assert [item.quantity for item in listed.data] == [1, 2]
    view = await shop.served.sandbox.engine.checkout(session.id)
    assert ([item["quantity"] for item in view.line_items], view.session["amount_total"]) == ([1, 2], 15000)
    with pytest.raises(Refusal) as unknown:
        await shop.served.sandbox.engine.checkout("cs_test_none")
    assert unknown.value.status == 404


async def test_a_free_session_has_nothing_to_pay(served: Served, shop: Shop) -> None:
    free = await shop.client.v1.prices.create_async({"product": shop.product.id, "currency": "usd", "unit_amount": 0})
    session = await shop.session(line_items=[{"price": free.id, "quantity": 1}])
    assert (await shop.submit(session)).status == "succeeded"
    done = await shop.client.v1.checkout.sessions.retrieve_async(session.id)
    assert (done.status, done.payment_status, done.payment_intent) == ("complete", "no_payment_required", None)
    assert SUCCESS.startswith("https://shop.test")
    assert (await served.types())[-1] == "checkout.session.completed"
