"""Bank debits: begun now, settled later."""

from typing import Any

import pytest
import stripe

from sandbox.debits import SETTLES_AFTER, BankForm
from sandbox.errors import Refusal
from sandbox.submission import Buyer
from tests.sandbox.served import Shop

BUYER = Buyer("ada@example.com", "Ada")


async def test_a_checkout_that_is_paid_later(shop: Shop) -> None:
    session = await shop.session()
    assert session.payment_method_types == ["card", "us_bank_account"]
    await shop.served.types()
    result = await shop.served.sandbox.engine.submit_checkout(session.id, BankForm("us_bank_account", "000 123 456 789"), BUYER)
    assert result.status == "processing"
    begun = await shop.client.v1.checkout.sessions.retrieve_async(session.id)
    assert (begun.status, begun.payment_status) == ("complete", "unpaid")
    assert await shop.served.types() == ["payment_intent.created", "payment_intent.processing", "checkout.session.completed"]
    await shop.served.sandbox.engine.advance(SETTLES_AFTER)
    paid = await shop.client.v1.checkout.sessions.retrieve_async(session.id, {"expand": ["payment_intent.latest_charge"]})
    assert (paid.status, paid.payment_status) == ("complete", "paid")
    intent: Any = paid.payment_intent
    details = intent.latest_charge.payment_method_details
    assert (intent.status, details.type, details.us_bank_account.last4, details.us_bank_account.bank_name) == (
        "succeeded", "us_bank_account", "6789", "STRIPE TEST BANK",
    )  # fmt: skip
    assert await shop.served.types() == ["charge.succeeded", "payment_intent.succeeded", "checkout.session.async_payment_succeeded"]


async def test_a_checkout_whose_debit_comes_back(shop: Shop) -> None:
    session = await shop.session()
    await shop.served.sandbox.engine.submit_checkout(session.id, BankForm("us_bank_account", "000222222227"), BUYER)
    await shop.served.types()
    await shop.served.sandbox.engine.advance(SETTLES_AFTER)
    ended = await shop.client.v1.checkout.sessions.retrieve_async(session.id, {"expand": ["payment_intent"]})
    intent: Any = ended.payment_intent
    assert (ended.status, ended.payment_status, intent.status) == ("complete", "unpaid", "requires_payment_method")
    assert (intent.last_payment_error.code, intent.amount_received) == ("insufficient_funds", 0)
    assert await shop.served.types() == ["charge.failed", "payment_intent.payment_failed", "checkout.session.async_payment_failed"]


async def test_a_payment_intent_by_debit(shop: Shop) -> None:
    v1 = shop.client.v1
    for method, status in (("pm_usBankAccount_success", "succeeded"), ("pm_usBankAccount_accountClosed", "requires_payment_method")):
        intent = await v1.payment_intents.create_async({"amount": 5000, "currency": "usd", "automatic_payment_methods": {"enabled": True}})
        assert intent.payment_method_types == ["card", "us_bank_account"]
        asked = await v1.payment_intents.confirm_async(intent.id, {"payment_method": method, "return_url": "https://app.example/"})
        assert asked.status == "processing"
        with pytest.raises(stripe.InvalidRequestError):
            await v1.payment_intents.confirm_async(intent.id, {"payment_method": method, "return_url": "https://app.example/"})
        await shop.served.sandbox.engine.advance(SETTLES_AFTER)
        assert (await v1.payment_intents.retrieve_async(intent.id)).status == status


async def test_euros_by_iban(shop: Shop) -> None:
    price = {"currency": "eur", "unit_amount": 1_000, "product_data": {"name": "Course"}}
    session = await shop.session(line_items=[{"price_data": price, "quantity": 1}])
    engine = shop.served.sandbox.engine
    assert session.payment_method_types == ["card", "sepa_debit"]
    for wrong in ("AT611904300234573202", "x", "AT61"):
        result = await engine.submit_checkout(session.id, BankForm("sepa_debit", wrong), BUYER)
        assert (result.status, result.code, result.param) == ("declined", "invalid_bank_account_iban", "account")
    with pytest.raises(Refusal):
        await engine.submit_checkout(session.id, BankForm("us_bank_account", "000123456789"), BUYER)
    assert (await engine.submit_checkout(session.id, BankForm("sepa_debit", "AT61 1904 3002 3457 3201"), BUYER)).status == "processing"


async def test_what_is_no_account(shop: Shop) -> None:
    session = await shop.session()
    for wrong in ("123", "1" * 18, "12a4"):
        result = await shop.served.sandbox.engine.submit_checkout(session.id, BankForm("us_bank_account", wrong), BUYER)
        assert (result.status, result.param) == ("declined", "account")


async def test_a_debit_is_disputed_without_a_card(shop: Shop) -> None:
    intent = await shop.client.v1.payment_intents.create_async({"amount": 5000, "currency": "usd"})
    await shop.client.v1.payment_intents.confirm_async(
        intent.id, {"payment_method": "pm_usBankAccount_success", "return_url": "https://app.example/"}
    )
    engine = shop.served.sandbox.engine
    await engine.advance(SETTLES_AFTER)
    paid = await shop.client.v1.payment_intents.retrieve_async(intent.id)
    dispute = await engine.open_dispute(str(paid.latest_charge), inquiry=True)
    assert (dispute["payment_method_details"], dispute["status"]) == (None, "warning_needs_response")
    assert (await engine.close_dispute(dispute["id"], won=False))["status"] == "warning_closed"
