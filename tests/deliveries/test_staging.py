"""What happens here becomes deliveries, in the transaction that makes it happen, and only then."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from models import ENDLESS, Customer, Delivery, EventDestination, Payment, Subscription
from models.database import transaction
from models.persistence import lock_id
from models.record import Record
from services.billing import Billing
from services.credits import Booking, grant_credits, use_credits
from services.deliveries.events import EVENT_TYPES, TELLING, events_of
from services.deliveries.payloads import VERSION
from services.errors import InsufficientCredits
from services.invoices import InvoiceTerms, LineTerms, create_invoice, void_invoice
from services.journal import change, journal
from services.mirror import settle, write
from services.mirror.trial import expect_trial_end
from services.payment_intents import create_payment_intent
from services.refund_requests import Asked, reject_refund_request, request_refund, withdraw_refund_request
from services.refunds import create_refund
from services.row_change import Change
from services.snapshot import Snapshot
from tests.deliveries.samples import bare
from tests.mirror.catalogue import plant
from tests.mirror.objects import START, subscription
from tests.models.sound_rows import sound_row
from tests.services.shop import ALICE, SUPPORT, confirm, course, paid, refund


async def destination(*types: str, **more: Any) -> EventDestination:
    return await EventDestination.create(url="https://app.example.test/", secret="whsec_c2VjcmV0", event_types=list(types), **more)


async def told(to: EventDestination) -> list[tuple[str, dict[str, Any]]]:
    rows = await Delivery.filter(destination_id=to.id).order_by("id")
    return [(row.event_type, json.loads(row.payload)["data"]) for row in rows]


async def test_a_payment_its_refund_and_what_follows(shop: Billing) -> None:
    every, some, resting = await destination(), await destination("payment.refunded"), await destination(active=False)
    payment = await paid(shop)
    await create_refund(shop, SUPPORT, refund(payment, 25_000), "key")
    rows = await Delivery.filter(destination_id=every.id).order_by("id")
    names = [row.event_type for row in rows]
    twice = ["entitlement.opened", "entitlement.opened", "credits.changed", "credits.changed"]
    assert sorted(names) == sorted([*twice, "payment.succeeded", "payment.refunded", "refund.succeeded"])
    customer = await Customer.get(external_id="alice")
    first = next(row for row in rows if row.event_type == "payment.succeeded")
    said = json.loads(first.payload)
    assert (said["id"], said["type"], said["version"]) == (first.event_id, "payment.succeeded", VERSION)
    assert (first.object_id, first.customer_id, first.status, first.attempts) == (payment.id, customer.id, "PENDING", 0)
    shown: dict[str, Any] = {
        "object": "payment",
        "id": payment.id,
        "customerId": customer.id,
        "customerExternalId": "alice",
        "status": "SUCCEEDED",
    }
    shown |= {
        "status": "SUCCEEDED",
        "amount": 49_900,
        "amountRefunded": 0,
        "currency": "USD",
        "quantity": 1,
        "failureCode": None,
        "invoiceId": None,
    }
    assert shown.items() <= said["data"].items()
    of_payment = [row for row in rows if row.object_id == payment.id]
    assert [(row.event_type, row.position) for row in of_payment] == [("payment.succeeded", 1), ("payment.refunded", 2)]
    assert json.loads(of_payment[1].payload)["data"]["amountRefunded"] == 25_000
    bookings = [row for row in rows if row.event_type == "credits.changed"]
    assert [(row.object_id, row.position) for row in bookings] == [(customer.id, 1), (customer.id, 2)]
    assert [json.loads(row.payload)["data"]["balanceAfter"] for row in bookings] == [7, 4]
    (other,) = await Delivery.filter(destination_id=some.id)
    assert (other.event_id, other.event_type, other.position) == (of_payment[1].event_id, "payment.refunded", 1)
    assert await told(resting) == []


async def test_said_again_it_is_not_told_again(shop: Billing) -> None:
    await destination()
    payment = await paid(shop)
    before = await Delivery.all().count()
    read = await shop.stripe.retrieve("payment_intent", str(payment.stripe_payment_intent_id))
    assert read is not None
    for _ in range(2):
        await write(shop, read)
    assert await Delivery.all().count() == before


async def test_a_declined_card(shop: Billing) -> None:
    to = await destination()
    done = await create_payment_intent(shop, ALICE, course())
    row = await Payment.get(id=done.object_id)
    with pytest.raises(Exception):  # noqa: B017, PT011 - the sandbox declines
        await confirm(shop, row, "pm_card_chargeDeclined")
    read = await shop.stripe.retrieve("payment_intent", str(row.stripe_payment_intent_id))
    assert read is not None
    await write(shop, read)
    assert [(name, data["status"], data["failureCode"]) for name, data in await told(to)] == [("payment.failed", "FAILED", "card_declined")]


async def test_refund_requests_invoices_and_credits(shop: Billing) -> None:
    payment = await paid(shop)
    to = await destination()
    first = await request_refund(ALICE, Asked(payment.id, "It broke, says alice@example.test", 500), None)
    await withdraw_refund_request(ALICE, first.object_id, None)
    second = await request_refund(ALICE, Asked(payment.id, "Still"), None)
    await reject_refund_request(shop, SUPPORT, second.object_id, "No, says dora@example.test", None)
    issued = await create_invoice(SUPPORT, InvoiceTerms("alice", "USD", (LineTerms("Fee of Alice", 5000),), "alice@example.test"), None)
    await void_invoice(SUPPORT, issued.object_id, "Wrong", None)
    await grant_credits(SUPPORT, Booking("alice", 5, "Sorry"), "grant")
    with pytest.raises(InsufficientCredits):
        await use_credits(SUPPORT, Booking("alice", 500, "Too much"), "use")
    events = await told(to)
    assert [(name, data["object"]) for name, data in events] == [
        ("refund_request.created", "refund_request"),
        ("refund_request.withdrawn", "refund_request"),
        ("refund_request.created", "refund_request"),
        ("refund_request.decided", "refund_request"),
        ("invoice.voided", "invoice"),
        ("credits.changed", "credit_entry"),
    ]
    assert [data["status"] for _, data in events[:5]] == ["PENDING", "WITHDRAWN", "PENDING", "REJECTED", "VOID"]
    text = json.dumps(events)
    assert [word for word in ("example.test", "Alice", "broke", "Sorry", "Fee", "pi_", "cus_") if word in text] == []


async def test_a_trial_that_ends_is_told_once_for_each_end(billing: Billing, database: str) -> None:
    to = await destination("subscription.trial_will_end")
    await plant()

    async def say(status: str, trial_end: int) -> None:
        said = Snapshot(subscription(status=status, trial_end=trial_end), trial_end)
        await settle(billing.stripe, lambda known: expect_trial_end(said, known))

    for trial_end in (START + 900, START + 900, START + 1800):
        await say("trialing", trial_end)
    events = await told(to)
    ends = [datetime.fromtimestamp(START + later, UTC).isoformat().replace("+00:00", "Z") for later in (900, 1800)]
    assert [(name, data["trialEndsAt"]) for name, data in events] == [("subscription.trial_will_end", end) for end in ends]
    await say("active", START + 3600)
    assert len(await told(to)) == 2


async def test_what_is_rolled_back_is_not_told(database: str) -> None:
    await destination()
    row = await sound_row(Subscription)

    async def take_back() -> None:
        async with transaction():
            async with journal():
                await change(await lock_id(Subscription, row.id), {"quantity": 7})
            assert await Delivery.all().count() == 1
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await take_back()
    assert await Delivery.all().count() == 0


async def test_transactions_beside_each_other_keep_one_order(database: str) -> None:
    to = await destination()
    row = await sound_row(Subscription)

    async def take(_: int) -> None:
        async with transaction(), journal():
            locked = await lock_id(Subscription, row.id)
            await change(locked, {"quantity": locked.quantity + 1})

    await asyncio.gather(*(take(number) for number in range(12)))
    rows = await Delivery.filter(destination_id=to.id).order_by("position")
    assert [one.position for one in rows] == list(range(1, 13))
    quantities = [json.loads(one.payload)["data"]["quantity"] for one in rows]
    assert quantities == list(range(row.quantity + 1, row.quantity + 13))


def changed(kind: type[Record], before: dict[str, Any] | None, **after: Any) -> Change:
    row = bare(kind, **after)
    shown = after if before is None else {name: after[name] for name in before}
    return Change(row, before, shown)


NOW = datetime(2026, 1, 1, tzinfo=UTC)
OPEN: dict[str, Any] = {"revoked_reason": None, "active_until": ENDLESS}
CLOSED: dict[str, Any] = {"revoked_reason": "refunded", "active_until": NOW}
STEPS: list[tuple[str, dict[str, Any] | None, dict[str, Any], list[str]]] = [
    ("Payment", None, {"status": "PENDING", "amount_refunded": 0}, []),
    ("Payment", None, {"status": "SUCCEEDED", "amount_refunded": 0}, ["payment.succeeded"]),
    ("Payment", None, {"status": "REFUNDED", "amount_refunded": 9}, ["payment.succeeded", "payment.refunded"]),
    ("Payment", {"status": "PROCESSING"}, {"status": "SUCCEEDED"}, ["payment.succeeded"]),
    ("Payment", {"status": "PROCESSING"}, {"status": "FAILED"}, ["payment.failed"]),
    ("Payment", {"status": "FAILED"}, {"status": "SUCCEEDED"}, ["payment.succeeded"]),
    ("Payment", {"status": "DISPUTED"}, {"status": "SUCCEEDED"}, []),
    ("Payment", {"status": "SUCCEEDED"}, {"status": "DISPUTED"}, []),
    ("Payment", {"status": "SUCCEEDED", "amount_refunded": 0}, {"status": "REFUNDED", "amount_refunded": 9}, ["payment.refunded"]),
    ("Payment", {"amount_refunded": 9}, {"amount_refunded": 5}, []),
    ("Payment", {"description": "a"}, {"description": "b"}, []),
    ("Refund", None, {"status": "PENDING"}, []),
    ("Refund", None, {"status": "SUCCEEDED"}, ["refund.succeeded"]),
    ("Refund", {"status": "PENDING"}, {"status": "FAILED"}, ["refund.failed"]),
    ("Refund", {"status": "SUCCEEDED"}, {"status": "FAILED"}, ["refund.failed"]),
    ("Refund", {"status": "PENDING"}, {"status": "CANCELED"}, ["refund.failed"]),
    ("Dispute", None, {"status": "NEEDS_RESPONSE"}, ["dispute.created"]),
    ("Dispute", None, {"status": "LOST"}, ["dispute.created", "dispute.closed"]),
    ("Dispute", {"status": "NEEDS_RESPONSE"}, {"status": "UNDER_REVIEW"}, []),
    ("Dispute", {"status": "UNDER_REVIEW"}, {"status": "WON"}, ["dispute.closed"]),
    ("Subscription", None, {"status": "INCOMPLETE"}, ["subscription.created"]),
    ("Subscription", None, {"status": "CANCELED"}, ["subscription.created", "subscription.canceled"]),
    ("Subscription", {"status": "ACTIVE"}, {"status": "PAST_DUE"}, ["subscription.past_due"]),
    ("Subscription", {"status": "PAST_DUE"}, {"status": "ACTIVE"}, ["subscription.updated"]),
    ("Subscription", {"status": "ACTIVE"}, {"status": "CANCELED"}, ["subscription.canceled"]),
    ("Subscription", {"status": "INCOMPLETE"}, {"status": "INCOMPLETE_EXPIRED"}, ["subscription.canceled"]),
    ("Subscription", {"quantity": 1}, {"quantity": 2}, ["subscription.updated"]),
    ("Subscription", {"cancel_at": None}, {"cancel_at": NOW}, ["subscription.updated"]),
    ("Subscription", {"stripe_version": 1}, {"stripe_version": 2}, []),
    ("Invoice", None, {"status": "DRAFT"}, []),
    ("Invoice", {"status": "OPEN"}, {"status": "PARTIALLY_PAID"}, []),
    ("Invoice", {"status": "OPEN"}, {"status": "PAID"}, ["invoice.paid"]),
    ("Invoice", {"status": "OPEN"}, {"status": "VOID"}, ["invoice.voided"]),
    ("Entitlement", None, {"revoked_reason": None}, ["entitlement.opened"]),
    ("Entitlement", None, {"revoked_reason": "refunded"}, ["entitlement.closed"]),
    (
        "Entitlement",
        {"revoked_reason": None, "active_until": ENDLESS},
        {"revoked_reason": "x", "active_until": NOW},
        ["entitlement.closed"],
    ),
    (
        "Entitlement",
        {"revoked_reason": "x", "active_until": NOW},
        {"revoked_reason": None, "active_until": ENDLESS},
        ["entitlement.opened"],
    ),
    ("Entitlement", {"revoked_reason": "x"}, {"revoked_reason": "y"}, ["entitlement.updated"]),
    ("Entitlement", {"disputed": False}, {"disputed": True}, ["entitlement.updated"]),
    ("Entitlement", {"past_due_since": ENDLESS}, {"past_due_since": NOW}, ["entitlement.updated"]),
    ("Entitlement", {"plan_id": "a"}, {"plan_id": "b"}, []),
    ("CreditEntry", None, {"amount": 5}, ["credits.changed"]),
    ("Customer", {"credit_balance": 0}, {"credit_balance": 5}, []),
    ("Plan", None, {"name": "Pro"}, []),
]


@pytest.mark.parametrize(
    ("kind", "before", "after", "expected"), STEPS, ids=[f"{kind} {before} {after}" for kind, before, after, _ in STEPS]
)
def test_what_a_change_comes_to(kind: str, before: dict[str, Any] | None, after: dict[str, Any], expected: list[str]) -> None:
    import models

    assert [event.type for event in events_of([changed(getattr(models, kind), before, **after)])] == expected


def test_every_type_is_told_of_something() -> None:
    by_services = {"refund_request.created", "refund_request.decided", "refund_request.withdrawn", "subscription.trial_will_end"}
    by_services |= {"customer.erased"}
    assert {name for *_, names in STEPS for name in names} | by_services == set(EVENT_TYPES)
    assert {kind.__name__ for kind in TELLING} <= {kind for kind, *_ in STEPS}


def test_events_show_a_row_as_it_was_last_written() -> None:
    read, again = bare(Payment, status="SUCCEEDED", amount_refunded=0), bare(Payment, status="REFUNDED", amount_refunded=9)
    made = Change(read, None, {"status": "SUCCEEDED", "amount_refunded": 0})
    refunded = Change(again, {"amount_refunded": 0}, {"amount_refunded": 9})
    assert [(event.type, event.row) for event in events_of([made, refunded])] == [("payment.succeeded", again), ("payment.refunded", again)]
