"""Money back: never more than was paid, never twice."""

import asyncio

import pytest

from models import AuditEntry, IdempotencyKey, Payment, Refund, RefundReason
from services.billing import Billing
from services.errors import (
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    InvalidInput,
    NotFound,
    PaymentNotRefundable,
    RefundExceedsPayment,
    Refusal,
    StripeRejected,
)
from services.idempotency import Done
from services.payment_intents import PaymentIntentRequest, create_payment_intent
from services.purchases import Choice
from services.refunds import RefundRequest, create_refund
from tests.services.between import Between, error
from tests.services.shop import ALICE, SUPPORT, confirm, course, listed, paid, refund


async def test_all_of_it(shop: Billing, stripe: Between) -> None:
    payment = await paid(shop)
    done = await create_refund(shop, SUPPORT, refund(payment, description="Sorry"), "key")
    row, payment = await Refund.get(id=done.object_id), await Payment.get(id=payment.id)
    assert (row.status, row.amount, row.currency, row.reason) == ("SUCCEEDED", 49_900, "USD", "REQUESTED_BY_CUSTOMER")
    assert (row.customer_id, row.description) == (payment.customer_id, "Sorry")
    assert (payment.status, payment.amount_refunded) == ("REFUNDED", 49_900)
    assert stripe.keys("/refunds") == [f"refund-{row.id}"]
    (told,) = await listed(shop, "refund", payment_intent=payment.stripe_payment_intent_id)
    assert (told["id"], told["amount"], told["reason"]) == (row.stripe_refund_id, 49_900, "requested_by_customer")
    assert told["metadata"] == {"billgraph_id": row.id}
    entry = await AuditEntry.get(object_id=row.id, action="refund.create")
    assert (entry.actor, entry.changes["payment"], entry.changes["amount"]) == ("SUPPORT:dora", payment.id, 49_900)


async def test_parts_and_then_the_rest(shop: Billing) -> None:
    payment = await paid(shop)
    await create_refund(shop, SUPPORT, refund(payment, 10_000, reason=RefundReason.OTHER), "one")
    assert (await Payment.get(id=payment.id)).status == "PARTIALLY_REFUNDED"
    await create_refund(shop, SUPPORT, refund(payment, 10_000), "two")
    with pytest.raises(RefundExceedsPayment) as refused:
        await create_refund(shop, SUPPORT, refund(payment, 29_901), "three")
    assert refused.value.field == ("amount",)
    done = await create_refund(shop, SUPPORT, refund(payment), "four")
    assert (await Refund.get(id=done.object_id)).amount == 29_900
    assert (await Payment.get(id=payment.id)).status == "REFUNDED"
    with pytest.raises(PaymentNotRefundable):
        await create_refund(shop, SUPPORT, refund(payment, 1), "five")
    told = await listed(shop, "refund", payment_intent=payment.stripe_payment_intent_id)
    assert sorted(row["amount"] for row in told) == [10_000, 10_000, 29_900]
    assert sorted(row["reason"] or "none" for row in told) == ["none", "requested_by_customer", "requested_by_customer"]


async def test_two_equal_refunds_are_two_and_one_key_is_one(shop: Billing, stripe: Between) -> None:
    payment = await paid(shop)
    first = await create_refund(shop, SUPPORT, refund(payment, 100), "one")
    assert (await create_refund(shop, SUPPORT, refund(payment, 100), "one")).object_id == first.object_id
    assert (await create_refund(shop, SUPPORT, refund(payment, 100), "two")).object_id != first.object_id
    with pytest.raises(IdempotencyKeyReused):
        await create_refund(shop, SUPPORT, refund(payment, 101), "one")
    assert (await Payment.get(id=payment.id)).amount_refunded == 200
    assert len(stripe.keys("/refunds")) == 2


async def test_fifty_at_once_with_one_key_give_back_once(shop: Billing) -> None:
    payment = await paid(shop)
    work = [create_refund(shop, SUPPORT, refund(payment, 1_000), "key") for _ in range(50)]
    answers = await asyncio.gather(*work, return_exceptions=True)
    assert {type(answer) for answer in answers} <= {Done, IdempotencyKeyInUse}
    assert (await Refund.all().count(), (await Payment.get(id=payment.id)).amount_refunded) == (1, 1_000)
    assert len(await listed(shop, "refund", payment_intent=payment.stripe_payment_intent_id)) == 1


async def test_many_at_once_with_keys_of_their_own_never_exceed_the_payment(shop: Billing) -> None:
    payment = await paid(shop)
    work = [create_refund(shop, SUPPORT, refund(payment, 10_000), f"key-{number}") for number in range(20)]
    answers = await asyncio.gather(*work, return_exceptions=True)
    done = [answer for answer in answers if isinstance(answer, Done)]
    assert len(done) == 4
    assert {type(answer) for answer in answers} == {Done, RefundExceedsPayment}
    assert (await Payment.get(id=payment.id)).amount_refunded == 40_000
    assert len(await listed(shop, "refund", payment_intent=payment.stripe_payment_intent_id)) == 4


async def test_a_refund_on_its_way_is_spoken_for(shop: Billing) -> None:
    payment = await paid(shop)
    pending = Refund(payment_id=payment.id, customer_id=payment.customer_id, amount=49_000, currency="USD", stripe_refund_id="re_other")
    await pending.save(force_create=True)
    with pytest.raises(RefundExceedsPayment):
        await create_refund(shop, SUPPORT, refund(payment, 901), "one")
    assert (await Refund.get(id=(await create_refund(shop, SUPPORT, refund(payment), "two")).object_id)).amount == 900


