"""Disputes, and what they mean for their payment, whatever comes first."""

import json
from itertools import permutations
from typing import Any

import pytest

from models import CONTESTED, AuditEntry, Dispute, DisputeStatus, Payment, WebhookEventStatus
from services.billing import Billing
from services.inbox import receive
from services.mirror import Outcome, write
from services.snapshot import Snapshot
from services.stripe_event import read_event
from services.stripe_fields import UnknownShape
from tests.mirror.catalogue import Ids
from tests.mirror.objects import START, charge, dispute, event, succeeded
from tests.mirror.rows import shown, values
from tests.mirror.shelf import Shelf
from webhooks.handlers import HANDLERS


async def paid(billing: Billing, ids: Ids, **fields: Any) -> None:
    await write(billing, Snapshot(succeeded(ours=ids.payment, latest_charge=charge(**fields)), START + 5))


async def deliver(billing: Billing, sent: dict[str, Any]) -> WebhookEventStatus:
    return await receive(billing, read_event(json.dumps(sent)), HANDLERS)


async def status() -> list[Any]:
    return shown(await Payment.get(stripe_payment_intent_id="pi_1"), "status", "disputed")


async def test_one_is_kept_whole_and_takes_the_payment(billing: Billing, ids: Ids) -> None:
    await paid(billing, ids)
    assert await write(billing, Snapshot(dispute(amount=4000), START + 40)) is Outcome.PROCESSED
    row = await Dispute.get()
    told = shown(row, "status", "stripe_status", "reason", "amount", "currency", "stripe_dispute_id", "payment_id", "customer_id")
    assert told == ["NEEDS_RESPONSE", "needs_response", "fraudulent", 4000, "USD", "dp_1", ids.payment, ids.customer]
    assert [int(moment.timestamp()) for moment in (row.evidence_due_by, row.created_at) if moment] == [START + 86_400, START + 40]
    assert await status() == ["DISPUTED", True]
    actions = await AuditEntry.filter(action__startswith="dispute").values_list("action", "object_id")
    assert list(actions) == [("dispute.status", row.id)]


@pytest.mark.parametrize(("refunded", "after"), [(0, "SUCCEEDED"), (900, "PARTIALLY_REFUNDED"), (4900, "REFUNDED")])
async def test_one_that_is_won_gives_the_payment_back_as_it_was(billing: Billing, ids: Ids, refunded: int, after: str) -> None:
    await paid(billing, ids, amount_refunded=refunded)
    await write(billing, Snapshot(dispute(), START + 40))
    await write(billing, Snapshot(dispute(status="won"), START + 90))
    assert await status() == [after, False]
    assert await write(billing, Snapshot(dispute(), START + 95)) is Outcome.STALE
    assert ((await Dispute.get()).status, await status()) == ("WON", [after, False])


async def test_one_that_is_lost_keeps_the_payment_and_may_be_appealed(billing: Billing, ids: Ids) -> None:
    await paid(billing, ids)
    await write(billing, Snapshot(dispute(status="lost"), START + 40))
    assert await status() == ["DISPUTED", True]
    assert await write(billing, Snapshot(dispute(status="under_review"), START + 50)) is Outcome.STALE
    await write(billing, Snapshot(dispute(status="appeal_under_review"), START + 60))
    await write(billing, Snapshot(dispute(status="won"), START + 70))
    assert ((await Dispute.get()).status, await status()) == ("WON", ["SUCCEEDED", False])


async def test_an_inquiry_takes_nothing(billing: Billing, ids: Ids) -> None:
    await paid(billing, ids)
    await write(billing, Snapshot(dispute(status="warning_needs_response"), START + 40))
    assert await status() == ["SUCCEEDED", False]


@pytest.mark.parametrize("word", DisputeStatus)
async def test_each_word_is_kept_and_counts_as_it_should(billing: Billing, ids: Ids, word: DisputeStatus) -> None:
    await paid(billing, ids)
    told = "some_new_word" if word is DisputeStatus.UNKNOWN else word.lower()
    await write(billing, Snapshot(dispute(status=told), START + 40))
    assert shown(await Dispute.get(), "status", "stripe_status") == [word.value, told]
    assert await status() == (["DISPUTED", True] if word in CONTESTED else ["SUCCEEDED", False])


