"""The worker finishes what was cut off, once, and gives up only what Stripe never had."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models import CheckoutSession, Customer, Payment, Price, Refund
from models.record import Record
from services import stripe_gateway
from services.billing import Billing
from services.catalogue import save_plan
from services.checkout import create_checkout_session
from services.errors import StripeUnavailable
from services.idempotency import Done
from services.payment_intents import create_payment_intent
from services.recovery import KEY_LIFETIME, finish_pending
from services.refunds import create_refund
from services.stripe_gateway import MAX_TRIES, StripeGateway
from tests.services.between import Between, Fault, afterwards, error, instead
from tests.services.conftest import settings_for
from tests.services.shop import ALICE, COURSE, SUPPORT, checkout, course, listed, paid, refund

NOW = timedelta(0)

Begin = Callable[[Billing], Awaitable[Done[Any]]]


async def session(billing: Billing) -> Done[Any]:
    return await create_checkout_session(billing, ALICE, checkout(plan_code="credits", quantity=10), "key")


async def intent(billing: Billing) -> Done[Any]:
    return await create_payment_intent(billing, ALICE, course(), "key")


async def given_back(billing: Billing) -> Done[Any]:
    return await create_refund(billing, SUPPORT, refund(await paid(billing), 1_000), "key")


KINDS: list[tuple[str, Begin, type[Record], str, str]] = [
    ("/checkout/sessions", session, CheckoutSession, "session", "stripe_session_id"),
    ("/payment_intents", intent, Payment, "payment_intent", "stripe_payment_intent_id"),
    ("/refunds", given_back, Refund, "refund", "stripe_refund_id"),
]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stripe_gateway, "FIRST_PAUSE", 0.001)


async def cut_off(billing: Billing, stripe: Between, path: str, begin: Begin, fault: Fault) -> None:
    stripe.faults = [(path, fault)] * MAX_TRIES
    with pytest.raises(StripeUnavailable):
        await begin(billing)


async def at_stripe(billing: Billing, kind: str, row_id: str) -> list[str]:
    return [found["id"] for found in await listed(billing, kind) if found["metadata"].get("billgraph_id") == row_id]


@pytest.mark.parametrize("fault", [instead(502), afterwards(502)], ids=["never arrived", "answer lost"])
@pytest.mark.parametrize(("path", "begin", "model", "kind", "column"), KINDS, ids=[case[3] for case in KINDS])
async def test_what_was_cut_off_is_finished_once(
    shop: Billing, stripe: Between, fault: Fault, path: str, begin: Begin, model: type[Record], kind: str, column: str
) -> None:
    await cut_off(shop, stripe, path, begin, fault)
    row = await model.get(**{column: None})
    assert await finish_pending(shop, timedelta(hours=1)) == 0
    assert await finish_pending(shop, NOW) == 1
    assert await at_stripe(shop, kind, row.id) == [getattr(await model.get(id=row.id), column)]
    assert await finish_pending(shop, NOW) == 0
    done = await begin_again(shop, begin, row)
    assert done.object_id == row.id


async def begin_again(shop: Billing, begin: Begin, row: Any) -> Done[Any]:
    if isinstance(row, Refund):
        payment = await Payment.get(id=row.payment_id)
        return await create_refund(shop, SUPPORT, refund(payment, 1_000), "key")
    return await begin(shop)


@pytest.mark.parametrize("arrived", [True, False])
@pytest.mark.parametrize(("path", "begin", "model", "kind", "column"), KINDS, ids=[case[3] for case in KINDS])
async def test_after_a_day_stripe_is_asked_for_the_object_before_it_is_given_up(
    shop: Billing, stripe: Between, arrived: bool, path: str, begin: Begin, model: type[Record], kind: str, column: str
) -> None:
    await cut_off(shop, stripe, path, begin, afterwards(502) if arrived else instead(502))
    row = await model.get(**{column: None})
    await model.filter(id=row.id).update(created_at=datetime.now(UTC) - KEY_LIFETIME)
    stripe.clear()
    assert await finish_pending(shop, NOW) == 1
    after: Any = await model.get(id=row.id)
    assert await at_stripe(shop, kind, row.id) == ([getattr(after, column)] if arrived else [])
    assert stripe.posted == []
    if not arrived:
        assert (getattr(after, column), after.status) == (None, "EXPIRED" if kind == "session" else "FAILED")
    assert await finish_pending(shop, NOW) == 0


async def test_what_stripe_refuses_for_good_comes_to_its_end(shop: Billing, stripe: Between) -> None:
    await cut_off(shop, stripe, "/payment_intents", intent, instead(502))
    stripe.faults = [("/payment_intents", error(400, "invalid_request_error", "no"))]
    assert await finish_pending(shop, NOW) == 1
    assert (await Payment.get()).status == "FAILED"
    assert await finish_pending(shop, NOW) == 0


async def test_while_stripe_is_down_everything_stays(shop: Billing, stripe: Between) -> None:
    await cut_off(shop, stripe, "/payment_intents", intent, instead(502))
    stripe.faults = [("/payment_intents", instead(502))] * MAX_TRIES
    assert await finish_pending(shop, NOW) == 0
    assert (await Payment.get()).status == "PENDING"
    assert await finish_pending(shop, NOW) == 1


async def test_a_checkout_that_waits_for_its_buyer_is_left_alone(shop: Billing, stripe: Between) -> None:
    await session(shop)
    stripe.clear()
    assert (await finish_pending(shop, NOW), stripe.posted) == (0, [])
    assert (await Payment.get()).status == "PENDING"


async def test_a_plan_that_was_cut_off_is_published(billing: Billing, stripe: Between) -> None:
    stripe.faults = [("/prices", instead(502))] * MAX_TRIES
    with pytest.raises(StripeUnavailable):
        await save_plan(billing, COURSE)
    assert await finish_pending(billing, NOW) == 1
    assert await Price.filter(stripe_price_id=None).count() == 0
    assert await finish_pending(billing, NOW) == 0


async def test_switched_off_nothing_is_given_up(shop: Billing, stripe: Between) -> None:
    await cut_off(shop, stripe, "/payment_intents", intent, instead(502))
    settings = settings_for(stripe.base, stripe_enabled=False)
    off = Billing(settings=settings, stripe=StripeGateway(settings))
    assert await finish_pending(off, NOW) == 0
    await off.stripe.close()
    assert (await Payment.get()).status == "PENDING"
    assert (await Customer.get()).stripe_customer_id
