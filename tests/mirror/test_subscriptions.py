"""Subscriptions, their invoices and customers."""

from datetime import UTC, datetime
from typing import Any

import pytest

from models import AuditEntry, CheckoutSession, CreditEntry, Customer, Entitlement, Invoice, Payment, Plan, Subscription
from services.billing import Billing
from services.mirror import Outcome, forget_customer, settle, write
from services.snapshot import Snapshot
from services.stripe_fields import UnknownShape
from tests.mirror.catalogue import Ids
from tests.mirror.objects import MONTH, START, charge, customer, declined, intent, invoice, session, subscription, succeeded
from tests.mirror.shelf import Shelf


def at(thing: dict[str, Any], second: int, *, read: bool = False) -> Snapshot:
    shown = thing if read else {name: value for name, value in thing.items() if name != "payments"}
    return Snapshot(shown, START + second, read)


def utc(second: int) -> datetime:
    return datetime.fromtimestamp(START + second, UTC)


async def test_a_subscription_of_a_known_customer_is_mirrored_whole(billing: Billing, ids: Ids) -> None:
    made = subscription(metadata={"billgraph_checkout_session": ids.subscribed, "colour": "red"}, quantity=3)
    assert await write(billing, at(made, 1)) is Outcome.PROCESSED
    row = await Subscription.get(stripe_subscription_id="sub_1")
    assert (row.customer_id, row.plan_id, row.price_id, row.quantity) == (ids.customer, ids.monthly, ids.month, 3)
    assert (row.status, row.stripe_status, row.metadata) == ("ACTIVE", "active", {"colour": "red"})
    assert (row.current_period_start, row.current_period_end, row.created_at) == (utc(0), utc(MONTH), utc(0))
    assert (row.cancel_at_period_end, row.cancel_at, row.canceled_at, row.ended_at, row.past_due_since) == (False, None, None, None, None)
    assert (await CheckoutSession.get(id=ids.subscribed)).subscription_id == row.id
    assert [entry.changes async for entry in AuditEntry.filter(object_id=row.id)] == [{"status": [None, "ACTIVE"]}]


async def test_it_changes_with_what_is_newer_alone(billing: Billing, ids: Ids) -> None:
    await write(billing, at(subscription(), 1))
    await write(billing, at(subscription(status="past_due", price="price_year", cancel_at=START + MONTH), 5))
    assert await write(billing, at(subscription(status="incomplete"), 3)) is Outcome.STALE
    assert await write(billing, at(subscription(status="incomplete"), 6)) is Outcome.STALE
    row = await Subscription.get(stripe_subscription_id="sub_1")
    assert (row.status, row.price_id, row.cancel_at, row.cancel_at_period_end) == ("PAST_DUE", ids.year, utc(MONTH), True)
    assert row.past_due_since == utc(0)


