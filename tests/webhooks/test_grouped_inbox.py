"""Events that wait together share a transaction, and none of them suffers from another."""

import asyncio
import json
from typing import Any

import pytest

from models import AuditEntry, Payment, Subscription, WebhookEvent, WebhookEventStatus
from services import grouped_inbox
from services.billing import Billing
from services.grouped_inbox import MAX_GROUP, GroupedInbox, InboxFull
from services.mirror import Known, ObjectNeeded, Outcome
from services.snapshot import Snapshot
from services.stripe_event import StripeEvent, read_event
from services.stripe_fields import UnknownShape
from tests.mirror.catalogue import IDS, Ids
from tests.mirror.objects import START, charge, event, intent, invoice, subscription, succeeded
from tests.mirror.rows import shown
from tests.mirror.shelf import Shelf
from webhooks.handlers import HANDLERS

PROCESSED, IGNORED, STALE, FAILED = (
    WebhookEventStatus.PROCESSED,
    WebhookEventStatus.IGNORED,
    WebhookEventStatus.STALE,
    WebhookEventStatus.FAILED,
)


def read(sent: dict[str, Any]) -> StripeEvent:
    return read_event(json.dumps(sent))


def changed(number: int, created: int = START) -> StripeEvent:
    return read(event("customer.subscription.updated", subscription(id=f"sub_{number}"), created, number))


async def answers(inbox: GroupedInbox, events: list[StripeEvent]) -> list[WebhookEventStatus]:
    return list(await asyncio.gather(*(inbox.receive(one) for one in events)))


async def counts() -> tuple[int, int, int]:
    return await WebhookEvent.all().count(), await Subscription.all().count(), await AuditEntry.all().count()


async def alone(*_: Any) -> WebhookEventStatus:
    raise AssertionError("nothing was to be done by itself")


async def test_what_waits_together_is_done_together(billing: Billing, ids: Ids, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouped_inbox, "receive", alone)
    inbox = GroupedInbox(billing, HANDLERS)
    events = [changed(number) for number in range(2 * MAX_GROUP + 3)]
    assert await answers(inbox, events) == [PROCESSED] * len(events)
    assert await counts() == (len(events), len(events), len(events))
    rows = await WebhookEvent.all()
    assert [shown(row, "status", "attempts", "error", "next_attempt_at") for row in rows] == [["PROCESSED", 1, None, None]] * len(events)
    assert all(row.processed_at is not None and row.processed_at >= row.received_at for row in rows)


async def test_copies_get_one_answer_and_leave_one_row(billing: Billing, ids: Ids) -> None:
    inbox = GroupedInbox(billing, HANDLERS)
    assert await answers(inbox, [changed(1)] * 50) == [PROCESSED] * 50
    assert await answers(inbox, [changed(1), changed(2), changed(1)]) == [PROCESSED] * 3
    assert await answers(inbox, [changed(1)]) == [PROCESSED]
    assert await counts() == (2, 2, 2)


async def test_events_of_one_object_in_a_group_end_in_the_newest(billing: Billing, ids: Ids, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouped_inbox, "receive", alone)
    sent = [read(event("customer.subscription.updated", subscription(quantity=n), START + n)) for n in (3, 1, 5, 2, 4)]
    assert set(await answers(GroupedInbox(billing, HANDLERS), sent)) <= {PROCESSED, STALE}
    assert (await Subscription.get()).quantity == 5


