"""Stripe down, slow, or talking nonsense: the exact refusal, what stays pending, and that trying again finishes it once."""

import socket
from typing import Any

import pytest

from models import CheckoutSession, IdempotencyKey, Payment, Refund
from services import stripe_gateway
from services.billing import Billing
from services.checkout import create_checkout_session
from services.errors import CardDeclined, RateLimited, Refusal, StripeRejected, StripeUnavailable
from services.payment_intents import create_payment_intent
from services.refunds import create_refund
from services.stripe_gateway import MAX_TRIES, StripeGateway
from tests.services.between import Between, Fault, afterwards, error, instead, slowly
from tests.services.conftest import settings_for
from tests.services.shop import ALICE, SUPPORT, checkout, course, listed, paid, refund

SLOW = 0.4
"""Seconds that a late answer takes; the limits are set below it."""

PASSING: list[tuple[str, Fault, type[Refusal]]] = [
    ("html", instead(502), StripeUnavailable),
    ("html that says it is fine", instead(200), StripeUnavailable),
    ("a list", instead(200, "[1]", content_type="application/json"), StripeUnavailable),
    ("text", instead(200, '"x"', content_type="application/json"), StripeUnavailable),
    ("an empty answer", instead(200, ""), StripeUnavailable),
    ("half an answer", instead(200, '{"id": "pi_'), StripeUnavailable),
    ("500", error(500, "api_error"), StripeUnavailable),
    ("503 without error", instead(503, "{}"), StripeUnavailable),
    ("404 of another server", instead(404), StripeUnavailable),
    ("429", error(429, "rate_limit_error"), RateLimited),
    ("409", error(409, "idempotency_error", code="idempotency_key_in_use"), StripeUnavailable),
    ("a lost answer", afterwards(500), StripeUnavailable),
]

FINAL: list[tuple[Fault, type[Refusal]]] = [
    (error(400, "invalid_request_error"), StripeRejected),
    (error(402, "card_error", code="card_declined"), CardDeclined),
    (error(404, "invalid_request_error", code="resource_missing"), StripeRejected),
]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe_gateway, "FIRST_PAUSE", 0.001)


@pytest.mark.parametrize(("fault", "refusal"), [case[1:] for case in PASSING], ids=[case[0] for case in PASSING])
async def test_a_payment_survives_what_passes(shop: Billing, stripe: Between, quick: None, fault: Fault, refusal: type[Refusal]) -> None:
    stripe.faults = [("/payment_intents", fault)] * MAX_TRIES
    with pytest.raises(refusal) as refused:
        await create_payment_intent(shop, ALICE, course(), "key")
    assert refused.value.retryable is True
    row = await Payment.get()
    assert (row.status, row.stripe_payment_intent_id, (await IdempotencyKey.get()).answer) == ("PENDING", None, None)
    assert stripe.keys("/payment_intents") == [f"payment-intent-{row.id}"] * MAX_TRIES
    done = await create_payment_intent(shop, ALICE, course(), "key")
    assert (done.object_id, await Payment.all().count()) == (row.id, 1)
    assert done.extra
    found = [intent["id"] for intent in await listed(shop, "payment_intent") if intent["metadata"].get("billgraph_id") == row.id]
    assert found == [(await Payment.get()).stripe_payment_intent_id]


@pytest.mark.parametrize(("fault", "refusal"), FINAL)
async def test_what_is_final_is_asked_once(shop: Billing, stripe: Between, fault: Fault, refusal: type[Refusal]) -> None:
    stripe.faults = [("/payment_intents", fault)]
    with pytest.raises(refusal) as refused:
        await create_payment_intent(shop, ALICE, course(), "key")
    assert (refused.value.retryable, refused.value.message) == (False, "told so")
    assert ((await Payment.get()).status, len(stripe.keys("/payment_intents"))) == ("FAILED", 1)


async def test_a_key_of_other_parameters_leaves_the_payment_pending(shop: Billing, stripe: Between) -> None:
    """An older release may have asked otherwise under the same key: its payment intent may exist."""
    stripe.faults = [("/payment_intents", error(400, "idempotency_error"))]
    with pytest.raises(StripeUnavailable) as refused:
        await create_payment_intent(shop, ALICE, course(), "key")
    assert (refused.value.retryable, (await Payment.get()).status, len(stripe.keys("/payment_intents"))) == (True, "PENDING", 1)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_key_that_stripe_does_not_take_is_the_operator_s_to_mend(shop: Billing, stripe: Between, status: int) -> None:
    stripe.faults = [("/payment_intents", error(status, "invalid_request_error", "Invalid API Key provided: sk_test_*****"))]
    with pytest.raises(StripeUnavailable) as refused:
        await create_payment_intent(shop, ALICE, course())
    assert ("sk_test" in refused.value.message, (await Payment.get()).status) == (False, "PENDING")
    assert len(stripe.keys("/payment_intents")) == 1