async def test_one_that_ended_stays_ended(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    await write(billing, at(subscription(status="canceled", canceled_at=START + 9, ended_at=START + 9), 9))
    for second in (8, 9, 10):
        assert await write(billing, at(subscription(), second)) is Outcome.STALE
    row = await Subscription.get(stripe_subscription_id="sub_1")
    assert (row.status, row.ended_at, row.canceled_at) == ("CANCELED", utc(9), utc(9))
    assert shelf.read == []


async def test_a_strangers_subscription_is_ignored(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    shelf.put(customer(id="cus_stranger"))
    for owner in ("cus_stranger", "cus_nobody"):
        assert await write(billing, at(subscription(customer=owner), 1)) is Outcome.IGNORED
    assert await Subscription.all().count() == 0
    assert shelf.read == ["/v1/customers/cus_stranger", "/v1/customers/cus_nobody"]


async def test_a_customer_whom_stripe_knows_as_ours_is_read_first(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    await Customer.filter(id=ids.customer).update(stripe_customer_id=None)
    shelf.put(customer(ours=ids.customer))
    assert await write(billing, at(subscription(), 1)) is Outcome.PROCESSED
    row = await Customer.get(id=ids.customer)
    assert (row.stripe_customer_id, row.email, row.name) == ("cus_1", "ada@example.test", "Ada")


async def test_our_customer_in_the_metadata_is_enough_while_nobody_else_is_named(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    made = subscription(customer="cus_other", metadata={"billgraph_customer": ids.customer})
    assert await write(billing, at(made, 1)) is Outcome.PROCESSED
    assert (await Subscription.get(stripe_subscription_id="sub_1")).customer_id == ids.customer
    assert shelf.read == ["/v1/customers/cus_other"]


async def test_a_tie_of_a_subscription_is_read(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    shelf.put(subscription(status="canceled", ended_at=START + 5, canceled_at=START + 5))
    shelf.now = START + 5
    await write(billing, at(subscription(), 5))
    assert await write(billing, at(subscription(status="past_due"), 5)) is Outcome.PROCESSED
    assert (await Subscription.get(stripe_subscription_id="sub_1")).status == "CANCELED"


async def test_a_subscription_without_a_period_is_an_unknown_shape(billing: Billing, ids: Ids) -> None:
    broken = subscription(items={"object": "list", "data": []})
    with pytest.raises(UnknownShape, match="subscription sub_1: `current_period_start` is not a whole number"):
        await write(billing, at(broken, 1))
    assert await Subscription.all().count() == 0


async def test_a_completed_checkout_reads_its_subscription(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    shelf.put(subscription())
    done = session(ours=ids.subscribed, mode="subscription", status="complete", payment_status="paid", subscription="sub_1")
    assert await write(billing, at(done, 3)) is Outcome.PROCESSED
    row = await CheckoutSession.get(id=ids.subscribed)
    made = await Subscription.get(stripe_subscription_id="sub_1")
    assert (row.status, row.subscription_id, row.stripe_session_id) == ("COMPLETE", made.id, "cs_1")


async def test_a_paid_invoice_becomes_a_payment(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    for thing in (subscription(), invoice(), succeeded(), charge()):
        shelf.put(thing)
    assert await write(billing, at(invoice(), 6)) is Outcome.PROCESSED
    row = await Payment.get(stripe_invoice_id="in_1")
    owner = await Subscription.get(stripe_subscription_id="sub_1")
    assert (row.customer_id, row.subscription_id, row.plan_id, row.price_id) == (ids.customer, owner.id, ids.monthly, ids.month)
    assert (row.status, row.amount, row.currency, row.quantity) == ("SUCCEEDED", 4900, "USD", 1)
    assert (row.stripe_payment_intent_id, row.stripe_charge_id, row.method_last4) == ("pi_1", "ch_1", "4242")
    assert (row.created_at, row.succeeded_at) == (utc(1), utc(5))
    assert await Payment.all().count() == 2


async def test_a_failed_invoice_becomes_a_failed_payment_and_is_retried(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    for thing in (subscription(status="past_due"), invoice(status="open"), declined(), charge(id="ch_0", status="failed")):
        shelf.put(thing)
    shelf.now = START + 7
    await write(billing, at(invoice(status="open"), 6))
    row = await Payment.get(stripe_invoice_id="in_1")
    assert (row.status, row.failure_decline_code, row.amount, row.succeeded_at) == ("FAILED", "insufficient_funds", 4900, None)
    await write(billing, at(succeeded(), 90))
    await write(billing, at(charge(), 90))
    asked = len(shelf.read)
    assert await write(billing, at(invoice(), 91)) is Outcome.PROCESSED
    row = await Payment.get(stripe_invoice_id="in_1")
    assert (row.status, row.failure_code, row.stripe_charge_id, row.invoice_version) == ("SUCCEEDED", None, "ch_1", START + 91)
    assert len(shelf.read) == asked
    assert await write(billing, at(invoice(status="open"), 6)) is Outcome.STALE


async def test_a_paid_invoice_whose_payment_intent_lags_reads_it(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    for thing in (subscription(), invoice(status="open"), declined(), charge(id="ch_0", status="failed")):
        shelf.put(thing)
    shelf.now = START + 7
    await write(billing, at(invoice(status="open"), 6))
    for thing in (invoice(), succeeded(), charge()):
        shelf.put(thing)
    shelf.now = START + 100
    assert await write(billing, at(invoice(), 91)) is Outcome.PROCESSED
    row = await Payment.get(stripe_invoice_id="in_1")
    assert (row.status, row.stripe_charge_id, row.stripe_status) == ("SUCCEEDED", "ch_1", "succeeded")


async def test_an_invoice_paid_outside_of_stripe_has_no_payment_intent(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    shelf.put(subscription())
    shelf.put(invoice(pays=None))
    await write(billing, at(invoice(pays=None), 6))
    row = await Payment.get(stripe_invoice_id="in_1")
    assert (row.status, row.stripe_payment_intent_id, row.amount, row.succeeded_at) == ("SUCCEEDED", None, 4900, utc(6))


@pytest.mark.parametrize(
    "thing",
    [
        invoice(parent=None),
        invoice(subscription="sub_stranger"),
        invoice(subscription="sub_gone"),
    ],
)
async def test_invoices_of_strangers_make_nothing(billing: Billing, ids: Ids, shelf: Shelf, thing: dict[str, Any]) -> None:
    shelf.put(subscription())
    shelf.put(subscription(id="sub_stranger", customer="cus_stranger"))
    assert await write(billing, at(thing, 6)) is Outcome.IGNORED
    assert (await Payment.all().count(), await Invoice.all().count()) == (1, 0)


@pytest.mark.parametrize("status", ["paid", "open"])
async def test_an_invoice_of_nothing_makes_no_payment(billing: Billing, ids: Ids, shelf: Shelf, status: str) -> None:
    shelf.put(subscription())
    assert await write(billing, at(invoice(amount=0, status=status), 6)) is Outcome.PROCESSED
    (row,) = await Invoice.all()
    assert (row.status, row.total, await Payment.all().count()) == (status.upper(), 0, 1)


async def test_a_change_within_a_period_grants_no_credits_and_decides_nothing(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    await Plan.filter(id=ids.monthly).update(credits=40, features=["export"])
    change = invoice(id="in_2", pays="pi_2", amount=500)
    change["lines"]["data"][0]["parent"]["subscription_item_details"]["proration"] = True
    second = charge(id="ch_2", payment_intent="pi_2", amount=500)
    paid = (succeeded(), charge(), succeeded(id="pi_2", amount=500, latest_charge="ch_2"), second)
    for thing in (subscription(), invoice(), change, *paid):
        shelf.put(thing)
    await write(billing, at(subscription(), 1))
    await write(billing, at(invoice(), 6))
    await write(billing, at(change, 9))
    rows = await Payment.filter(subscription_id__not_isnull=True).order_by("amount")
    assert [(row.amount, row.status) for row in rows] == [(500, "SUCCEEDED"), (4900, "SUCCEEDED")]
    assert [(entry.amount, entry.kind, entry.payment_id) for entry in await CreditEntry.all()] == [(40, "RENEWAL", rows[1].id)]
    await write(billing, at(second | {"amount_refunded": 500}, 20_000_000))
    assert [(row.feature, row.revoked_reason) for row in await Entitlement.all()] == [("export", None)]
    assert (await Payment.get(stripe_payment_intent_id="pi_2")).status == "REFUNDED"


async def test_an_invoice_of_before_basil_needs_no_reading(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    await write(billing, at(subscription(), 1))
    old = {name: value for name, value in invoice().items() if name not in {"parent", "payments"}}
    line = {"id": "il_1", "amount": 4900, "price": {"id": "price_year", "object": "price"}, "quantity": 2, "proration": False}
    old |= {"subscription": "sub_1", "payment_intent": "pi_1", "charge": "ch_1", "lines": {"data": [line]}}
    shelf.put(intent(status="succeeded", amount_received=4900))
    assert await write(billing, at(old, 6)) is Outcome.PROCESSED
    row = await Payment.get(stripe_invoice_id="in_1")
    assert (row.price_id, row.quantity, row.status, row.stripe_payment_intent_id) == (ids.year, 2, "SUCCEEDED", "pi_1")
    assert shelf.read == ["/v1/payment_intents/pi_1"]


async def test_a_customer_is_mirrored_and_forgotten(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    assert await write(billing, at(customer(email="new@example.test", name=None), 5)) is Outcome.PROCESSED
    row = await Customer.get(id=ids.customer)
    assert (row.email, row.name) == ("new@example.test", None)
    gone = at(customer(ours=ids.customer), 9)
    assert await settle(billing.stripe, lambda known: forget_customer(gone, known)) is Outcome.PROCESSED
    assert await write(billing, at(customer(ours=ids.customer), 8)) is Outcome.STALE
    assert (await Customer.get(id=ids.customer)).stripe_customer_id is None
    assert await write(billing, at(customer(), 10)) is Outcome.IGNORED
    assert await write(billing, at(customer(ours=ids.customer, id="cus_2"), 11)) is Outcome.PROCESSED
    assert (await Customer.get(id=ids.customer)).stripe_customer_id == "cus_2"
    assert shelf.read == []
