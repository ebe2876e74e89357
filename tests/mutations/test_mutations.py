"""The mutations as clients send them: who may, what comes back, how refusals look."""

import json
from typing import Any

import pytest

from models import AuditEntry, CheckoutSession, Customer, IdempotencyKey, Payment, Refund, WebhookEvent
from services.billing import Billing
from services.payment_intents import create_payment_intent
from tests.resolvers.asking import ROLES, Asking
from tests.services.between import Between, instead
from tests.services.shop import ALICE, course, paid, subscribed

ERRORS = "userErrors { code message field retryable }"
CHECKOUT = f"""mutation ($input: CreateCheckoutSessionInput!) {{
  createCheckoutSession(input: $input) {{
    checkoutSession {{ id status url stripeSessionId payment {{ id status amount {{ amount currency }} plan {{ code }} }} }}
    {ERRORS}
  }}
}}"""
INTENT = f"""mutation ($input: CreatePaymentIntentInput!) {{
  createPaymentIntent(input: $input) {{
    payment {{ id status metadata stripePaymentIntentId customer {{ externalId }} }} clientSecret publishableKey {ERRORS}
  }}
}}"""
REFRESH = f"mutation ($input: RefreshPaymentInput!) {{ refreshPayment(input: $input) {{ payment {{ id status }} {ERRORS} }} }}"
PORTAL = f"mutation ($input: CreatePortalSessionInput!) {{ createPortalSession(input: $input) {{ url {ERRORS} }} }}"
REFUND = f"""mutation ($input: CreateRefundInput!) {{
  createRefund(input: $input) {{
    refund {{ ...Told payment {{ id status amountRefunded {{ decimal }} refunds {{ id }} }} }}
    again: refund {{ reason }}
    {ERRORS}
  }}
}}
fragment Told on Refund {{ id status amount {{ formatted }} }}"""

REPLAY = f"""mutation ($input: ReplayWebhookEventInput!) {{
  replayWebhookEvent(input: $input) {{ webhookEvent {{ id type status attempts error payload }} {ERRORS} }}
}}"""

EACH: list[tuple[str, dict[str, Any]]] = [
    (CHECKOUT, {"planCode": "course"}),
    (INTENT, {"planCode": "course"}),
    (REFRESH, {"id": "pay_1"}),
    (PORTAL, {}),
    (REFUND, {"paymentId": "pay_1", "idempotencyKey": "key"}),
    (REPLAY, {"id": "whe_1"}),
]


def refused(code: str, *field: str, retryable: bool = False) -> dict[str, Any]:
    return {"code": code, "field": ["input", *field] if field else None, "retryable": retryable}


async def sent(asking: Asking, who: str, mutation: str, **given: Any) -> dict[str, Any]:
    """The payload, with what refusals say to people left out."""
    (payload,) = (await asking.ask(who, mutation, input=given)).values()
    for entry in payload["userErrors"]:
        assert entry.pop("message")
    found: dict[str, Any] = payload
    return found


async def written() -> list[int]:
    return [await model.all().count() for model in (CheckoutSession, Payment, Refund, Customer, AuditEntry, IdempotencyKey)]


@pytest.mark.parametrize(("mutation", "given"), EACH)
async def test_the_anonymous_may_nothing(asking: Asking, stripe: Between, mutation: str, given: dict[str, Any]) -> None:
    assert await asking.codes("anonymous", mutation, input=given) == ["UNAUTHENTICATED"]
    assert (await written(), stripe.posted) == ([0] * 6, [])


@pytest.mark.parametrize("who", [who for who in ROLES if who not in {"support", "admin", "anonymous"}])
async def test_only_support_and_administrators_give_back(asking: Asking, shop: Billing, who: str) -> None:
    payment = await paid(shop)
    before = await written()
    assert await asking.codes(who, REFUND, input={"paymentId": payment.id, "idempotencyKey": "key"}) == ["FORBIDDEN"]
    assert await written() == before


