"""Renewals that cannot be paid: charged again in a rhythm, then ended, unpaid or left past due; and what recovers them."""

from time import gmtime
from typing import Any

import httpx
import pytest
import stripe

from sandbox.account import Settings
from sandbox.cards import CardForm
from sandbox.errors import Refusal
from tests.sandbox.served import Shop, card

DAY = 86400
DECLINED = ["charge.failed", "payment_intent.payment_failed", "invoice.updated", "invoice.payment_failed"]


async def charged_to(shop: Shop, method: str) -> stripe.Subscription:
    """A subscription that was paid by a good card and is charged to another one from now on."""
    made = await shop.subscribed()
    kept = await shop.client.v1.payment_methods.attach_async(method, {"customer": shop.customer.id})
    await shop.client.v1.subscriptions.update_async(made.id, {"default_payment_method": kept.id})
    await shop.served.types()
    return made


async def renewed(shop: Shop, made: stripe.Subscription) -> stripe.Invoice:
    """The invoice of the period that has just begun."""
    clock = shop.served.sandbox.clock
    await shop.served.sandbox.engine.advance(made["items"].data[0].current_period_end - clock.now())
    await shop.served.sandbox.drain()
    return await latest(shop, made)


async def latest(shop: Shop, made: stripe.Subscription) -> stripe.Invoice:
    found = await shop.client.v1.subscriptions.retrieve_async(made.id, {"expand": ["latest_invoice"]})
    assert isinstance(found.latest_invoice, stripe.Invoice)
    return found.latest_invoice


async def status(shop: Shop, made: stripe.Subscription) -> str:
    return str((await shop.client.v1.subscriptions.retrieve_async(made.id)).status)


async def later(shop: Shop, days: int) -> list[str]:
    await shop.served.sandbox.engine.advance(days * DAY)
    return await shop.served.types()


async def test_charged_again_after_3_5_and_7_days_and_then_ended(shop: Shop) -> None:
    made = await charged_to(shop, "pm_card_chargeCustomerFail")
    invoice = await renewed(shop, made)
    start = made["items"].data[0].current_period_end
    assert (invoice.status, invoice.attempted, invoice.attempt_count) == ("open", True, 1)
    assert (invoice.next_payment_attempt, invoice.auto_advance) == (start + 3 * DAY, True)
    assert await status(shop, made) == "past_due"
    kinds = await shop.served.types()
    assert kinds[-5:] == [*DECLINED, "customer.subscription.updated"]

    assert await later(shop, 3) == DECLINED
    assert (await latest(shop, made)).next_payment_attempt == start + 8 * DAY
    assert await later(shop, 4) == []
    assert await later(shop, 1) == DECLINED
    tried = await latest(shop, made)
    assert (tried.attempt_count, tried.next_payment_attempt) == (3, start + 15 * DAY)
    assert await status(shop, made) == "past_due"

    await shop.served.sandbox.engine.advance(7 * DAY)
    await shop.served.sandbox.drain()
    events = shop.served.received.copy()
    assert await shop.served.types() == [*DECLINED, "customer.subscription.deleted"]
    assert {event["created"] for event in events} == {start + 15 * DAY}
    ended = await shop.client.v1.subscriptions.retrieve_async(made.id, {"expand": ["latest_invoice"]})
    assert ended.cancellation_details is not None
    assert (ended.status, ended.ended_at, ended.cancellation_details.reason) == ("canceled", start + 15 * DAY, "payment_failed")
    last = await latest(shop, made)
    assert (last.status, last.attempt_count, last.next_payment_attempt, last.auto_advance) == ("open", 4, None, False)
    charges = (await shop.client.v1.charges.list_async({"customer": shop.customer.id})).data
    assert [charge.status for charge in charges] == ["failed"] * 4 + ["succeeded"]
    assert await later(shop, 60) == []


async def test_unpaid_makes_drafts_until_the_invoice_is_paid(shop: Shop) -> None:
    shop.served.sandbox.engine.set_account(Settings(after_retries="unpaid", retry_days=(1,)))
    made = await charged_to(shop, "pm_card_chargeCustomerFail")
    unpaid = await renewed(shop, made)
    await shop.served.types()
    kinds = await later(shop, 1)
    assert kinds == [*DECLINED, "customer.subscription.updated"]
    assert await status(shop, made) == "unpaid"
    await later(shop, 31)
    draft = await latest(shop, made)
    assert (draft.status, draft.billing_reason, draft.attempted, draft.auto_advance) == ("draft", "subscription_cycle", False, False)
    assert (await shop.client.v1.invoices.pay_async(unpaid.id, {"payment_method": "pm_card_visa"})).status == "paid"
    assert await status(shop, made) == "active"
    finalized = await shop.client.v1.invoices.finalize_invoice_async(draft.id)
    assert (finalized.status, finalized.amount_due) == ("open", 1500)
    with pytest.raises(stripe.InvalidRequestError, match="already finalized"):
        await shop.client.v1.invoices.finalize_invoice_async(draft.id)
    assert (await shop.client.v1.invoices.pay_async(draft.id, {"payment_method": "pm_card_visa"})).status == "paid"


