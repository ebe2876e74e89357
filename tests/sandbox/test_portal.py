"""The customer portal: its configurations, what it offers, its tasks, and what they change."""

import html
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
import stripe

from sandbox.account import Settings
from sandbox.errors import Refusal
from sandbox.switching import Choice
from tests.sandbox.served import Shop, card

DAY = 86400
DECLINED = "4000000000000341"


class Offering:
    """A shop with a second product, yearly and in another currency too, and a configuration that lets customers switch."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.client = shop, shop.client
        self.pro: stripe.Price
        self.yearly: stripe.Price
        self.euro: stripe.Price
        self.configuration: stripe.billing_portal.Configuration

    async def open(self) -> "Offering":
        product = (await self.client.v1.products.create_async({"name": "Pro"})).id
        self.pro = await self.price(product, 3000, "month")
        self.yearly = await self.price(product, 30000, "year")
        self.euro = await self.price(product, 3000, "month", "eur")
        self.configuration = await self.client.v1.billing_portal.configurations.create_async(self.features(self.products()))
        await self.shop.served.types()
        return self

    async def price(self, product: str, amount: int, interval: Any, currency: str = "usd") -> stripe.Price:
        given: Any = {"product": product, "currency": currency, "unit_amount": amount, "recurring": {"interval": interval}}
        return await self.client.v1.prices.create_async(given)

    def products(self) -> list[dict[str, Any]]:
        pro = {"product": self.pro.product, "prices": [self.pro.id, self.yearly.id, self.euro.id]}
        adjustable = {"enabled": True, "minimum": 1, "maximum": 5}
        return [{"product": self.shop.product.id, "prices": [self.shop.monthly.id], "adjustable_quantity": adjustable}, pro]

    def features(self, products: Any, **more: Any) -> Any:
        update = {"enabled": True, "default_allowed_updates": ["price", "quantity"], "proration_behavior": "always_invoice"}
        features = {
            "subscription_update": update | {"products": products},
            "subscription_cancel": {"enabled": True},
            "payment_method_update": {"enabled": True},
        }
        return {"features": features | more}

    async def session(self, **more: Any) -> stripe.billing_portal.Session:
        given: Any = {"customer": self.shop.customer.id, "configuration": self.configuration.id, "return_url": "https://shop.test/account"}
        return await self.client.v1.billing_portal.sessions.create_async(given | more)

    async def found(self, made: stripe.Subscription) -> stripe.Subscription:
        return await self.client.v1.subscriptions.retrieve_async(made.id, {"expand": ["latest_invoice"]})


@pytest_asyncio.fixture
async def offering(shop: Shop) -> Offering:
    return await Offering(shop).open()


@pytest_asyncio.fixture
async def browser(shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as opened:
        yield opened


def fields(page: str, place: str) -> tuple[str, dict[str, str]]:
    """The address of the form that is posted to a place, and what it sends as it is."""
    for form in re.findall(r'<form method="post" action="([^"]*)"[^>]*>(.*?)</form>', page, re.DOTALL):
        if place in form[0]:
            sent = re.findall(r'<input\b[^>]*?\bname="(\w+)"[^>]*?\bvalue="([^"]*)"', form[1])
            return html.unescape(form[0]), {name: html.unescape(value) for name, value in sent}
    raise AssertionError(f"no form leads to {place}")


async def press(browser: httpx.AsyncClient, url: str, place: str, **typed: str) -> httpx.Response:
    page = await browser.get(url)
    assert page.status_code == 200, page.text
    action, sent = fields(page.text, place)
    return await browser.post(action, data=sent | typed)


async def test_products_are_shown_when_they_are_expanded(offering: Offering) -> None:
    v1, path = offering.client.v1.billing_portal.configurations, "features.subscription_update.products"
    plain = await v1.retrieve_async(offering.configuration.id)
    assert "products" not in plain.features.subscription_update
    expanded = await v1.retrieve_async(offering.configuration.id, {"expand": [path]})
    listed = expanded.features.subscription_update.products
    assert listed is not None
    assert [(entry.product, entry.prices, entry.adjustable_quantity.enabled) for entry in listed] == [
        (offering.shop.product.id, [offering.shop.monthly.id], True),
        (offering.pro.product, [offering.pro.id, offering.yearly.id, offering.euro.id], True),
    ]
    less = await v1.update_async(offering.configuration.id, offering.features(offering.products()[:1]) | {"expand": [path]})
    assert less.features.subscription_update.products is not None
    assert [entry.product for entry in less.features.subscription_update.products] == [offering.shop.product.id]
    kept = await v1.update_async(offering.configuration.id, {"name": "Plans", "expand": [path]})
    assert kept.features.subscription_update.products == less.features.subscription_update.products
    (listing,) = (await v1.list_async({"is_default": False, "expand": [f"data.{path}"]})).data
    assert (listing.name, listing.features.subscription_update.products) == ("Plans", less.features.subscription_update.products)


async def test_configurations_that_cannot_be(offering: Offering) -> None:
    v1, shop = offering.client.v1.billing_portal.configurations, offering.shop
    none: Any = {"enabled": True, "default_allowed_updates": ["price"]}
    listed = [{"product": shop.product.id, "prices": [shop.monthly.id]}]
    nothing: Any = {"enabled": True, "products": listed}
    plain: Any = {"features": {"invoice_history": {"enabled": True}}}
    once = [{"product": shop.product.id, "prices": [shop.once.id]}]
    other = [{"product": shop.product.id, "prices": [offering.pro.id]}]
    wrong: list[tuple[Any, str]] = [
        (offering.features([]), "features[subscription_update][products]"),
        ({"features": {"subscription_update": none}}, "features[subscription_update][products]"),
        ({"features": {"subscription_update": nothing}}, "features[subscription_update][default_allowed_updates]"),
        (offering.features(once), "features[subscription_update][products][0][prices][0]"),
        (offering.features(other), "features[subscription_update][products][0][prices][0]"),
        (offering.features([{"product": "prod_none", "prices": ["price_none"]}]), "features[subscription_update][products][0][product]"),
        (offering.features(listed * 11), "features[subscription_update][products]"),
        ({"features": {"subscription_pause": {"enabled": True}}}, "features[subscription_pause]"),
        (plain | {"login_page": {"enabled": True}}, "login_page[enabled]"),
        (plain | {"default_return_url": "javascript:1"}, "default_return_url"),
    ]
    for given, param in wrong:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await v1.create_async(given)
        assert refused.value.param == param, given
    assert [found.id for found in (await v1.list_async({"is_default": False})).data] == [offering.configuration.id]


async def test_an_account_without_a_default_configuration(offering: Offering) -> None:
    v1, engine = offering.client.v1.billing_portal, offering.shop.served.sandbox.engine
    (default,) = (await v1.configurations.list_async({"is_default": True})).data
    assert default.features.subscription_update.enabled is False
    with pytest.raises(stripe.InvalidRequestError, match="cannot deactivate"):
        await v1.configurations.update_async(default.id, {"active": False})
    assert (await v1.sessions.create_async({"customer": offering.shop.customer.id})).configuration == default.id
    engine.set_account(Settings(portal=False))
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await v1.sessions.create_async({"customer": offering.shop.customer.id})
    message = "No configuration provided and your test mode default configuration has not been created."
    assert str(refused.value.user_message).startswith(message)
    assert (await v1.configurations.list_async({"is_default": True})).data == []
    assert (await offering.session()).configuration == offering.configuration.id
    await v1.configurations.update_async(offering.configuration.id, {"active": False})
    with pytest.raises(stripe.InvalidRequestError, match="not active"):
        await offering.session()


async def test_the_page_follows_the_configuration(offering: Offering, browser: httpx.AsyncClient) -> None:
    made, v1 = await offering.shop.subscribed(), offering.client.v1.billing_portal
    page = (await browser.get((await offering.session()).url)).text
    assert all(
        there in page for there in ("Plan", "$15.00 every month", "Next invoice", "Visa ending in 4242", "Change plan", "Cancel plan")
    )
    assert "Use another card" in page
    assert "Invoices" not in page
    bare: Any = {"features": {"invoice_history": {"enabled": True}}}
    configuration = (await v1.configurations.create_async(bare)).id
    session = await offering.session(configuration=configuration)
    page = (await browser.get(session.url)).text
    assert "Invoices" in page
    assert not any(there in page for there in ("Change plan", "Cancel plan", "Use another card"))
    engine = offering.shop.served.sandbox.engine
    for refused in (
        engine.cancel_subscription(session.id, made.id),
        engine.resume_subscription(session.id, made.id),
        engine.switch_plan(session.id, made.id, Choice(offering.pro.id)),
        engine.replace_card(session.id, card()),
        engine.update_customer(session.id, {"name": "Eve"}),
    ):
        with pytest.raises(Refusal) as answer:
            await refused
        assert answer.value.status == 403
    assert (await browser.get(f"{session.url}/subscriptions/{made.id}")).status_code == 403
    assert (await offering.found(made)).cancel_at is None
    assert await offering.shop.served.types() == ["billing_portal.configuration.created"]


async def test_a_plan_is_switched_at_the_price_that_was_shown(offering: Offering, browser: httpx.AsyncClient) -> None:
    made, session = await offering.shop.subscribed(), await offering.session()
    await offering.shop.served.sandbox.engine.advance(10 * DAY)
    choices = (await browser.get(f"{session.url}/subscriptions/{made.id}")).text
    assert all(there in choices for there in (offering.shop.monthly.id, offering.pro.id, offering.yearly.id))
    assert offering.euro.id not in choices
    confirm = f"{session.url}/subscriptions/{made.id}/confirm?price={offering.pro.id}&quantity=2"
    page = (await browser.get(confirm)).text
    assert "<td>-$" in page
    shown = re.search(r"Due today</strong></td><td><strong>\$([\d.]+)<", page)
    assert shown is not None
    done = await press(browser, confirm, "/update")
    assert done.headers["location"] == f"{session.url}?done=switched"
    after = await offering.found(made)
    item = after["items"].data[0]
    assert isinstance(after.latest_invoice, stripe.Invoice)
    assert (item.price.id, item.quantity) == (offering.pro.id, 2)
    assert (after.latest_invoice.status, f"{after.latest_invoice.amount_paid / 100:.2f}") == ("paid", shown[1])
    assert "The plan was changed." in (await browser.get(done.headers["location"])).text


async def test_a_declined_card_changes_nothing(offering: Offering, browser: httpx.AsyncClient) -> None:
    made, session = await offering.shop.subscribed(), await offering.session()
    await offering.shop.served.sandbox.engine.replace_card(session.id, card(DECLINED))
    await offering.shop.served.types()
    confirm = f"{session.url}/subscriptions/{made.id}/confirm?price={offering.yearly.id}"
    answer = await press(browser, confirm, "/update")
    assert (answer.status_code, "Your card was declined." in answer.text) == (402, True)
    assert (await offering.found(made))["items"].data[0].price.id == offering.shop.monthly.id
    assert await offering.shop.served.types() == []


async def test_what_is_not_offered_is_not_chosen(offering: Offering, browser: httpx.AsyncClient) -> None:
    made, session = await offering.shop.subscribed(), await offering.session()
    chosen = f"{session.url}/subscriptions/{made.id}/confirm"
    unlisted = await offering.price(str(offering.pro.product), 100, "month")
    for query, said in (
        (f"price={unlisted.id}", "must be included"),
        (f"price={offering.euro.id}", "must be included"),
        (f"price={offering.shop.monthly.id}&quantity=1", "no changes to confirm"),
        ("quantity=6", "cannot be changed to this"),
        ("quantity=x", "whole number"),
    ):
        answer = await browser.get(f"{chosen}?{query}")
        assert (answer.status_code, said in answer.text) == (402, True), query
    other = await offering.client.v1.customers.create_async({"email": "eve@example.com"})
    theirs = await offering.session(customer=other.id)
    for address in (f"{theirs.url}/subscriptions/{made.id}", f"{theirs.url}/subscriptions/{made.id}/confirm?quantity=2"):
        assert (await browser.get(address)).status_code == 404
    engine, now = offering.shop.served.sandbox.engine, offering.shop.served.sandbox.clock.now()
    for at in (now - 7200, now + 60):
        with pytest.raises(Refusal, match="look again"):
            await engine.switch_plan(session.id, made.id, Choice(offering.pro.id), at)
    assert (await offering.found(made))["items"].data[0].price.id == offering.shop.monthly.id


async def test_a_trial_ends_with_a_switch_unless_it_is_to_go_on(offering: Offering) -> None:
    engine = offering.shop.served.sandbox.engine
    for behaviour, status, at_once in (("continue_trial", "trialing", False), ("end_trial", "active", True)):
        made = await offering.shop.subscribed(subscription_data={"trial_period_days": 20})
        features = offering.features(offering.products())
        features["features"]["subscription_update"]["trial_update_behavior"] = behaviour
        await offering.client.v1.billing_portal.configurations.update_async(offering.configuration.id, features)
        session = await offering.session()
        preview = await engine.preview_switch(session.id, made.id, Choice(offering.pro.id))
        assert (preview.at_once, preview.invoice["amount_due"]) == (at_once, 3000)
        await engine.switch_plan(session.id, made.id, Choice(offering.pro.id), preview.at)
        after = await offering.found(made)
        assert isinstance(after.latest_invoice, stripe.Invoice)
        assert (after.status, after.latest_invoice.amount_paid) == (status, 3000 if at_once else 0)
        await offering.client.v1.subscriptions.cancel_async(made.id)


async def test_a_switch_may_begin_a_period(offering: Offering) -> None:
    made, engine = await offering.shop.subscribed(), offering.shop.served.sandbox.engine
    features = offering.features(offering.products())
    features["features"]["subscription_update"] |= {"billing_cycle_anchor": "now", "proration_behavior": "none"}
    await offering.client.v1.billing_portal.configurations.update_async(offering.configuration.id, features)
    await engine.advance(10 * DAY)
    session = await offering.session()
    preview = await engine.preview_switch(session.id, made.id, Choice(offering.pro.id))
    assert (preview.at_once, preview.invoice["amount_due"]) == (True, 3000)
    await engine.switch_plan(session.id, made.id, Choice(offering.pro.id), preview.at)
    after = await offering.found(made)
    assert isinstance(after.latest_invoice, stripe.Invoice)
    assert after.latest_invoice.amount_paid == 3000
    assert after["items"].data[0].current_period_start >= preview.at


async def test_ended_at_once_with_a_reason(offering: Offering, browser: httpx.AsyncClient) -> None:
    made = await offering.shop.subscribed()
    reason: Any = {"enabled": True, "options": ["unused", "other"]}
    cancel: Any = {"enabled": True, "mode": "immediately", "cancellation_reason": reason, "proration_behavior": "always_invoice"}
    await offering.client.v1.billing_portal.configurations.update_async(
        offering.configuration.id, {"features": {"subscription_cancel": cancel}}
    )
    session = await offering.session()
    answer = await press(browser, f"{session.url}/cancel?subscription={made.id}", "/cancel", feedback="unused")
    assert answer.headers["location"] == f"{session.url}?done=ended"
    after = await offering.found(made)
    assert after.cancellation_details is not None
    assert (after.status, after.cancellation_details.feedback) == ("canceled", "unused")
    assert isinstance(after.latest_invoice, stripe.Invoice)
    assert (after.latest_invoice.total, after.latest_invoice.status) == (-1500, "paid")


async def test_flows_lead_where_they_say(offering: Offering, browser: httpx.AsyncClient) -> None:
    made, shop = await offering.shop.subscribed(), offering.shop
    item = made["items"].data[0].id
    redirect = {"type": "redirect", "redirect": {"return_url": "https://shop.test/thanks"}}
    confirmed = {"type": "hosted_confirmation", "hosted_confirmation": {"custom_message": "See you"}}

    session = await offering.session(flow_data={"type": "payment_method_update", "after_completion": redirect})
    typed = {"number": "5555555555554444", "expiry": "12 / 55", "cvc": "123", "name": "Ada"}
    assert (await press(browser, session.url, "/card", **typed)).headers["location"] == "https://shop.test/thanks"
    method = await shop.client.v1.payment_methods.retrieve_async(str((await offering.found(made)).default_payment_method))
    assert method.card is not None
    assert method.card.last4 == "4444"
    assert "Your billing" in (await browser.get(session.url)).text

    confirm: Any = {"subscription": made.id, "items": [{"id": item, "price": offering.pro.id, "quantity": 1}]}
    session = await offering.session(
        flow_data={"type": "subscription_update_confirm", "subscription_update_confirm": confirm, "after_completion": confirmed}
    )
    answer = await press(browser, session.url, "/update")
    assert answer.headers["location"] == f"{session.url}/finished?done=switched"
    assert "See you" in (await browser.get(answer.headers["location"])).text
    assert (await offering.found(made))["items"].data[0].price.id == offering.pro.id

    session = await offering.session(flow_data={"type": "subscription_update", "subscription_update": {"subscription": made.id}})
    assert "Change plan" in (await browser.get(session.url)).text
    session = await offering.session(flow_data={"type": "subscription_cancel", "subscription_cancel": {"subscription": made.id}})
    assert (await press(browser, session.url, "/cancel")).headers["location"] == f"{session.url}?done=canceled"
    after = await offering.found(made)
    assert (after.cancel_at, after.cancel_at_period_end) == (after["items"].data[0].current_period_end, False)
    page = (await browser.get(session.url)).text
    assert "Don&#39;t cancel" in page or "Don't cancel" in page


async def test_flows_that_cannot_be(offering: Offering) -> None:
    made = await offering.shop.subscribed()
    item, about = made["items"].data[0].id, {"subscription": made.id}
    other = await offering.client.v1.customers.create_async({"email": "eve@example.com"})
    default: Any = {"configuration": (await offering.client.v1.billing_portal.configurations.list_async({"is_default": True})).data[0].id}
    update: Any = {"type": "subscription_update", "subscription_update": about}

    def confirm(entry: dict[str, str]) -> Any:
        return {"flow_data": {"type": "subscription_update_confirm", "subscription_update_confirm": about | {"items": [entry]}}}

    wrong: list[tuple[Any, str]] = [
        (default | {"flow_data": update}, "the subscription update feature in the portal configuration is disabled"),
        ({"customer": other.id, "flow_data": update}, "No such subscription"),
        ({"flow_data": {"type": "subscription_update"}}, "Missing required param"),
        ({"flow_data": {"type": "subscription_pause", "subscription_pause": about}}, "does not support"),
        ({"flow_data": {"type": "customer_update"}}, "the customer update feature in the portal configuration is disabled"),
        (confirm({"id": item}), "no changes to confirm"),
        (confirm({"id": "si_none"}), "only item"),
        (confirm({"id": item, "price": offering.euro.id}), "included"),
        ({"flow_data": {"type": "payment_method_update", "after_completion": {"type": "redirect"}}}, "Missing required param"),
    ]
    for given, said in wrong:
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await offering.session(**given)
        assert said in str(refused.value.user_message), given
    await offering.client.v1.subscriptions.cancel_async(made.id)
    with pytest.raises(stripe.InvalidRequestError):
        await offering.session(flow_data=update)


async def test_details_of_the_customer(offering: Offering, browser: httpx.AsyncClient) -> None:
    allowed: Any = {"customer_update": {"enabled": True, "allowed_updates": ["name", "phone"]}}
    await offering.client.v1.billing_portal.configurations.update_async(offering.configuration.id, {"features": allowed})
    session = await offering.session()
    answer = await press(browser, f"{session.url}/customer", "/customer", name="Ada L", phone="+1 555", email="eve@example.com")
    assert answer.headers["location"] == f"{session.url}?done=customer"
    after = await offering.client.v1.customers.retrieve_async(offering.shop.customer.id)
    assert (after.name, after.phone, after.email) == ("Ada L", "+1 555", "ada@example.com")


async def test_what_is_owed_is_paid_from_the_portal(offering: Offering, browser: httpx.AsyncClient) -> None:
    made, session = await offering.shop.subscribed(), await offering.session()
    engine = offering.shop.served.sandbox.engine
    await engine.replace_card(session.id, card(DECLINED))
    await engine.advance(32 * DAY)
    page = (await browser.get(session.url)).text
    assert "past due" in page
    owed = re.search(r'could not be charged\. <a href="([^"]+)">Pay invoice', page)
    assert owed is not None
    typed = {"number": "4242424242424242", "expiry": "12 / 55", "cvc": "123", "name": "Ada"}
    answer = await press(browser, owed[1], "/invoices/", **typed)
    assert answer.headers["location"] == f"{owed[1]}?done=paid"
    assert "Thank you: it is paid." in (await browser.get(answer.headers["location"])).text
    assert (await offering.found(made)).status == "active"
    assert "could not be charged" not in (await browser.get(session.url)).text
