"""Payment intents: for packages, confirmed in the seller's own page."""

import asyncio
from typing import Any

import pytest

from models import AuditEntry, BillingInterval, Customer, IdempotencyKey, Payment
from services.billing import Billing
from services.errors import (
    AlreadyEntitled,
    AmountTooSmall,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    InvalidInput,
    NotFound,
    Refusal,
    StripeRejected,
)
from services.idempotency import Done
from services.payment_intents import PaymentIntentRequest, create_payment_intent
from services.purchases import Choice
from tests.services.between import Between, error
from tests.services.shop import ALICE, confirm, course, listed, paid, price_of


async def test_a_payment_begins(shop: Billing, stripe: Between) -> None:
    done = await create_payment_intent(shop, ALICE, course(2, {"order": "7"}))
    row, price = await Payment.get(id=done.object_id), await price_of("course", "USD")
    assert (row.status, row.stripe_status, row.amount, row.currency) == ("PENDING", "requires_payment_method", 99_800, "USD")
    assert (row.price_id, row.plan_id, row.quantity, row.metadata) == (price.id, price.plan_id, 2, {"order": "7"})
    found = await shop.stripe.retrieve("payment_intent", str(row.stripe_payment_intent_id))
    assert found is not None
    told = found.object
    assert (told["amount"], told["currency"], told["client_secret"]) == (99_800, "usd", done.extra)
    assert told["metadata"] == {"order": "7", "billgraph_id": row.id}
    assert told["automatic_payment_methods"]["enabled"] is True
    assert told["customer"] == (await Customer.get()).stripe_customer_id
    assert stripe.keys("/payment_intents") == [f"payment-intent-{row.id}"]
    entry = await AuditEntry.get(object_id=row.id, action="payment.create")
    assert (entry.actor, entry.changes["amount"], entry.changes["currency"]) == ("CUSTOMER:alice", 99_800, "USD")


async def test_it_is_paid(shop: Billing) -> None:
    row = await paid(shop)
    assert (row.status, row.amount, row.method_type, row.method_last4) == ("SUCCEEDED", 49_900, "card", "4242")
    with pytest.raises(AlreadyEntitled):
        await create_payment_intent(shop, ALICE, course())


async def test_the_same_key_gives_the_same_payment_and_its_secret_as_stripe_has_it(shop: Billing, stripe: Between) -> None:
    first = await create_payment_intent(shop, ALICE, course(), "key")
    again = await create_payment_intent(shop, ALICE, course(), "key")
    assert (again.object_id, again.extra) == (first.object_id, first.extra)
    assert (await Payment.all().count(), len(stripe.keys("/payment_intents"))) == (1, 1)
    kept = await IdempotencyKey.get()
    assert kept.answer == {"object": first.object_id}
    with pytest.raises(IdempotencyKeyReused):
        await create_payment_intent(shop, ALICE, course(2), "key")


async def test_fifty_at_once_with_one_key_make_one_payment(shop: Billing, stripe: Between) -> None:
    work = [create_payment_intent(shop, ALICE, course(), "key") for _ in range(50)]
    answers = await asyncio.gather(*work, return_exceptions=True)
    assert {type(answer) for answer in answers} <= {Done, IdempotencyKeyInUse}
    assert len({(answer.object_id, answer.extra) for answer in answers if isinstance(answer, Done)}) == 1
    row = await Payment.get()
    assert len(await listed(shop, "payment_intent", customer=(await Customer.get()).stripe_customer_id)) == 1
    assert stripe.keys("/payment_intents") == [f"payment-intent-{row.id}"]


@pytest.mark.parametrize(
    ("choice", "refusal", "field"),
    [
        (Choice(plan_code="pro", interval=BillingInterval.MONTH), InvalidInput, ("planCode",)),
        (Choice(plan_code="nothing"), NotFound, ("planCode",)),
        (Choice(), InvalidInput, ("priceId",)),
        (Choice(plan_code="credits", quantity=4), AmountTooSmall, ("quantity",)),
        (Choice(plan_code="course", quantity=0), InvalidInput, ("quantity",)),
        (Choice(plan_code="course", quantity=10_000), InvalidInput, ("quantity",)),
    ],
)
async def test_refusals_change_nothing(
    shop: Billing, stripe: Between, choice: Choice, refusal: type[Refusal], field: tuple[str, ...]
) -> None:
    with pytest.raises(refusal) as refused:
        await create_payment_intent(shop, ALICE, PaymentIntentRequest(choice))
    assert refused.value.field == field
    assert [await model.all().count() for model in (Payment, Customer, AuditEntry)] == [0, 0, 0]
    assert stripe.posted == []


@pytest.mark.parametrize("metadata", [["x"], {"a": 1}, {"billgraph_id": "x"}])
async def test_metadata_is_checked(shop: Billing, metadata: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        await create_payment_intent(shop, ALICE, course(metadata=metadata))
    assert (refused.value.field, await Payment.all().count()) == (("metadata",), 0)


async def test_what_stripe_refuses_for_good_is_failed(shop: Billing, stripe: Between) -> None:
    stripe.faults = [("/payment_intents", error(400, "invalid_request_error", "Not in this currency"))]
    with pytest.raises(StripeRejected):
        await create_payment_intent(shop, ALICE, course())
    row = await Payment.get()
    assert (row.status, row.failure_code, row.failure_message) == ("FAILED", "stripe_rejected", "Not in this currency")
    assert row.stripe_payment_intent_id is None
    told = await AuditEntry.get(object_id=row.id, action="payment.status")
    assert (told.actor, told.changes) == ("billgraph", {"status": ["PENDING", "FAILED"]})


async def test_a_declined_card_is_a_failed_attempt_and_another_card_pays(shop: Billing) -> None:
    done = await create_payment_intent(shop, ALICE, course())
    row = await Payment.get(id=done.object_id)
    with pytest.raises(Refusal) as refused:
        await confirm(shop, row, "pm_card_chargeDeclined")
    assert refused.value.code == "CARD_DECLINED"
    await confirm(shop, row)
    assert (await Payment.get(id=row.id)).status == "SUCCEEDED"
