"""Thin events name an object; it is read from Stripe and goes through the same door as a snapshot event's."""

import json
from datetime import UTC, datetime
from typing import Any

from models import AuditEntry, Customer, Payment, Subscription, WebhookEvent, WebhookEventStatus
from services.billing import Billing
from services.inbox import receive, retry_due
from services.stripe_event import read_event
from tests.mirror.catalogue import Ids
from tests.mirror.objects import START, charge, customer, event, subscription, succeeded
from tests.mirror.rows import shown, values
from tests.mirror.shelf import Shelf
from webhooks.handlers import HANDLERS


def thin(kind: str, object_id: str, related: str, number: int = 0, created: str = "2027-01-15T08:00:05.250Z") -> dict[str, Any]:
    return {
        "id": f"evt_thin_{number}_{object_id}",
        "object": "v2.core.event",
        "type": f"v1.{kind}",
        "created": created,
        "livemode": False,
        "context": None,
        "reason": None,
        "related_object": {"id": object_id, "type": related, "url": f"/v1/{related}s/{object_id}"},
    }


async def deliver(billing: Billing, sent: dict[str, Any]) -> WebhookEventStatus:
    return await receive(billing, read_event(json.dumps(sent)), HANDLERS)


async def test_its_object_is_read_and_written(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    shelf.put(succeeded(ours=ids.payment))
    shelf.put(charge())
    assert await deliver(billing, thin("payment_intent.succeeded", "pi_1", "payment_intent")) is WebhookEventStatus.PROCESSED
    assert (await Payment.get(id=ids.payment)).status == "SUCCEEDED"
    row = await WebhookEvent.get(stripe_event_id="evt_thin_0_pi_1")
    assert shown(row, "type", "object_id", "api_version", "status") == ["payment_intent.succeeded", "pi_1", None, "PROCESSED"]
    assert row.occurred_at.isoformat() == "2027-01-15T08:00:05.250000+00:00"
    assert shelf.read == ["/v1/payment_intents/pi_1"]


async def test_both_forms_of_one_event_have_one_effect(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    told = succeeded(ours=ids.payment)
    shelf.put(told)
    shelf.put(charge())
    for first, second in (("thin", "snapshot"), ("snapshot", "thin")):
        forms = {
            "thin": thin("payment_intent.succeeded", "pi_1", "payment_intent", number=1 + (first == "thin")),
            "snapshot": event("payment_intent.succeeded", told, START + 5, number=1 + (first == "thin")),
        }
        await deliver(billing, forms[first])
        before, entries = values(await Payment.get(id=ids.payment)), await AuditEntry.all().count()
        await deliver(billing, forms[second])
        after = values(await Payment.get(id=ids.payment))
        assert {name for name in after if after[name] != before[name]} <= {"intent_version", "charge_version"}
        assert (await AuditEntry.all().count(), after["status"]) == (entries, "SUCCEEDED")


async def test_an_object_that_is_gone_is_ended_by_its_deletion_and_left_alone_otherwise(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    assert await deliver(billing, thin("customer.updated", "cus_1", "customer")) is WebhookEventStatus.IGNORED
    assert (await Customer.get(id=ids.customer)).stripe_customer_id == "cus_1"
    shelf.put(customer(ours=ids.customer) | {"deleted": True})
    assert await deliver(billing, thin("customer.deleted", "cus_1", "customer", 2)) is WebhookEventStatus.PROCESSED
    assert (await Customer.get(id=ids.customer)).stripe_customer_id is None


async def test_a_deletion_of_what_stripe_shows_no_more_ends_it_too(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    assert await deliver(billing, thin("customer.deleted", "cus_1", "customer")) is WebhookEventStatus.PROCESSED
    assert (await Customer.get(id=ids.customer)).stripe_customer_id is None


async def test_one_of_no_interest_or_about_nothing_is_ignored_without_asking_stripe(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    without = thin("payment_intent.succeeded", "pi_1", "payment_intent", 1) | {"related_object": None}
    other = thin("billing.meter.error_report_triggered", "mtr_1", "billing.meter", 2)
    assert [await deliver(billing, sent) for sent in (without, other)] == [WebhookEventStatus.IGNORED] * 2
    assert shelf.read == []


async def test_one_whose_object_cannot_be_read_is_tried_again(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    shelf.put(subscription())
    shelf.broken = True
    assert await deliver(billing, thin("customer.subscription.created", "sub_1", "subscription")) is WebhookEventStatus.FAILED
    assert await Subscription.all().count() == 0
    shelf.broken = False
    await WebhookEvent.all().update(next_attempt_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert await retry_due(billing, HANDLERS, 10) == 1
    assert (await Subscription.get(stripe_subscription_id="sub_1")).status == "ACTIVE"


async def test_one_about_a_kind_that_is_never_read_fails_with_its_reason(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    assert await deliver(billing, thin("payment_intent.succeeded", "x_1", "billing.meter")) is WebhookEventStatus.FAILED
    row = await WebhookEvent.get(object_id="x_1")
    assert row.error == "UnknownShape: v2.core.event evt_thin_0_x_1: `related_object.type` is not a kind that is read"
    assert shelf.read == []
