"""What each state of an invoice means for its payment, and events about invoices that carry something else."""

from itertools import permutations
from typing import Any

from models import Invoice, Payment, Subscription
from services.billing import Billing
from services.mirror import Outcome, expect_renewal, settle, write
from services.snapshot import Snapshot
from tests.mirror.catalogue import Ids
from tests.mirror.objects import START, charge, intent, invoice, subscription, succeeded
from tests.mirror.rows import shown, values
from tests.mirror.shelf import Shelf


async def subscribed(billing: Billing) -> None:
    await write(billing, Snapshot(subscription(), START))


async def test_a_draft_asks_for_nothing_yet(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    await subscribed(billing)
    before = await Payment.all().count()
    assert await write(billing, Snapshot(invoice(status="draft", pays=None), START + 1)) is Outcome.PROCESSED
    assert (await Payment.all().count(), shelf.read) == (before, [])
    assert shown(await Invoice.get(), "status", "total", "amount_paid") == ["DRAFT", 4900, 0]
    shelf.put(intent())
    await write(billing, Snapshot(invoice(status="open"), START + 2))
    kept = values(await Payment.get(stripe_invoice_id="in_1"))
    assert await write(billing, Snapshot(invoice(status="draft"), START + 2)) is Outcome.STALE
    assert values(await Payment.get(stripe_invoice_id="in_1")) == kept


async def test_a_void_one_cancels_its_payment_whatever_comes_first(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    await subscribed(billing)
    shelf.put(intent(status="canceled"))
    shelf.put(invoice(status="void"))
    told: list[Snapshot] = [
        Snapshot(invoice(status="open"), START + 1),
        Snapshot(intent(status="requires_action"), START + 2),
        Snapshot(invoice(status="void"), START + 9),
    ]
    for order in permutations(told):
        await Payment.filter(stripe_invoice_id="in_1").delete()
        for snapshot in order:
            await write(billing, snapshot)
        assert shown(await Payment.get(stripe_invoice_id="in_1"), "status", "amount", "currency") == ["CANCELED", 4900, "USD"]


async def test_one_that_credit_paid_after_all_cancels_its_payment(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    await subscribed(billing)
    shelf.put(intent(status="canceled"))
    shelf.put(invoice(status="paid", amount=0) | {"payments": invoice(status="open")["payments"]})
    credited = Snapshot(invoice(status="paid", amount=0), START + 9)
    await write(billing, Snapshot(invoice(status="open"), START + 1))
    assert await write(billing, credited) is Outcome.PROCESSED
    assert shown(await Payment.get(stripe_invoice_id="in_1"), "status", "amount") == ["CANCELED", 4900]


async def test_one_that_credit_paid_asks_for_nothing_although_an_older_word_comes_late(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    await subscribed(billing)
    credited = invoice(status="paid", amount=0) | {"total": 4900, "starting_balance": -5000, "ending_balance": -100}
    shelf.put(credited | {"payments": {"data": []}})
    assert await write(billing, Snapshot(credited, START + 9)) is Outcome.PROCESSED
    shown_late = {name: value for name, value in invoice(status="open").items() if name != "payments"}
    await write(billing, Snapshot(shown_late, START + 1))
    assert await Payment.filter(stripe_invoice_id="in_1").count() == 0
    assert shown(await Invoice.get(), "status", "total", "amount_paid", "credit_applied") == ["PAID", 4900, 0, 4900]


async def test_one_paid_outside_of_stripe_is_paid(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    await subscribed(billing)
    outside = invoice(pays=None, amount=0) | {"amount_due": 4900, "amount_paid_off_stripe": 4900}
    assert await write(billing, Snapshot(outside, START + 9)) is Outcome.PROCESSED
    assert shown(await Payment.get(stripe_invoice_id="in_1"), "status", "amount", "currency") == ["SUCCEEDED", 4900, "USD"]


async def test_one_given_up_may_still_be_paid(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    await subscribed(billing)
    shelf.put(intent())
    await write(billing, Snapshot(invoice(status="open"), START + 1))
    await write(billing, Snapshot(invoice(status="uncollectible"), START + 5))
    assert (await Payment.get(stripe_invoice_id="in_1")).status == "PENDING"
    shelf.put(succeeded())
    shelf.put(charge())
    await write(billing, Snapshot(invoice(), START + 9))
    assert (await Payment.get(stripe_invoice_id="in_1")).status == "SUCCEEDED"


async def test_a_payment_of_an_invoice_has_the_invoice_read(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    await subscribed(billing)
    for thing in (invoice(), succeeded(), charge()):
        shelf.put(thing)
    paid = {"id": "inpay_1", "object": "invoice_payment", "invoice": "in_1", "status": "paid", "amount_paid": 4900}
    assert await write(billing, Snapshot(paid, START + 9)) is Outcome.PROCESSED
    assert (await Payment.get(stripe_invoice_id="in_1")).status == "SUCCEEDED"
    assert await write(billing, Snapshot(paid | {"invoice": "in_gone"}, START + 9)) is Outcome.IGNORED


async def test_an_upcoming_one_finds_a_subscription_that_was_missed(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    upcoming: dict[str, Any] = {name: value for name, value in invoice(status="draft").items() if name not in {"id", "payments"}}
    shelf.put(subscription())
    snapshot = Snapshot(upcoming, START + 9)
    assert await settle(billing.stripe, lambda known: expect_renewal(snapshot, known)) is Outcome.PROCESSED
    assert (await Subscription.get()).status == "ACTIVE"
    assert await settle(billing.stripe, lambda known: expect_renewal(snapshot, known)) is Outcome.IGNORED
    assert shelf.read == ["/v1/subscriptions/sub_1"]
    assert await Payment.filter(subscription_id__not_isnull=True).count() == 0
