"""Applying a stored event once more: what it would change, what it changes, and that nothing newer is undone."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models import AuditEntry, Payment, Subscription, WebhookEvent, WebhookEventStatus
from models.record import Record
from services.audit import Caller
from services.authentication import Role, Viewer
from services.billing import Billing
from services.differences import Difference
from services.errors import IdempotencyKeyReused, InvalidInput, NotFound, StripeRejected
from services.event_retention import PRUNED_AT_ONCE, prune_payloads
from services.inbox import receive, retry_due
from services.mirror import Outcome
from services.replay import preview, replay, replay_webhook_event
from services.stripe_event import read_event
from services.stripe_fields import UnknownShape
from tests.mirror.catalogue import Ids
from tests.mirror.objects import START, charge, event, refund, subscription, succeeded
from tests.mirror.rows import shown, values
from tests.mirror.shelf import Shelf
from webhooks.handlers import HANDLERS

DORA = Caller(Viewer("dora", None, frozenset({Role.CUSTOMER, Role.SUPPORT})), "request-1")
COMPARED: tuple[type[Record], ...] = (Payment, Subscription, WebhookEvent, AuditEntry)


async def deliver(billing: Billing, sent: dict[str, Any]) -> WebhookEvent:
    await receive(billing, read_event(json.dumps(sent)), HANDLERS)
    return await WebhookEvent.get(stripe_event_id=sent["id"])


async def everything() -> list[dict[str, Any]]:
    return [values(row) for model in COMPARED for row in await model.all().order_by("id")]


async def test_a_preview_says_what_would_change_and_changes_nothing(billing: Billing, ids: Ids) -> None:
    row = await deliver(billing, event("payment_intent.succeeded", succeeded(ours=ids.payment), START + 5))
    await Payment.filter(id=ids.payment).update(status="PENDING", stripe_status="processing", intent_version=0)
    before = await everything()
    outcome, found = await preview(billing, HANDLERS, row.id)
    assert outcome is Outcome.PROCESSED
    assert sorted(found, key=lambda one: one.column) == [
        Difference("payment", ids.payment, "status", "PENDING", "SUCCEEDED"),
        Difference("payment", ids.payment, "stripe_status", "processing", "succeeded"),
    ]
    assert await everything() == before


async def test_a_replay_does_what_the_preview_said_and_is_audited(billing: Billing, ids: Ids) -> None:
    row = await deliver(billing, event("payment_intent.succeeded", succeeded(ours=ids.payment), START + 5))
    await Payment.filter(id=ids.payment).update(status="PENDING", intent_version=0)
    done = await replay(billing, HANDLERS, row.id, "cli")
    assert (done.status, done.error) == (WebhookEventStatus.PROCESSED, None)
    assert done.differences == [Difference("payment", ids.payment, "status", "PENDING", "SUCCEEDED")]
    assert (await Payment.get(id=ids.payment)).status == "SUCCEEDED"
    assert shown(await WebhookEvent.get(id=row.id), "status", "attempts", "error") == ["PROCESSED", 2, None]
    entry = await AuditEntry.get(action="webhook_event.replay")
    assert (entry.actor, entry.object_id, entry.request_id) == ("cli", row.id, None)
    assert entry.changes == {"status": ["PROCESSED", "PROCESSED"], "attempts": 2, "changed": [f"payment {ids.payment}"]}


async def test_what_is_newer_stays(billing: Billing, ids: Ids) -> None:
    old = await deliver(billing, event("customer.subscription.created", subscription(), START))
    await deliver(billing, event("customer.subscription.deleted", subscription(status="canceled", ended_at=START + 9), START + 9))
    before = values(await Subscription.get())
    assert (await preview(billing, HANDLERS, old.id)) == (Outcome.STALE, [])
    done = await replay(billing, HANDLERS, old.id, "cli")
    assert (done.status, done.differences) == (WebhookEventStatus.PROCESSED, [])
    assert values(await Subscription.get()) == before


async def test_a_failed_event_whose_cause_is_gone_is_processed(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    shelf.broken = True
    row = await deliver(billing, event("refund.created", refund(), START + 50))
    assert row.status == "FAILED"
    with pytest.raises(StripeRejected):
        await preview(billing, HANDLERS, row.id)
    done = await replay(billing, HANDLERS, row.id, "cli")
    assert (done.status, done.error, done.differences) == (WebhookEventStatus.FAILED, "StripeRejected: broken", [])
    assert shown(await WebhookEvent.get(id=row.id), "status", "attempts", "error", "next_attempt_at") == [
        "FAILED",
        2,
        "StripeRejected: broken",
        None,
    ]
    shelf.broken = False
    shelf.put(succeeded(ours=ids.payment))
    shelf.put(charge(amount_refunded=1000))
    assert (await replay(billing, HANDLERS, row.id, "cli")).status is WebhookEventStatus.PROCESSED
    assert shown(await WebhookEvent.get(id=row.id), "status", "attempts", "error") == ["PROCESSED", 3, None]
    assert (await Payment.get(id=ids.payment)).status == "PARTIALLY_REFUNDED"


async def test_one_that_fails_after_it_was_processed_says_so(billing: Billing, ids: Ids) -> None:
    row = await deliver(billing, event("customer.subscription.created", subscription(), START))
    broken = event("customer.subscription.created", subscription() | {"status": 7}, START)
    await WebhookEvent.filter(id=row.id).update(payload=json.dumps(broken))
    with pytest.raises(UnknownShape):
        await preview(billing, HANDLERS, row.id)
    before = values(await Subscription.get())
    done = await replay(billing, HANDLERS, row.id, "cli")
    assert (done.status, str(done.error)) == (WebhookEventStatus.FAILED, "UnknownShape: subscription sub_1: `status` is not a string")
    assert values(await Subscription.get()) == before


async def test_one_that_is_not_there_or_cannot_be_read_is_refused(billing: Billing, ids: Ids) -> None:
    row = await deliver(billing, event("customer.subscription.created", subscription(), START))
    await WebhookEvent.filter(id=row.id).update(payload="{")
    before = await everything()
    for work in (preview(billing, HANDLERS, row.id), replay(billing, HANDLERS, row.id, "cli")):
        with pytest.raises(InvalidInput):
            await work
    for work in (preview(billing, HANDLERS, "whe_none"), replay(billing, HANDLERS, "whe_none", "cli")):
        with pytest.raises(NotFound):
            await work
    assert await everything() == before


async def test_one_idempotency_key_is_one_replay(billing: Billing, ids: Ids) -> None:
    row = await deliver(billing, event("customer.subscription.created", subscription(), START))
    other = await deliver(billing, event("customer.subscription.updated", subscription(), START + 1))
    for _ in range(3):
        done = await replay_webhook_event(billing, HANDLERS, DORA, row.id, "key")
        assert done.object_id == row.id
    assert (await WebhookEvent.get(id=row.id)).attempts == 2
    entry = await AuditEntry.get(action="webhook_event.replay")
    assert (entry.actor, entry.request_id) == (DORA.viewer.actor, "request-1")
    with pytest.raises(IdempotencyKeyReused):
        await replay_webhook_event(billing, HANDLERS, DORA, other.id, "key")
    assert (await WebhookEvent.get(id=other.id)).attempts == 1


async def test_a_retry_of_the_worker_is_audited(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    shelf.broken = True
    row = await deliver(billing, event("refund.created", refund(), START + 50))
    assert await AuditEntry.filter(action="webhook_event.retry").count() == 0
    await WebhookEvent.all().update(next_attempt_at=datetime(2026, 1, 1, tzinfo=UTC))
    await retry_due(billing, HANDLERS, 10)
    await deliver(billing, event("refund.created", refund(), START + 50))
    told = [(entry.actor, entry.object_id, entry.changes) for entry in await AuditEntry.filter(action="webhook_event.retry").order_by("id")]
    assert told == [
        ("worker", row.id, {"status": ["FAILED", "FAILED"], "attempts": 2}),
        ("stripe", row.id, {"status": ["FAILED", "FAILED"], "attempts": 3}),
    ]


# ---- payloads that were pruned ----

OLD = datetime.now(UTC) - timedelta(days=91)


async def test_old_payloads_of_handled_events_go_and_their_rows_stay(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    handled = await deliver(billing, event("customer.subscription.created", subscription(), START))
    ignored = await deliver(billing, event("some.other", {"id": "x_1", "object": "x"}, START))
    recent = await deliver(billing, event("customer.subscription.updated", subscription(), START + 1))
    shelf.broken = True
    failed = await deliver(billing, event("refund.created", refund(), START + 50))
    await WebhookEvent.filter(id__in=[handled.id, ignored.id, failed.id]).update(processed_at=OLD)
    before = {row.id: values(row) for row in await WebhookEvent.all()}
    assert await prune_payloads(billing) == 2
    assert await prune_payloads(billing) == 0
    for row in await WebhookEvent.all():
        gone = row.id in {handled.id, ignored.id}
        changed = {name for name, value in values(row).items() if value != before[row.id][name]}
        assert changed == ({"payload", "payload_pruned_at"} if gone else set())
        assert (row.payload == "{}") is gone
    assert (await WebhookEvent.get(id=recent.id)).payload_pruned_at is None


async def test_a_round_is_bounded_and_zero_days_keep_everything(billing: Billing, database: str) -> None:
    times = {"occurred_at": OLD, "received_at": OLD, "processed_at": OLD}
    rows = [
        WebhookEvent(stripe_event_id=f"evt_{number}", type="x", status="IGNORED", payload='{"a": 1}', **times)
        for number in range(PRUNED_AT_ONCE + 1)
    ]
    await WebhookEvent.bulk_create(rows)
    kept = Billing(billing.settings.model_copy(update={"webhook_payload_days": 0}), billing.stripe)
    assert await prune_payloads(kept) == 0
    assert [await prune_payloads(billing) for _ in range(3)] == [PRUNED_AT_ONCE, 1, 0]


async def test_a_pruned_event_is_read_again_from_stripe(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    sent = event("payment_intent.succeeded", succeeded(ours=ids.payment), START + 5)
    row = await deliver(billing, sent)
    await WebhookEvent.filter(id=row.id).update(payload="{}", payload_pruned_at=OLD)
    await Payment.filter(id=ids.payment).update(status="PENDING", intent_version=0)
    before = await everything()
    refuse: list[Callable[[], Any]] = [lambda: preview(billing, HANDLERS, row.id), lambda: replay(billing, HANDLERS, row.id, "cli")]
    for work in refuse:
        with pytest.raises(NotFound, match="was pruned"):
            await work()
    assert await everything() == before
    shelf.put(sent)
    assert (await replay(billing, HANDLERS, row.id, "cli")).status is WebhookEventStatus.PROCESSED
    assert (await Payment.get(id=ids.payment)).status == "SUCCEEDED"
