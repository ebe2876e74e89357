"""Reading a payment again, for whoever will not wait for the webhook."""

from typing import Any

import pytest

from models import CheckoutSession, IdempotencyKey, Payment
from services.billing import Billing
from services.checkout import create_checkout_session
from services.errors import InvalidInput, NotFound, StripeUnavailable
from services.payment_intents import create_payment_intent
from services.payment_refresh import refresh_payment
from services.stripe_gateway import MAX_TRIES
from tests.services.between import Between, afterwards
from tests.services.shop import ALICE, BOB, SUPPORT, checkout, course


async def pay(billing: Billing, payment_id: str) -> None:
    intent = str((await Payment.get(id=payment_id)).stripe_payment_intent_id)
    parameters: Any = {"payment_method": "pm_card_visa", "return_url": "https://app.example/done"}
    await billing.stripe.call("confirm", lambda client: client.v1.payment_intents.confirm_async(intent, parameters))


@pytest.mark.parametrize(("caller", "staff"), [(ALICE, False), (SUPPORT, True)])
async def test_the_owner_and_staff(shop: Billing, caller: Any, staff: bool) -> None:
    done = await create_payment_intent(shop, ALICE, course())
    await pay(shop, done.object_id)
    assert (await Payment.get()).status == "PENDING"
    assert (await refresh_payment(shop, caller, done.object_id, staff=staff)).object_id == done.object_id
    row = await Payment.get()
    assert (row.status, row.amount, row.method_last4) == ("SUCCEEDED", 49_900, "4242")
    assert row.stripe_charge_id


async def test_nobody_else(shop: Billing) -> None:
    done = await create_payment_intent(shop, ALICE, course())
    await pay(shop, done.object_id)
    with pytest.raises(NotFound) as refused:
        await refresh_payment(shop, BOB, done.object_id, staff=False)
    assert (refused.value.field, (await Payment.get()).status) == (("id",), "PENDING")
    for payment_id, refusal in (("pay_unknown", NotFound), ("\0", InvalidInput), ("p" * 33, InvalidInput)):
        with pytest.raises(refusal):
            await refresh_payment(shop, ALICE, payment_id, staff=True)


async def test_an_unpaid_checkout_changes_nothing(shop: Billing) -> None:
    done = await create_checkout_session(shop, ALICE, checkout(plan_code="course"))
    session = await CheckoutSession.get(id=done.object_id)
    await refresh_payment(shop, ALICE, str(session.payment_id), staff=False)
    assert ((await Payment.get()).status, (await CheckoutSession.get()).status) == ("PENDING", "OPEN")


async def test_what_is_not_at_stripe_yet_is_brought_there(shop: Billing, stripe: Between) -> None:
    stripe.faults = [("/payment_intents", afterwards(502))] * MAX_TRIES + [("/checkout/sessions", afterwards(502))] * MAX_TRIES
    with pytest.raises(StripeUnavailable):
        await create_payment_intent(shop, ALICE, course())
    with pytest.raises(StripeUnavailable):
        await create_checkout_session(shop, ALICE, checkout(plan_code="credits", quantity=10))
    for row in await Payment.all():
        await refresh_payment(shop, ALICE, row.id, staff=False)
    session = await CheckoutSession.get()
    assert session.stripe_session_id
    assert (await Payment.get(checkout_session__isnull=True)).stripe_payment_intent_id


async def test_the_same_key_reads_once(shop: Billing) -> None:
    done = await create_payment_intent(shop, ALICE, course())
    await refresh_payment(shop, ALICE, done.object_id, staff=False, key="key")
    await pay(shop, done.object_id)
    await refresh_payment(shop, ALICE, done.object_id, staff=False, key="key")
    assert ((await Payment.get()).status, await IdempotencyKey.all().count()) == ("PENDING", 1)
