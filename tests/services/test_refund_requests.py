"""Refund requests: asked by the customer, decided once, given back once."""

import asyncio
from typing import Any

import pytest

from models import AuditEntry, Payment, Refund, RefundRequest
from services.billing import Billing
from services.errors import (
    IdempotencyKeyInUse,
    InvalidInput,
    NotFound,
    PaymentNotRefundable,
    RefundExceedsPayment,
    RefundRequestClosed,
    Refusal,
    StripeUnavailable,
)
from services.idempotency import Done
from services.refund_requests import Asked, approve_refund_request, reject_refund_request, request_refund, withdraw_refund_request
from services.refunds import create_refund
from tests.services.between import Between, instead
from tests.services.shop import ALICE, BOB, SUPPORT, paid, refund


async def asked(billing: Billing, amount: int | None = None) -> RefundRequest:
    payment = await paid(billing)
    done = await request_refund(ALICE, Asked(payment.id, "It broke", amount), None)
    return await RefundRequest.get(id=done.object_id)


async def written() -> tuple[list[dict[str, Any]], list[dict[str, Any]], int]:
    return await RefundRequest.all().order_by("id").values(), await Refund.all().order_by("id").values(), await AuditEntry.all().count()


async def test_asked_and_approved(shop: Billing, stripe: Between) -> None:
    row = await asked(shop, 1_000)
    payment = await Payment.get()
    assert (row.status, row.amount, row.currency, row.reason, row.pending_payment_id) == ("PENDING", 1_000, "USD", "It broke", payment.id)
    await approve_refund_request(shop, SUPPORT, row.id, "Sorry", "key")
    await approve_refund_request(shop, SUPPORT, row.id, "Sorry", "key")
    row, back = await RefundRequest.get(), await Refund.get()
    assert (row.status, row.decision_note, row.refund_id, row.pending_payment_id) == ("APPROVED", "Sorry", back.id, None)
    assert row.decided_at is not None
    assert (back.status, back.amount, back.reason, back.automatic) == ("SUCCEEDED", 1_000, "REQUESTED_BY_CUSTOMER", False)
    assert (await Payment.get()).amount_refunded == 1_000
    assert stripe.keys("/refunds") == [f"refund-{back.id}"]
    told = await AuditEntry.filter(object_id=row.id).order_by("id")
    assert [(entry.actor, entry.action) for entry in told] == [
        ("CUSTOMER:alice", "refund_request.create"),
        ("SUPPORT:dora", "refund_request.approve"),
    ]
    assert (told[1].changes["status"], told[1].changes["refund"]) == (["PENDING", "APPROVED"], back.id)


async def test_all_that_is_left_is_worked_out_when_it_is_approved(shop: Billing) -> None:
    row = await asked(shop)
    await create_refund(shop, SUPPORT, refund(await Payment.get(), 900), "other")
    await approve_refund_request(shop, SUPPORT, row.id, None, None)
    assert sorted(back.amount for back in await Refund.all()) == [900, 49_000]
    assert (await Payment.get()).status == "REFUNDED"


async def test_rejected_and_asked_again(shop: Billing) -> None:
    row = await asked(shop)
    await reject_refund_request(shop, SUPPORT, row.id, "Used for a year", None)
    row = await RefundRequest.get()
    assert (row.status, row.decision_note, row.refund_id, await Refund.all().count()) == ("REJECTED", "Used for a year", None, 0)
    again = await request_refund(ALICE, Asked(row.payment_id, "Still broken"), None)
    assert again.object_id != row.id
    await withdraw_refund_request(ALICE, again.object_id, None)
    assert (await RefundRequest.get(id=again.object_id)).status == "WITHDRAWN"


async def test_a_payment_has_one_open_request(shop: Billing) -> None:
    row = await asked(shop)
    before = await written()
    with pytest.raises(InvalidInput) as refused:
        await request_refund(ALICE, Asked(row.payment_id, "Again"), None)
    assert (refused.value.field, await written()) == (("paymentId",), before)