@pytest.mark.parametrize("fault", [error(429, "rate_limit_error"), error(500, "api_error"), instead(502), afterwards(502)])
async def test_a_second_try_within_the_call_is_enough(shop: Billing, stripe: Between, quick: None, fault: Fault) -> None:
    stripe.faults = [("/payment_intents", fault)]
    done = await create_payment_intent(shop, ALICE, course())
    assert done.extra
    assert stripe.keys("/payment_intents") == [f"payment-intent-{done.object_id}"] * 2


@pytest.mark.parametrize("said", ["true", "false"])
async def test_stripe_s_own_word_on_trying_again_goes_first(shop: Billing, stripe: Between, quick: None, said: str) -> None:
    body = '{"error": {"type": "api_error", "message": "x"}}'
    stripe.faults = [("/payment_intents", instead(500, body, content_type="application/json", stripe_should_retry=said))]
    if said == "true":
        await create_payment_intent(shop, ALICE, course())
    else:
        with pytest.raises(StripeUnavailable):
            await create_payment_intent(shop, ALICE, course())
    assert len(stripe.keys("/payment_intents")) == (2 if said == "true" else 1)


@pytest.mark.parametrize("limit", ["TRY_LIMIT", "CALL_LIMIT"])
async def test_a_slow_stripe_has_done_it_once(
    shop: Billing, stripe: Between, quick: None, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    await paid(shop)
    with monkeypatch.context() as limited:
        limited.setattr(stripe_gateway, limit, SLOW / 4)
        stripe.faults = [("/checkout/sessions", slowly(SLOW))] * MAX_TRIES
        with pytest.raises(StripeUnavailable):
            await create_checkout_session(shop, ALICE, checkout(plan_code="credits", quantity=10), "key")
    stripe.faults.clear()
    row = await CheckoutSession.get()
    assert (row.stripe_session_id, row.status) == (None, "OPEN")
    done = await create_checkout_session(shop, ALICE, checkout(plan_code="credits", quantity=10), "key")
    row = await CheckoutSession.get()
    assert done.object_id == row.id
    sessions = [found["id"] for found in await listed(shop, "session") if found["metadata"].get("billgraph_id") == row.id]
    assert sessions == [row.stripe_session_id]


@pytest.mark.parametrize("fault", [instead(502), afterwards(502)], ids=["never arrived", "answer lost"])
async def test_a_refund_is_given_once(shop: Billing, stripe: Between, quick: None, fault: Fault) -> None:
    payment = await paid(shop)
    stripe.faults = [("/refunds", fault)] * MAX_TRIES
    with pytest.raises(StripeUnavailable):
        await create_refund(shop, SUPPORT, refund(payment, 1_000), "key")
    row = await Refund.get()
    assert (row.status, row.stripe_refund_id) == ("PENDING", None)
    await create_refund(shop, SUPPORT, refund(payment, 1_000), "key")
    row = await Refund.get()
    assert (row.status, (await Payment.get(id=payment.id)).amount_refunded) == ("SUCCEEDED", 1_000)
    assert [found["id"] for found in await listed(shop, "refund", payment_intent=payment.stripe_payment_intent_id)] == [
        row.stripe_refund_id
    ]


async def test_nobody_listens(database: str, quick: None) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        settings = settings_for(f"http://127.0.0.1:{taken.getsockname()[1]}")
        gateway = StripeGateway(settings)
        with pytest.raises(StripeUnavailable):
            await gateway.retrieve("payment_intent", "pi_1")
        await gateway.close()


@pytest.mark.parametrize("object_id", ["pi_unknown", "../customers", "a/b?c", "é"])
async def test_what_stripe_does_not_have_is_none(shop: Billing, object_id: str) -> None:
    assert await shop.stripe.retrieve("payment_intent", object_id) is None


async def test_an_answer_is_dated_by_stripe_s_clock(shop: Billing, stripe: Between) -> None:
    made: dict[str, Any] = (await listed(shop, "price"))[0]
    read = await shop.stripe.retrieve("price", made["id"])
    assert read is not None
    assert (read.read, read.version >= made["created"]) == (True, True)