async def test_one_that_needs_stripe_or_fails_holds_nobody_up(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    shelf.put(subscription(id="sub_9"))
    shelf.put(invoice(subscription="sub_9"))
    shelf.put(succeeded())
    shelf.put(charge())
    needy = read(event("invoice.paid", invoice(subscription="sub_9"), START + 5))
    wrong = read(
        event("customer.subscription.updated", {"id": "sub_8", "object": "subscription", "customer": "cus_1", "metadata": {}}, START)
    )
    strange = read(event("some.other", {"id": "x_1", "object": "x"}, START))
    found = await answers(GroupedInbox(billing, HANDLERS), [changed(1), needy, wrong, strange, changed(2)])
    assert found == [PROCESSED, PROCESSED, FAILED, IGNORED, PROCESSED]
    assert sorted(row.stripe_subscription_id for row in await Subscription.all()) == ["sub_1", "sub_2", "sub_9"]
    failed = await WebhookEvent.get(status="FAILED")
    assert (failed.object_id, failed.attempts, failed.next_attempt_at is not None) == ("sub_8", 1, True)
    assert (await Payment.get(stripe_invoice_id="in_1")).status == "SUCCEEDED"


async def test_one_that_fails_half_way_undoes_nothing_of_the_others(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    async def half_way(snapshot: Snapshot, known: Known) -> Outcome:
        await HANDLERS["customer.subscription.updated"](snapshot, known)
        raise RuntimeError("after the write")

    broken = read(event("half.way", subscription(id="sub_half"), START))
    found = await answers(GroupedInbox(billing, {**HANDLERS, "half.way": half_way}), [changed(1), broken, changed(2)])
    assert found == [PROCESSED, FAILED, PROCESSED]
    assert sorted(row.stripe_subscription_id for row in await Subscription.all()) == ["sub_1", "sub_2"]
    assert await AuditEntry.all().count() == 2
    assert (await WebhookEvent.get(type="half.way")).error == "RuntimeError: after the write"


@pytest.mark.parametrize("reason", [UnknownShape({"object": "x", "id": "x_1"}, "field", "there"), ObjectNeeded("customer", "cus_gone")])
async def test_one_that_cannot_go_on_after_a_write_leaves_nothing_by_half(
    billing: Billing, ids: Ids, shelf: Shelf, reason: Exception
) -> None:
    """Even what a handler may well raise: the group is undone, and what needs an object gets it by itself."""

    async def half_way(snapshot: Snapshot, known: Known) -> Outcome:
        outcome = await HANDLERS["customer.subscription.updated"](snapshot, known)
        if isinstance(reason, UnknownShape) or not len(known):
            raise reason
        return outcome

    halved = read(event("half.way", subscription(id="sub_half"), START))
    found = await answers(GroupedInbox(billing, {**HANDLERS, "half.way": half_way}), [changed(1), halved, changed(2)])
    ends = isinstance(reason, ObjectNeeded)
    assert found == [PROCESSED, PROCESSED if ends else FAILED, PROCESSED]
    kept = ["sub_1", "sub_2", *(["sub_half"] if ends else [])]
    assert sorted(row.stripe_subscription_id for row in await Subscription.all()) == kept
    assert await AuditEntry.filter(action="subscription.status").count() == len(kept)
    row = await WebhookEvent.get(type="half.way")
    assert (row.status, row.attempts) == (found[1], 1)


async def test_one_taken_by_another_process_meanwhile_is_answered_as_that_did(billing: Billing, ids: Ids) -> None:
    first, second = GroupedInbox(billing, HANDLERS), GroupedInbox(billing, HANDLERS)
    events = [changed(number) for number in range(20)]
    found = await asyncio.gather(answers(first, events), answers(second, events))
    assert [*found[0], *found[1]] == [PROCESSED] * 40
    assert await counts() == (20, 20, 20)


async def test_a_caller_that_goes_away_stops_nothing(billing: Billing, ids: Ids) -> None:
    inbox = GroupedInbox(billing, HANDLERS)
    waiting = [asyncio.create_task(inbox.receive(changed(number))) for number in range(10)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert await inbox.receive(changed(11)) is PROCESSED
    assert await counts() == (11, 11, 11)


async def test_what_comes_beyond_the_bound_is_refused_and_not_kept(billing: Billing, ids: Ids, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouped_inbox, "MAX_WAITING", 3)
    inbox = GroupedInbox(billing, HANDLERS)
    found = await asyncio.gather(*(inbox.receive(changed(number)) for number in range(5)), return_exceptions=True)
    assert found[:3] == [PROCESSED] * 3
    assert [type(one) for one in found[3:]] == [InboxFull] * 2
    assert await counts() == (3, 3, 3)
    assert await inbox.receive(changed(4)) is PROCESSED


async def test_nothing_is_answered_before_it_is_durable(billing: Billing, ids: Ids, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the commit is held back nobody is answered."""
    from models.transactions import OuterTransaction

    held, keep = asyncio.Event(), OuterTransaction._keep

    async def slow(self: OuterTransaction) -> None:
        await held.wait()
        await keep(self)

    monkeypatch.setattr(OuterTransaction, "_keep", slow)
    inbox = GroupedInbox(billing, HANDLERS)
    sent = read(event("payment_intent.succeeded", succeeded(ours=IDS.payment), START + 5))
    waiting = [asyncio.create_task(inbox.receive(one)) for one in (sent, changed(1))]
    await asyncio.sleep(0.2)
    assert [task.done() for task in waiting] == [False, False]
    held.set()
    assert await asyncio.gather(*waiting) == [PROCESSED, PROCESSED]


async def test_a_database_that_refuses_is_told_to_the_sender(billing: Billing, ids: Ids, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: Any) -> WebhookEventStatus:
        raise OSError("no database")

    monkeypatch.setattr(grouped_inbox, "receive", refuse)
    inbox = GroupedInbox(billing, HANDLERS)
    needy = read(event("refund.created", {"id": "re_1", "object": "refund", "payment_intent": "pi_9", "metadata": {}}, START))
    with pytest.raises(OSError, match="no database"):
        await inbox.receive(needy)
    assert await inbox.receive(read(event("payment_intent.processing", intent(ours=IDS.payment, status="processing"), START))) is PROCESSED