async def event_of(payment: Payment) -> WebhookEvent:
    """A stored event about a payment, which failed."""
    intent = {"id": payment.stripe_payment_intent_id, "object": "payment_intent", "status": "canceled", "amount": 1, "currency": "usd"}
    told = {"id": "evt_1", "object": "event", "type": "payment_intent.canceled", "created": 4_000_000_000, "data": {"object": intent}}
    row = WebhookEvent(stripe_event_id="evt_1", type="payment_intent.canceled", status="FAILED", attempts=1, error="x")
    row.payload, row.occurred_at, row.received_at = json.dumps(told), payment.created_at, payment.created_at
    await row.save(force_create=True)
    return row


@pytest.mark.parametrize("who", [who for who in ROLES if who not in {"support", "admin", "anonymous"}])
async def test_only_support_and_administrators_replay(asking: Asking, shop: Billing, who: str) -> None:
    event = await event_of(await begun(shop))
    before = await written()
    assert await asking.codes(who, REPLAY, input={"id": event.id}) == ["FORBIDDEN"]
    assert (await written(), (await WebhookEvent.get()).attempts, (await Payment.get()).status) == (before, 1, "PENDING")


async def begun(shop: Billing) -> Payment:
    await create_payment_intent(shop, ALICE, course())
    return await Payment.get()


@pytest.mark.parametrize("who", ["support", "admin"])
async def test_a_replay(asking: Asking, shop: Billing, who: str) -> None:
    event = await event_of(await begun(shop))
    for _ in range(2):
        payload = await sent(asking, who, REPLAY, id=event.id, idempotencyKey="key")
        told = payload["webhookEvent"]
        assert (told.pop("payload"), payload["userErrors"]) == (json.loads(event.payload), [])
        assert told == {"id": event.id, "type": "payment_intent.canceled", "status": "PROCESSED", "attempts": 2, "error": None}
        assert (await Payment.get()).status == "CANCELED"
    entry = await AuditEntry.get(action="webhook_event.replay")
    assert (entry.actor, entry.object_id) == (f"{who.upper()}:staff", event.id)


async def test_a_replay_that_fails_is_told_by_the_event(asking: Asking, shop: Billing) -> None:
    event = await event_of(await begun(shop))
    await WebhookEvent.all().update(payload=event.payload.replace('"canceled", "amount"', '7, "amount"'))
    payload = await sent(asking, "support", REPLAY, id=event.id)
    assert (payload["webhookEvent"]["status"], payload["userErrors"]) == ("FAILED", [])
    assert payload["webhookEvent"]["error"].startswith("UnknownShape: payment_intent pi_")
    assert (await Payment.get()).status == "PENDING"


async def test_a_replay_of_nothing(asking: Asking) -> None:
    for event_id, code in (("whe_1", "NOT_FOUND"), ("", "INVALID_INPUT"), ("a\0", "INVALID_INPUT")):
        assert await sent(asking, "admin", REPLAY, id=event_id) == {"webhookEvent": None, "userErrors": [refused(code, "id")]}


async def test_a_checkout(asking: Asking) -> None:
    payload = await sent(asking, "owner", CHECKOUT, planCode="course", idempotencyKey="key")
    row, payment = await CheckoutSession.get(), await Payment.get()
    assert payload == {
        "checkoutSession": {
            "id": row.id,
            "status": "OPEN",
            "url": row.url,
            "stripeSessionId": row.stripe_session_id,
            "payment": {"id": payment.id, "status": "PENDING", "amount": {"amount": 49_900, "currency": "USD"}, "plan": {"code": "course"}},
        },
        "userErrors": [],
    }
    await Payment.all().update(status="PROCESSING")
    again = await sent(asking, "owner", CHECKOUT, planCode="course", idempotencyKey="key")
    assert again["checkoutSession"]["payment"]["status"] == "PROCESSING"
    assert await CheckoutSession.all().count() == 1