async def test_left_past_due(shop: Shop) -> None:
    shop.served.sandbox.engine.set_account(Settings(after_retries="past_due", retry_days=()))
    made = await charged_to(shop, "pm_card_chargeCustomerFail")
    invoice = await renewed(shop, made)
    assert (invoice.attempt_count, invoice.next_payment_attempt) == (1, None)
    assert await status(shop, made) == "past_due"
    await later(shop, 31)
    newest = await latest(shop, made)
    assert (newest.status, newest.attempt_count) == ("open", 1)
    v1 = shop.client.v1.invoices
    await v1.pay_async(invoice.id, {"payment_method": "pm_card_visa"})
    assert await status(shop, made) == "past_due"
    await v1.pay_async(newest.id, {"payment_method": "pm_card_visa"})
    assert await status(shop, made) == "active"


async def test_another_card_is_charged_at_the_next_date_and_not_before(shop: Shop) -> None:
    made = await charged_to(shop, "pm_card_chargeCustomerFail")
    invoice = await renewed(shop, made)
    session = await shop.client.v1.billing_portal.sessions.create_async({"customer": shop.customer.id})
    await shop.served.sandbox.engine.replace_card(session.id, card())
    assert (await shop.client.v1.invoices.retrieve_async(invoice.id)).status == "open"
    await later(shop, 2)
    assert await status(shop, made) == "past_due"
    kinds = await later(shop, 1)
    assert (kinds[0], kinds[-1]) == ("charge.succeeded", "customer.subscription.updated")
    paid = await shop.client.v1.invoices.retrieve_async(invoice.id)
    assert (paid.status, paid.attempt_count, paid.next_payment_attempt, paid.amount_paid) == ("paid", 2, None, 1500)
    assert await status(shop, made) == "active"


async def test_a_customers_own_tries_change_no_date(shop: Shop) -> None:
    made = await charged_to(shop, "pm_card_chargeCustomerFail")
    invoice, engine = await renewed(shop, made), shop.served.sandbox.engine
    await later(shop, 1)
    assert (await engine.pay_invoice(invoice.id, card("4000000000000002"))).status == "declined"
    tried = await shop.client.v1.invoices.retrieve_async(invoice.id)
    assert (tried.attempt_count, tried.next_payment_attempt) == (1, invoice.next_payment_attempt)
    assert (await engine.pay_invoice(invoice.id, card())).status == "succeeded"
    assert await status(shop, made) == "active"
    await shop.served.types()
    assert await later(shop, 10) == []


@pytest.mark.parametrize("given_up", ["void", "mark_uncollectible"])
async def test_an_invoice_that_is_given_up_is_charged_no_more(shop: Shop, given_up: str) -> None:
    made = await charged_to(shop, "pm_card_chargeCustomerFail")
    invoice, v1 = await renewed(shop, made), shop.client.v1.invoices
    await shop.served.types()
    await (v1.void_invoice_async(invoice.id) if given_up == "void" else v1.mark_uncollectible_async(invoice.id))
    assert await status(shop, made) == "active"
    assert (await shop.served.types())[-1] == "customer.subscription.updated"
    assert await later(shop, 16) == []
    assert (await v1.retrieve_async(invoice.id)).attempt_count == 1


async def test_canceling_ends_the_tries(shop: Shop) -> None:
    made = await charged_to(shop, "pm_card_chargeCustomerFail")
    invoice = await renewed(shop, made)
    await shop.served.types()
    await shop.client.v1.subscriptions.cancel_async(made.id)
    assert await shop.served.types() == ["invoice.updated", "customer.subscription.deleted"]
    stopped = await shop.client.v1.invoices.retrieve_async(invoice.id)
    assert (stopped.status, stopped.next_payment_attempt, stopped.auto_advance) == ("open", None, False)
    assert await later(shop, 16) == []


async def test_an_expired_card_fails_and_is_renewed(shop: Shop) -> None:
    made = await shop.subscribed()
    session = await shop.client.v1.billing_portal.sessions.create_async({"customer": shop.customer.id})
    today = gmtime(made.created)
    method = await shop.served.sandbox.engine.replace_card(session.id, CardForm("4242424242424242", today.tm_mon, today.tm_year, "123"))
    invoice = await renewed(shop, made)
    assert await status(shop, made) == "past_due"
    charge = (await shop.client.v1.charges.list_async({"customer": shop.customer.id})).data[0]
    assert (charge.status, charge.failure_code) == ("failed", "expired_card")
    dates: Any = {"card": {"exp_month": 12, "exp_year": today.tm_year + 3}}
    await shop.client.v1.payment_methods.update_async(method["id"], dates)
    await later(shop, 3)
    assert (await shop.client.v1.invoices.retrieve_async(invoice.id)).status == "paid"