async def test_two_of_one_payment_count_together(billing: Billing, ids: Ids) -> None:
    await paid(billing, ids)
    await write(billing, Snapshot(dispute(), START + 40))
    await write(billing, Snapshot(dispute(id="dp_2"), START + 41))
    await write(billing, Snapshot(dispute(status="won"), START + 50))
    assert await status() == ["DISPUTED", True]
    await write(billing, Snapshot(dispute(id="dp_2", status="won"), START + 51))
    assert await status() == ["SUCCEEDED", False]


async def test_whatever_order_the_events_come_in(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    shelf.put(succeeded(ours=ids.payment))
    shelf.put(charge(amount_refunded=900))
    shelf.put(dispute(status="won"))
    sent = [
        event("payment_intent.succeeded", succeeded(ours=ids.payment), START + 5),
        event("charge.dispute.created", dispute(), START + 40),
        event("charge.dispute.closed", dispute(status="won"), START + 90),
        event("charge.refunded", charge(metadata={"billgraph_id": ids.payment}, amount_refunded=900), START + 95),
    ]
    before = values(await Payment.get(id=ids.payment))
    for order in permutations(sent):
        await Dispute.all().delete()
        await Payment.filter(id=ids.payment).update(**{name: value for name, value in before.items() if name != "id"})
        for one in order:
            fresh = one | {"id": f"{one['id']}_{order.index(one)}_{permutation_of(sent, order)}"}
            assert await deliver(billing, fresh) is not WebhookEventStatus.FAILED
        assert await status() == ["PARTIALLY_REFUNDED", False]
        assert (await Dispute.get()).status == "WON"


def permutation_of(sent: list[Any], order: tuple[Any, ...]) -> str:
    return "".join(str(sent.index(one)) for one in order)


async def test_its_payment_is_read_first_when_it_is_not_known(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    shelf.put(succeeded(ours=ids.payment))
    shelf.put(charge())
    assert await write(billing, Snapshot(dispute(), START + 40)) is Outcome.PROCESSED
    assert await status() == ["DISPUTED", True]
    assert shelf.read == ["/v1/payment_intents/pi_1"]


async def test_a_stranger_s_is_ignored(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    shelf.put(charge(id="ch_other", payment_intent="pi_other"))
    shelf.put(succeeded(id="pi_other", customer="cus_other", latest_charge="ch_other"))
    before = values(await Payment.get(id=ids.payment))
    assert await write(billing, Snapshot(dispute(payment_intent="pi_other", charge="ch_other"), START + 40)) is Outcome.IGNORED
    assert (await Dispute.all().count(), values(await Payment.get(id=ids.payment))) == (0, before)


async def test_two_of_one_second_are_settled_by_reading(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    await paid(billing, ids)
    await write(billing, Snapshot(dispute(), START + 40))
    shelf.put(dispute(status="under_review"))
    shelf.now = START + 60
    assert await write(billing, Snapshot(dispute(status="needs_response", reason="general"), START + 40)) is Outcome.PROCESSED
    assert shown(await Dispute.get(), "status", "reason", "stripe_version") == ["UNDER_REVIEW", "fraudulent", START + 60]
    assert shelf.read == ["/v1/disputes/dp_1"]


@pytest.mark.parametrize("field", ["id", "status", "reason", "amount", "currency"])
async def test_one_without_what_every_version_has_is_refused_whole(billing: Billing, ids: Ids, field: str) -> None:
    await paid(billing, ids)
    before = values(await Payment.get(id=ids.payment))
    with pytest.raises(UnknownShape, match=f"`{field}` is not"):
        await write(billing, Snapshot({name: value for name, value in dispute().items() if name != field}, START + 40))
    assert (await Dispute.all().count(), values(await Payment.get(id=ids.payment))) == (0, before)