async def test_a_subscription_checkout_by_variables_of_every_kind(asking: Asking) -> None:
    payload = await sent(
        asking,
        "owner",
        CHECKOUT,
        planCode="pro",
        currency="JPY",
        interval="MONTH",
        quantity=3,
        allowPromotionCodes=True,
        successUrl="https://app.example/done?id={CHECKOUT_SESSION_ID}",
        cancelUrl="https://app.example/",
        expiresInMinutes=60,
        metadata={"team": "red"},
    )
    assert (payload["userErrors"], payload["checkoutSession"]["payment"]) == ([], None)
    row = await CheckoutSession.get()
    assert (row.mode, row.quantity, row.parameters["allow_promotion_codes"]) == ("SUBSCRIPTION", 3, True)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({}, refused("INVALID_INPUT", "priceId")),
        ({"planCode": "nothing"}, refused("NOT_FOUND", "planCode")),
        ({"planCode": "course", "quantity": 0}, refused("INVALID_INPUT", "quantity")),
        ({"planCode": "course", "quantity": 10**9}, refused("INVALID_INPUT", "quantity")),
        ({"planCode": "course", "successUrl": "https://evil.example"}, refused("URL_NOT_ALLOWED", "successUrl")),
        ({"planCode": "a\0"}, refused("INVALID_INPUT", "planCode")),
        ({"planCode": "course", "idempotencyKey": "\ud800"}, refused("INVALID_INPUT", "idempotencyKey")),
        ({"planCode": "course", "metadata": {"a": {"b": "c"}}}, refused("INVALID_INPUT", "metadata")),
        ({"planCode": "course", "currency": "EUR"}, refused("PRICE_UNAVAILABLE", "currency")),
        ({"planCode": "credits", "quantity": 1}, refused("AMOUNT_TOO_SMALL", "quantity")),
    ],
)
async def test_refusals_are_data(asking: Asking, stripe: Between, given: dict[str, Any], error: dict[str, Any]) -> None:
    assert await sent(asking, "owner", CHECKOUT, **given) == {"checkoutSession": None, "userErrors": [error]}
    assert (await written(), stripe.posted) == ([0] * 6, [])


async def test_stripe_down_is_a_retryable_refusal(asking: Asking, stripe: Between) -> None:
    stripe.faults = [("/sessions", instead(502))] * 4
    payload = await sent(asking, "owner", CHECKOUT, planCode="course", idempotencyKey="key")
    assert payload == {"checkoutSession": None, "userErrors": [refused("STRIPE_UNAVAILABLE", retryable=True)]}
    payload = await sent(asking, "owner", CHECKOUT, planCode="course", idempotencyKey="key")
    assert (payload["userErrors"], await CheckoutSession.all().count()) == ([], 1)


async def test_a_payment_intent_and_its_secret(asking: Asking, shop: Billing) -> None:
    given = {"planCode": "course", "metadata": {"order": "7"}, "idempotencyKey": "key"}
    payload = await sent(asking, "owner", INTENT, **given)
    row = await Payment.get()
    secret = payload["clientSecret"]
    assert secret.startswith(f"{row.stripe_payment_intent_id}_secret_")
    assert payload == {
        "payment": {
            "id": row.id,
            "status": "PENDING",
            "metadata": {"order": "7"},
            "stripePaymentIntentId": row.stripe_payment_intent_id,
            "customer": {"externalId": "alice"},
        },
        "clientSecret": secret,
        "publishableKey": shop.settings.stripe_publishable_key,
        "userErrors": [],
    }
    assert await sent(asking, "owner", INTENT, **given) == payload
    other = await sent(asking, "owner", INTENT, **given | {"quantity": 2})
    assert other == {
        "payment": None,
        "clientSecret": None,
        "publishableKey": None,
        "userErrors": [refused("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")],
    }


async def test_staff_buy_for_themselves_too(asking: Asking) -> None:
    payload = await sent(asking, "support", INTENT, planCode="course")
    assert payload["payment"]["customer"] == {"externalId": "staff"}


