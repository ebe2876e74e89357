"""Payment intents, charges, payment methods and 3-D Secure."""

from typing import Any

import httpx
import pytest
import stripe

from tests.sandbox.served import PUBLISHABLE, SECRET, Served, Shop, card

BACK = "https://shop.test/back"


def browser_form(intent: stripe.PaymentIntent, number: str = "4242424242424242", **more: str) -> dict[str, str]:
    method = {"type": "card", "card][number": number, "card][exp_month": "12", "card][exp_year": "2055", "card][cvc": "123"}
    form = {f"payment_method_data[{name}]": value for name, value in method.items()}
    return form | {"key": PUBLISHABLE, "client_secret": str(intent.client_secret), "return_url": BACK} | more


async def confirm_in_browser(served: Served, intent: stripe.PaymentIntent, form: dict[str, str]) -> httpx.Response:
    async with httpx.AsyncClient() as browser:
        return await browser.post(f"{served.url}/v1/payment_intents/{intent.id}/confirm", data=form)


async def test_the_secret_key_pays_at_once(served: Served, client: stripe.StripeClient) -> None:
    given: Any = {
        "amount": 1099,
        "currency": "EUR",
        "confirm": True,
        "payment_method": "pm_card_visa",
        "return_url": BACK,
        "expand": ["latest_charge"],
    }
    intent = await client.v1.payment_intents.create_async(given)
    assert (intent.status, intent.amount_received, intent.currency) == ("succeeded", 1099, "eur")
    assert isinstance(intent.latest_charge, stripe.Charge)
    assert (intent.latest_charge.paid, intent.latest_charge.amount_captured) == (True, 1099)
    booked = await client.v1.balance_transactions.retrieve_async(str(intent.latest_charge.balance_transaction))
    assert (booked.amount, booked.fee, booked.net) == (1099, 62, 1037)
    assert await served.types() == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]


async def test_the_browser_pays_with_the_client_secret(served: Served, client: stripe.StripeClient) -> None:
    intent = await client.v1.payment_intents.create_async({"amount": 500, "currency": "usd"})
    assert intent.status == "requires_payment_method"
    answer = await confirm_in_browser(served, intent, browser_form(intent))
    assert (answer.status_code, answer.json()["status"]) == (200, "succeeded")
    again = await confirm_in_browser(served, intent, browser_form(intent))
    assert (again.status_code, again.json()["error"]["code"]) == (400, "payment_intent_unexpected_state")


async def test_the_browser_needs_the_right_client_secret(served: Served, client: stripe.StripeClient) -> None:
    intent = await client.v1.payment_intents.create_async({"amount": 500, "currency": "usd"})
    wrong = await confirm_in_browser(served, intent, browser_form(intent, client_secret="pi_x_secret_y"))
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (404, "resource_missing")
    form = browser_form(intent)
    del form["client_secret"]
    none = await confirm_in_browser(served, intent, form)
    assert (none.status_code, none.json()["error"]["param"]) == (400, "client_secret")
    assert (await client.v1.payment_intents.retrieve_async(intent.id)).status == "requires_payment_method"


@pytest.mark.parametrize(
    ("number", "code", "decline_code"),
    [
        ("4000000000000002", "card_declined", "generic_decline"),
        ("4000000000009995", "card_declined", "insufficient_funds"),
        ("4000000000000069", "expired_card", "expired_card"),
        ("4000000000000127", "incorrect_cvc", "incorrect_cvc"),
        ("4000000000000119", "processing_error", "processing_error"),
    ],
)
async def test_a_declined_card(served: Served, client: stripe.StripeClient, number: str, code: str, decline_code: str) -> None:
    intent = await client.v1.payment_intents.create_async({"amount": 500, "currency": "usd"})
    await served.types()
    answer = await confirm_in_browser(served, intent, browser_form(intent, number))
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["code"], error["decline_code"]) == (402, "card_error", code, decline_code)
    after = await client.v1.payment_intents.retrieve_async(intent.id, {"expand": ["latest_charge"]})
    assert after.status == "requires_payment_method"
    assert after.last_payment_error is not None
    assert (after.last_payment_error.code, after.last_payment_error.decline_code) == (code, decline_code)
    assert isinstance(after.latest_charge, stripe.Charge)
    assert (after.latest_charge.status, after.latest_charge.failure_code, after.latest_charge.id) == ("failed", code, error["charge"])
    assert await served.types() == ["charge.failed", "payment_intent.payment_failed"]


@pytest.mark.parametrize(
    ("wrong", "code", "param"),
    [
        ({"number": "4242424242424241"}, "incorrect_number", "number"),
        ({"number": "42"}, "invalid_number", "number"),
        ({"exp_month": "13"}, "invalid_expiry_month", "exp_month"),
        ({"exp_year": "2020"}, "invalid_expiry_year", "exp_year"),
        ({"cvc": "99"}, "invalid_cvc", "cvc"),
    ],
)
async def test_a_wrong_card_leaves_nothing(
    served: Served, client: stripe.StripeClient, wrong: dict[str, str], code: str, param: str
) -> None:
    intent = await client.v1.payment_intents.create_async({"amount": 500, "currency": "usd"})
    await served.types()
    form = browser_form(intent) | {f"payment_method_data[card][{name}]": value for name, value in wrong.items()}
    answer = await confirm_in_browser(served, intent, form)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["code"], error["param"]) == (402, "card_error", code, param)
    assert (await client.v1.charges.list_async({"payment_intent": intent.id})).data == []
    assert await served.types() == []