async def test_a_renewal_that_the_bank_asks_about_is_answered_on_its_page(shop: Shop) -> None:
    made = await charged_to(shop, "pm_card_authenticationRequired")
    invoice = await renewed(shop, made)
    kinds = await shop.served.types()
    asked = ["payment_intent.requires_action", "invoice.payment_action_required", "invoice.updated", "invoice.payment_failed"]
    assert kinds[-5:] == [*asked, "customer.subscription.updated"]
    assert (invoice.attempt_count, await status(shop, made)) == (1, "past_due")
    assert await later(shop, 3) == ["invoice.updated"]
    assert (await shop.client.v1.invoices.retrieve_async(invoice.id)).attempt_count == 2

    async with httpx.AsyncClient() as browser:
        page = (await browser.get(str(invoice.hosted_invoice_url))).text
        assert "Answer your bank" in page
        shown = await shop.served.sandbox.engine.invoice(invoice.id)
        intent = shown["payments"]["data"][0]["payment"]["payment_intent"]
        answer = {"client_secret": intent["client_secret"], "answer": "fail"}
        failed = await browser.post(f"{shop.served.url}/authenticate/{intent['id']}", data=answer)
        assert failed.headers["location"] == f"{invoice.hosted_invoice_url}?failed=authentication"
        assert "unable to authenticate" in (await browser.get(failed.headers["location"])).text
        paid = {"number": "4000000000003155", "expiry": "12 / 55", "cvc": "123", "name": "Ada"}
        again = await browser.post(str(invoice.hosted_invoice_url), data=paid)
        assert again.headers["location"].startswith(f"{shop.served.url}/authenticate/{intent['id']}")
        done = await browser.post(f"{shop.served.url}/authenticate/{intent['id']}", data=answer | {"answer": "complete"})
        assert done.headers["location"] == invoice.hosted_invoice_url
    assert (await shop.client.v1.invoices.retrieve_async(invoice.id)).status == "paid"
    assert await status(shop, made) == "active"


async def test_a_detached_card_is_nobodys_default(shop: Shop) -> None:
    made = await charged_to(shop, "pm_card_visa")
    v1 = shop.client.v1
    method = str((await v1.subscriptions.retrieve_async(made.id)).default_payment_method)
    await v1.customers.update_async(shop.customer.id, {"invoice_settings": {"default_payment_method": method}})
    await shop.served.types()
    await v1.payment_methods.detach_async(method)
    assert await shop.served.types() == ["customer.updated", "customer.subscription.updated", "payment_method.detached"]
    assert (await v1.subscriptions.retrieve_async(made.id)).default_payment_method is None
    await renewed(shop, made)
    assert await status(shop, made) == "past_due"


async def test_a_card_that_fails_later_is_good_enough_for_a_trial(shop: Shop) -> None:
    session = await shop.session("subscription", subscription_data={"trial_period_days": 7})
    assert (await shop.submit(session, "4000000000000341")).status == "succeeded"
    found = await shop.client.v1.checkout.sessions.retrieve_async(session.id, {"expand": ["subscription"]})
    assert isinstance(found.subscription, stripe.Subscription)
    assert found.subscription.status == "trialing"
    await later(shop, 7)
    assert await status(shop, found.subscription) == "past_due"


async def test_settings_that_cannot_be_are_refused(shop: Shop) -> None:
    engine = shop.served.sandbox.engine
    for wrong in (Settings(after_retries="pause"), Settings(retry_days=(0,)), Settings(retry_days=(1,) * 9), Settings(retry_days=(61,))):
        with pytest.raises(Refusal):
            engine.set_account(wrong)
    assert engine.account() == Settings()


async def test_the_overview_sets_the_account(shop: Shop) -> None:
    async with httpx.AsyncClient(base_url=shop.served.url) as browser:
        assert "3, 5, 7" in (await browser.get("/")).text
        given = {"after_retries": "unpaid", "retry_days": "1, 2", "portal": "no"}
        assert (await browser.post("/account", data=given)).status_code == 303
        assert shop.served.sandbox.engine.account() == Settings("unpaid", (1, 2), portal=False)
        for wrong in ({"retry_days": "x"}, {"retry_days": "1,-2"}, {"after_retries": "?"}, {"portal": "?"}):
            assert (await browser.post("/account", data=given | wrong)).status_code == 400
        assert (await browser.post("/account", data=given | {"retry_days": " "})).status_code == 303
    assert shop.served.sandbox.engine.account() == Settings("unpaid", (), portal=False)
