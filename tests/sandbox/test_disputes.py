"""Disputes: opened by test cards or on the page, answered with evidence, decided; and the money that moves."""

import httpx
import pytest
import stripe

from sandbox.errors import Refusal
from tests.sandbox.served import Served, Shop

OPENED = ["charge.dispute.created", "charge.dispute.funds_withdrawn"]


async def only(shop: Shop, intent: stripe.PaymentIntent) -> stripe.Dispute:
    (dispute,) = (await shop.client.v1.disputes.list_async({"payment_intent": intent.id})).data
    return dispute


async def test_a_card_that_is_disputed(shop: Shop) -> None:
    session = await shop.session()
    await shop.submit(session, "4000000000000259")
    kinds = await shop.served.types()
    assert kinds[-2:] == OPENED
    assert kinds.index("payment_intent.succeeded") < kinds.index(OPENED[0])
    (dispute,) = (await shop.client.v1.disputes.list_async()).data
    assert (dispute.status, dispute.reason, dispute.amount, dispute.is_charge_refundable) == ("needs_response", "fraudulent", 5000, False)
    assert [(entry.amount, entry.fee, entry.net, entry.type, entry.reporting_category) for entry in dispute.balance_transactions] == [
        (-5000, 1500, -6500, "adjustment", "dispute")
    ]
    charge = await shop.client.v1.charges.retrieve_async(str(dispute.charge))
    assert charge.disputed is True
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await shop.client.v1.refunds.create_async({"charge": charge.id})
    assert refused.value.code == "charge_disputed"
    assert await shop.served.types() == []


@pytest.mark.parametrize(
    ("text", "status", "events", "net"),
    [
        ("winning_evidence", "won", ["updated", "closed", "funds_reinstated"], 0),
        ("losing_evidence", "lost", ["updated", "closed"], -6500),
        ("what they bought", "under_review", ["updated"], -6500),
    ],
)
async def test_evidence(shop: Shop, text: str, status: str, events: list[str], net: int) -> None:
    dispute = await only(shop, await shop.paid("4000000000000259"))
    staged = await shop.client.v1.disputes.update_async(dispute.id, {"evidence": {"uncategorized_text": text}, "submit": False})
    assert (staged.status, staged.evidence_details.has_evidence, staged.evidence_details.submission_count) == ("needs_response", True, 0)
    assert await shop.served.types() == ["charge.dispute.updated"]
    decided = await shop.client.v1.disputes.update_async(dispute.id, {"submit": True})
    assert (decided.status, decided.evidence_details.submission_count) == (status, 1)
    assert sum(entry.net for entry in decided.balance_transactions) == net
    assert await shop.served.types() == [f"charge.dispute.{event}" for event in events]


async def test_closing_is_losing_and_final(shop: Shop) -> None:
    dispute = await only(shop, await shop.paid("4000000000000259"))
    assert (await shop.client.v1.disputes.close_async(dispute.id)).status == "lost"
    assert await shop.served.types() == ["charge.dispute.closed"]
    with pytest.raises(stripe.InvalidRequestError):
        await shop.client.v1.disputes.close_async(dispute.id)
    with pytest.raises(stripe.InvalidRequestError):
        await shop.client.v1.disputes.update_async(dispute.id, {"evidence": {"uncategorized_text": "winning_evidence"}})
    assert (await shop.client.v1.disputes.retrieve_async(dispute.id)).status == "lost"
    assert await shop.served.types() == []


async def test_an_inquiry(shop: Shop) -> None:
    intent = await shop.paid("4000000000001976")
    dispute = await only(shop, intent)
    assert (dispute.status, dispute.balance_transactions, dispute.is_charge_refundable) == ("warning_needs_response", [], True)
    escalated = await shop.client.v1.disputes.update_async(dispute.id, {"evidence": {"uncategorized_text": "escalate_inquiry_evidence"}})
    assert (escalated.status, len(escalated.balance_transactions)) == ("needs_response", 1)
    assert await shop.served.types() == ["charge.dispute.updated", "charge.dispute.funds_withdrawn"]
    other = await only(shop, await shop.paid("4000000000001976"))
    assert (await shop.served.sandbox.engine.close_dispute(other.id, won=True))["status"] == "warning_closed"
    assert await shop.served.types() == ["charge.dispute.closed"]


async def test_an_early_fraud_warning(shop: Shop) -> None:
    intent = await shop.paid("4000000000005423")
    (warning,) = (await shop.client.v1.radar.early_fraud_warnings.list_async({"payment_intent": intent.id})).data
    assert (warning.actionable, warning.charge) == (True, intent.latest_charge)


async def test_the_page_opens_and_decides(shop: Shop) -> None:
    intent = await shop.paid()
    charge = str(intent.latest_charge)
    async with httpx.AsyncClient(base_url=shop.served.url) as browser:
        assert charge in (await browser.get("/disputes")).text
        assert (await browser.post("/disputes", data={"charge": charge})).status_code == 303
        assert await shop.served.types() == OPENED
        dispute = await only(shop, intent)
        assert (await browser.post("/disputes", data={"charge": charge})).status_code == 400
        assert (await browser.post(f"/disputes/{dispute.id}", data={"answer": "won"})).status_code == 303
        assert (await browser.post(f"/disputes/{dispute.id}", data={"answer": "lost"})).status_code == 400
        assert "won" in (await browser.get("/disputes")).text
    assert await shop.served.types() == ["charge.dispute.closed", "charge.dispute.funds_reinstated"]


async def test_a_payment_that_failed_is_not_disputed(served: Served, shop: Shop) -> None:
    session = await shop.session()
    await shop.submit(session, "4000000000000002")
    (charge,) = (await shop.client.v1.charges.list_async()).data
    await served.types()
    with pytest.raises(Refusal):
        await served.sandbox.engine.open_dispute(charge.id)
    assert (await shop.client.v1.disputes.list_async()).data == []
    assert await served.types() == []