async def test_what_went_back_elsewhere_counts_before_its_refund_is_known(shop: Billing) -> None:
    payment = await paid(shop)
    await Payment.filter(id=payment.id).update(status="PARTIALLY_REFUNDED", amount_refunded=49_899)
    with pytest.raises(RefundExceedsPayment):
        await create_refund(shop, SUPPORT, refund(payment, 2), "one")


@pytest.mark.parametrize(
    ("request_of", "refusal", "field"),
    [
        ({"amount": 0}, InvalidInput, ("amount",)),
        ({"amount": -1}, InvalidInput, ("amount",)),
        ({"amount": 2**53}, InvalidInput, ("amount",)),
        ({"amount": 49_901}, RefundExceedsPayment, ("amount",)),
        ({"payment_id": "pay_unknown"}, NotFound, ("paymentId",)),
        ({"payment_id": "\0"}, InvalidInput, ("paymentId",)),
        ({"payment_id": "p" * 33}, InvalidInput, ("paymentId",)),
        ({"description": "\ud800"}, InvalidInput, ("description",)),
        ({"description": "d" * 1001}, InvalidInput, ("description",)),
    ],
)
async def test_refusals_change_nothing(
    shop: Billing, stripe: Between, request_of: dict[str, object], refusal: type[Refusal], field: tuple[str, ...]
) -> None:
    payment = await paid(shop)
    stripe.clear()
    with pytest.raises(refusal) as refused:
        await create_refund(shop, SUPPORT, RefundRequest(**{"payment_id": payment.id, **request_of}), "key")  # type: ignore[arg-type] # bad on purpose
    assert refused.value.field == field
    assert (await Refund.all().count(), (await Payment.get(id=payment.id)).amount_refunded, stripe.posted) == (0, 0, [])
    assert await AuditEntry.filter(action="refund.create").count() == 0


@pytest.mark.parametrize("status", ["PENDING", "REQUIRES_ACTION", "PROCESSING", "FAILED", "CANCELED", "DISPUTED", "REFUNDED", "UNKNOWN"])
async def test_only_what_was_paid_goes_back(shop: Billing, stripe: Between, status: str) -> None:
    done = await create_payment_intent(shop, ALICE, course())
    stripe.clear()
    await Payment.filter(id=done.object_id).update(status=status)
    with pytest.raises(PaymentNotRefundable) as refused:
        await create_refund(shop, SUPPORT, RefundRequest(done.object_id), "key")
    assert (refused.value.field, await Refund.all().count(), stripe.posted) == (("paymentId",), 0, [])
    kept = await IdempotencyKey.get(mutation="createRefund")
    assert (kept.object_id, (kept.answer or {})["refusal"]["code"]) == (None, "PAYMENT_NOT_REFUNDABLE")


async def test_what_stripe_refuses_is_failed_and_its_amount_is_left_again(shop: Billing, stripe: Between) -> None:
    payment = await paid(shop)
    stripe.faults = [("/refunds", error(400, "invalid_request_error", "The charge is disputed", "charge_disputed"))]
    for _ in range(2):
        with pytest.raises(Refusal) as refused:
            await create_refund(shop, SUPPORT, refund(payment), "one")
        assert (refused.value.code, refused.value.message) == (StripeRejected.code, "The charge is disputed")
    row = await Refund.get()
    assert (row.status, row.failure_reason, row.stripe_refund_id) == ("FAILED", "The charge is disputed", None)
    told = await AuditEntry.filter(object_id=row.id).order_by("id")
    assert [(entry.actor, entry.action) for entry in told] == [("SUPPORT:dora", "refund.create"), ("billgraph", "refund.status")]
    assert told[1].changes == {"status": ["PENDING", "FAILED"]}
    assert (await Payment.get(id=payment.id)).amount_refunded == 0
    told = await AuditEntry.filter(object_id=row.id, action="refund.status")
    assert [(entry.actor, entry.changes) for entry in told] == [("billgraph", {"status": ["PENDING", "FAILED"]})]
    await create_refund(shop, SUPPORT, refund(payment), "two")
    assert (await Payment.get(id=payment.id)).status == "REFUNDED"


async def test_a_part_is_no_finer_than_its_currency_is_charged_in(shop: Billing, stripe: Between) -> None:
    bought = PaymentIntentRequest(Choice(plan_code="course", currency="KWD"))
    payment = await Payment.get(id=(await create_payment_intent(shop, ALICE, bought)).object_id)
    await confirm(shop, payment)
    stripe.clear()
    with pytest.raises(InvalidInput) as refused:
        await create_refund(shop, SUPPORT, refund(payment, 1_005), "fine")
    assert (refused.value.message, refused.value.field) == ("An amount in KWD must be a multiple of 10 minor units.", ("amount",))
    assert (await Refund.all().count(), stripe.posted) == (0, [])
    await create_refund(shop, SUPPORT, refund(payment, 1_000), "coarse")
    await create_refund(shop, SUPPORT, refund(payment), "rest")
    assert [row.amount for row in await Refund.all().order_by("id")] == [1_000, 8_990]