async def test_three_d_secure_passed_and_refused(served: Served, client: stripe.StripeClient) -> None:
    given: Any = {"amount": 500, "currency": "usd", "confirm": True, "payment_method": "pm_card_threeDSecure2Required", "return_url": BACK}
    intent = await client.v1.payment_intents.create_async(given)
    assert intent.status == "requires_action"
    assert intent.next_action is not None
    assert intent.next_action.redirect_to_url is not None
    assert intent.next_action.redirect_to_url.url == f"{served.url}/authenticate/{intent.id}?client_secret={intent.client_secret}"
    assert await served.types() == ["payment_intent.created", "payment_intent.requires_action"]

    engine, secret = served.sandbox.engine, str(intent.client_secret)
    refused = await engine.finish_authentication(intent.id, secret, authenticated=False)
    assert (refused.status, refused.code) == ("declined", "payment_intent_authentication_failure")
    failed = await client.v1.payment_intents.retrieve_async(intent.id)
    assert (failed.status, failed.next_action) == ("requires_payment_method", None)
    assert await served.types() == ["payment_intent.payment_failed"]

    confirm: Any = {"payment_method": "pm_card_threeDSecure2Required", "return_url": BACK}
    await client.v1.payment_intents.confirm_async(intent.id, confirm)
    passed = await engine.finish_authentication(intent.id, secret, authenticated=True)
    query = f"payment_intent={intent.id}&payment_intent_client_secret={secret}&redirect_status=succeeded"
    assert (passed.status, passed.redirect_url) == ("succeeded", f"{BACK}?{query}")
    assert await served.types() == ["payment_intent.requires_action", "charge.succeeded", "payment_intent.succeeded"]


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [(49, "usd", "amount_too_small"), (49, "jpy", "amount_too_small"), (100_000_000, "usd", "amount_too_large")],
)
async def test_amounts_have_bounds(client: stripe.StripeClient, amount: int, currency: str, code: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await client.v1.payment_intents.create_async({"amount": amount, "currency": currency})
    assert (refused.value.http_status, refused.value.code, refused.value.param) == (400, code, "amount")
    assert (await client.v1.payment_intents.list_async()).data == []


async def test_update_and_cancel(served: Served, client: stripe.StripeClient) -> None:
    intent = await client.v1.payment_intents.create_async({"amount": 500, "currency": "usd", "metadata": {"a": "1", "b": "2"}})
    changed = await client.v1.payment_intents.update_async(intent.id, {"amount": 700, "metadata": {"a": "", "c": "3"}})
    assert (changed.amount, changed.metadata.to_dict()) == (700, {"b": "2", "c": "3"})
    canceled = await client.v1.payment_intents.cancel_async(intent.id, {"cancellation_reason": "abandoned"})
    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "abandoned")
    for call in (client.v1.payment_intents.cancel_async(intent.id), client.v1.payment_intents.update_async(intent.id, {"amount": 800})):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await call
        assert refused.value.code == "payment_intent_unexpected_state"
    assert await served.types() == ["payment_intent.created", "payment_intent.canceled"]


async def test_a_return_url_is_asked_for(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await client.v1.payment_intents.create_async({"amount": 500, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa"})
    assert refused.value.param == "return_url"
    never: Any = {"enabled": True, "allow_redirects": "never"}
    given: Any = {"amount": 500, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa", "automatic_payment_methods": never}
    assert (await client.v1.payment_intents.create_async(given)).status == "succeeded"


async def test_payment_methods_of_a_customer(shop: Shop) -> None:
    v1, customer = shop.client.v1, shop.customer.id
    kept = await v1.payment_methods.attach_async("pm_card_visa", {"customer": customer})
    assert (kept.customer, kept.card.last4 if kept.card else None) == (customer, "4242")
    with pytest.raises(stripe.CardError) as refused:
        await v1.payment_methods.attach_async("pm_card_chargeDeclined", {"customer": customer})
    assert refused.value.code == "card_declined"
    assert [found.id for found in (await v1.customers.payment_methods.list_async(customer)).data] == [kept.id]
    await v1.customers.update_async(customer, {"invoice_settings": {"default_payment_method": kept.id}})
    assert (await v1.payment_methods.detach_async(kept.id)).customer is None
    after = await v1.customers.retrieve_async(customer)
    assert after.invoice_settings is not None
    assert after.invoice_settings.default_payment_method is None
    expected = ["payment_method.attached", "customer.updated", "customer.updated", "payment_method.detached"]
    assert await shop.served.types() == expected


async def test_a_card_is_made_with_the_publishable_key(served: Served) -> None:
    browser = served.sdk(PUBLISHABLE)
    made = await browser.v1.payment_methods.create_async(
        {"type": "card", "card": {"number": "5555555555554444", "exp_month": 1, "exp_year": 2040, "cvc": "999"}}
    )
    assert made.card is not None
    assert (made.card.brand, made.card.last4, made.card.exp_year) == ("mastercard", "4444", 2040)
    with pytest.raises(stripe.PermissionError) as refused:
        await browser.v1.customers.list_async()
    assert refused.value.error is not None
    assert (refused.value.http_status, refused.value.error.code) == (403, "secret_key_required")
    assert SECRET not in str(refused.value)
    assert card().number == "4242424242424242"