async def test_a_payment_is_refreshed_by_its_owner_and_staff_alone(asking: Asking) -> None:
    payment_id = (await sent(asking, "owner", INTENT, planCode="course"))["payment"]["id"]
    for who in ("owner", "support", "service", "admin"):
        payload = await sent(asking, who, REFRESH, id=payment_id)
        assert payload == {"payment": {"id": payment_id, "status": "PENDING"}, "userErrors": []}
    for who, row_id in (("other", payment_id), ("owner", "pay_unknown")):
        assert await sent(asking, who, REFRESH, id=row_id) == {"payment": None, "userErrors": [refused("NOT_FOUND", "id")]}


async def test_a_refund_partial_then_full_then_none_left(asking: Asking, shop: Billing) -> None:
    payment = await paid(shop)
    part = await sent(asking, "support", REFUND, paymentId=payment.id, amount=900, reason="DUPLICATE", idempotencyKey="one")
    assert part == {
        "refund": {
            "id": (await Refund.get()).id,
            "status": "SUCCEEDED",
            "amount": {"formatted": "$9.00"},
            "payment": {
                "id": payment.id,
                "status": "PARTIALLY_REFUNDED",
                "amountRefunded": {"decimal": "9.00"},
                "refunds": [{"id": (await Refund.get()).id}],
            },
        },
        "again": {"reason": "DUPLICATE"},
        "userErrors": [],
    }
    rest = await sent(asking, "admin", REFUND, paymentId=payment.id, idempotencyKey="two")
    assert (rest["refund"]["amount"], rest["refund"]["payment"]["status"]) == ({"formatted": "$490.00"}, "REFUNDED")
    none_left = await sent(asking, "admin", REFUND, paymentId=payment.id, idempotencyKey="three")
    assert none_left == {"refund": None, "again": None, "userErrors": [refused("PAYMENT_NOT_REFUNDABLE", "paymentId")]}
    audited = await AuditEntry.filter(action="refund.create").order_by("id").values_list("actor", "request_id")
    assert [tuple(entry) for entry in audited] == [("SUPPORT:staff", "request-1"), ("ADMIN:staff", "request-1")]


async def test_too_much_and_nothing(asking: Asking, shop: Billing) -> None:
    payment = await paid(shop)
    for amount, code in ((49_901, "REFUND_EXCEEDS_PAYMENT"), (0, "INVALID_INPUT")):
        payload = await sent(asking, "support", REFUND, paymentId=payment.id, amount=amount, idempotencyKey=f"key-{amount}")
        assert (payload["refund"], payload["userErrors"]) == (None, [refused(code, "amount")])
    assert await Refund.all().count() == 0


@pytest.mark.parametrize("given", [{"paymentId": "pay_1"}, {"paymentId": "pay_1", "idempotencyKey": "k", "amount": -1}])
async def test_what_the_schema_itself_refuses(asking: Asking, given: dict[str, Any]) -> None:
    result = await asking.run("support", REFUND, input=given)
    assert (result.data, len(result.errors or [])) == (None, 1)


async def test_the_portal(asking: Asking, shop: Billing) -> None:
    assert await sent(asking, "owner", PORTAL) == {"url": None, "userErrors": [refused("NO_STRIPE_CUSTOMER")]}
    await paid(shop)
    payload = await sent(asking, "owner", PORTAL, flow="PAYMENT_METHOD_UPDATE", returnUrl="https://app.example/account")
    assert payload["userErrors"] == []
    assert payload["url"].startswith("http")
    subscription = await subscribed(ALICE, (await Customer.get()).id, "CANCELED")
    ended = await sent(asking, "owner", PORTAL, flow="SUBSCRIPTION_CANCEL", subscriptionId=subscription.id)
    assert ended == {"url": None, "userErrors": [refused("SUBSCRIPTION_NOT_ACTIVE", "subscriptionId")]}