async def test_twenty_at_once_ask_once(shop: Billing) -> None:
    payment = await paid(shop)
    answers = await asyncio.gather(
        *(request_refund(ALICE, Asked(payment.id, f"Reason {n}"), None) for n in range(20)), return_exceptions=True
    )
    assert sorted(type(answer).__name__ for answer in answers) == ["Done", *["InvalidInput"] * 19]
    assert await RefundRequest.all().count() == 1


async def test_who_decides_first_decides(shop: Billing) -> None:
    row = await asked(shop)
    answers = await asyncio.gather(
        *(approve_refund_request(shop, SUPPORT, row.id, None, f"a{n}") for n in range(5)),
        *(reject_refund_request(shop, SUPPORT, row.id, None, f"r{n}") for n in range(5)),
        withdraw_refund_request(ALICE, row.id, "w"),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, Done) for answer in answers) == 1
    assert {type(answer) for answer in answers} == {Done, RefundRequestClosed}
    status = (await RefundRequest.get()).status
    assert (await Refund.all().count(), status in ("APPROVED", "REJECTED", "WITHDRAWN")) == (int(status == "APPROVED"), True)


async def test_fifty_approvals_with_one_key_give_back_once(shop: Billing) -> None:
    row = await asked(shop)
    answers = await asyncio.gather(*(approve_refund_request(shop, SUPPORT, row.id, None, "key") for _ in range(50)), return_exceptions=True)
    assert {type(answer) for answer in answers} <= {Done, IdempotencyKeyInUse}
    assert (await Refund.all().count(), (await Payment.get()).amount_refunded) == (1, 49_900)


@pytest.mark.parametrize(
    ("given", "kind", "field"),
    [
        ({"amount": 0}, InvalidInput, "amount"),
        ({"amount": 49_901}, RefundExceedsPayment, "amount"),
        ({"reason": ""}, InvalidInput, "reason"),
        ({"reason": "a" * 2001}, InvalidInput, "reason"),
        ({"payment_id": "pay_unknown"}, NotFound, "paymentId"),
    ],
)
async def test_what_cannot_be_asked(shop: Billing, given: dict[str, Any], kind: type[Refusal], field: str) -> None:
    payment = await paid(shop)
    before = await written()
    with pytest.raises(kind) as refused:
        await request_refund(ALICE, Asked(**{"payment_id": payment.id, "reason": "It broke", **given}), None)
    assert (refused.value.field, await written()) == ((field,), before)


async def test_only_the_buyer_asks_and_withdraws(shop: Billing) -> None:
    row = await asked(shop)
    before = await written()
    for caller in (BOB, SUPPORT):
        with pytest.raises(NotFound):
            await request_refund(caller, Asked(row.payment_id, "Mine"), None)
        with pytest.raises(NotFound):
            await withdraw_refund_request(caller, row.id, None)
    assert await written() == before


async def test_what_was_given_back_meanwhile_cannot_be_approved(shop: Billing) -> None:
    row = await asked(shop, 1_000)
    await create_refund(shop, SUPPORT, refund(await Payment.get(), 49_000), "other")
    before = await written()
    with pytest.raises(RefundExceedsPayment):
        await approve_refund_request(shop, SUPPORT, row.id, None, None)
    assert await written() == before
    await create_refund(shop, SUPPORT, refund(await Payment.get()), "rest")
    with pytest.raises(PaymentNotRefundable):
        await approve_refund_request(shop, SUPPORT, row.id, None, None)
    assert (await RefundRequest.get()).status == "PENDING"


async def test_stripe_down_leaves_an_approval_that_is_finished_later(shop: Billing, stripe: Between) -> None:
    row = await asked(shop)
    stripe.faults = [("/refunds", instead(502))] * 4
    with pytest.raises(StripeUnavailable):
        await approve_refund_request(shop, SUPPORT, row.id, None, "key")
    assert ((await RefundRequest.get()).status, (await Refund.get()).status) == ("APPROVED", "PENDING")
    await approve_refund_request(shop, SUPPORT, row.id, None, "key")
    assert ((await Refund.get()).status, (await Payment.get()).status) == ("SUCCEEDED", "REFUNDED")
