"""Invoices of subscriptions: all lines however many, credits once for each paid period whatever paid it, and what stands by them."""

from typing import Any

import pytest

from models import CreditEntry, CreditLot, Customer, Entitlement, Invoice, InvoiceLine, Payment, Plan, Subscription
from services.billing import Billing
from services.mirror import Outcome, write
from services.recurring_revenue import monthly_amount
from services.snapshot import Snapshot
from services.stripe_shapes import Recurring
from tests.mirror.catalogue import Ids
from tests.mirror.objects import MONTH, START, charge, intent, invoice, subscription, succeeded
from tests.mirror.shelf import Shelf

DATED = 1_800_000_100
"""Newer than whatever the shelf is read at."""


def line(number: int, **fields: Any) -> dict[str, Any]:
    told: dict[str, Any] = invoice(id=f"in_line_{number}")["lines"]["data"][0]
    return told | {"id": f"il_{number}", "amount": 100, "description": f"Line {number}"} | fields


def of(*lines: dict[str, Any], **fields: Any) -> dict[str, Any]:
    total = sum(one["amount"] - sum(row["amount"] for row in one.get("discount_amounts", [])) for one in lines)
    return invoice(amount=fields.pop("paid", max(total, 0)), **fields) | {"total": total, "lines": {"object": "list", "data": list(lines)}}


async def credited(billing: Billing, ids: Ids, shelf: Shelf, told: dict[str, Any]) -> list[tuple[int, str]]:
    """The ledger after an invoice of a plan that gives 40 credits and a feature each period."""
    await Plan.filter(id=ids.monthly).update(credits=40, features=["export"])
    shelf.put(told)
    await write(billing, Snapshot(subscription(), START))
    assert await write(billing, Snapshot(told, START + 9)) is Outcome.PROCESSED
    assert await write(billing, Snapshot(told, START + 10)) is not Outcome.IGNORED
    return [(entry.amount, entry.kind) for entry in await CreditEntry.all().order_by("id")]


async def test_every_line_is_kept_in_order_though_the_invoice_shows_ten(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    lines = [line(number) for number in range(1, 251)]
    told = of(*lines, status="draft", pays=None) | {"lines": {"object": "list", "data": lines[:10], "has_more": True}}
    shelf.put_lines("in_1", lines)
    await write(billing, Snapshot(subscription(), START))
    assert await write(billing, Snapshot(told, START + 1)) is Outcome.PROCESSED
    kept = await InvoiceLine.all().order_by("position")
    assert [(row.stripe_line_id, row.position, row.description) for row in kept] == [(f"il_{n}", n, f"Line {n}") for n in range(1, 251)]
    assert shelf.read == ["/v1/invoices/in_1/lines"] * 3


async def test_a_drafts_lines_come_go_and_change_places(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    await write(billing, Snapshot(subscription(), START))
    for second, numbers in enumerate(([1, 2], [2, 1], [1, 3], [3])):
        await write(billing, Snapshot(of(*map(line, numbers), status="draft", pays=None) | {"number": str(second)}, START + second))
        kept = await InvoiceLine.all().order_by("position")
        assert [row.stripe_line_id for row in kept] == [f"il_{number}" for number in numbers]


async def test_a_line_says_what_was_taken_off_and_what_was_not_used(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    off = line(1, amount=4900, discount_amounts=[{"amount": 900, "discount": "di_1"}])
    unused = line(2, amount=-1500)
    unused["parent"] = {"type": "invoice_item_details", "invoice_item_details": {"proration": True}}
    told = of(off, unused) | {"total_taxes": [{"amount": 300}, {"amount": 20}], "number": "A-7", "hosted_invoice_url": "https://pay.test/7"}
    for thing in (succeeded(amount=2500), charge(amount=2500), told):
        shelf.put(thing)
    await write(billing, Snapshot(subscription(), START))
    await write(billing, Snapshot(told, START + 9))
    row = await Invoice.get()
    assert (row.total, row.amount_paid, row.tax, row.number, row.hosted_url) == (2500, 2500, 320, "A-7", "https://pay.test/7")
    kept = await InvoiceLine.all().order_by("position")
    told_lines = [(one.amount, one.discount, one.proration, one.amount_paid, one.price_id) for one in kept]
    assert told_lines == [(4900, 900, False, 4000, ids.month), (-1500, 0, True, 0, ids.month)]


@pytest.mark.parametrize("taxes", [{"total_taxes": [{"amount": -300}, {"amount": 15}]}, {"tax": -285}], ids=["since basil", "before"])
async def test_an_invoice_that_gives_money_back_gives_tax_back(billing: Billing, ids: Ids, shelf: Shelf, taxes: dict[str, Any]) -> None:
    told = of(line(1, amount=-1500), pays=None) | {"total": -1785, "starting_balance": 0, "ending_balance": -1785} | taxes
    await write(billing, Snapshot(subscription(), START))
    assert await write(billing, Snapshot(told, START + 9)) is Outcome.PROCESSED
    row = await Invoice.get()
    assert (row.total, row.tax, row.credit_applied, row.amount_paid) == (-1785, -285, -1785, 0)


@pytest.mark.parametrize(
    ("told", "granted"),
    [
        (of(line(1, amount=4900, discount_amounts=[{"amount": 4900, "discount": "di_1"}]), pays=None), [(40, "RENEWAL")]),
        (of(line(1, amount=4900, quantity=3), pays=None, paid=0) | {"starting_balance": -4900, "ending_balance": 0}, [(120, "RENEWAL")]),
        (of(line(1, amount=0), pays=None), []),
        (of(line(1, amount=4900), line(2, amount=4900), status="void", pays=None), []),
    ],
    ids=["a coupon of all", "credit with Stripe", "a trial", "void"],
)
async def test_a_paid_period_grants_credits_whatever_paid_it(
    billing: Billing, ids: Ids, shelf: Shelf, told: dict[str, Any], granted: list[tuple[int, str]]
) -> None:
    assert await credited(billing, ids, shelf, told) == granted
    assert await Payment.filter(subscription_id__not_isnull=True, status="SUCCEEDED").count() == 0
    lots = await CreditLot.all()
    assert [(lot.invoice_id, lot.payment_id) for lot in lots] == [((await Invoice.get()).id, None)] * len(granted)


async def test_a_payment_that_went_back_takes_its_periods_credits(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    shelf.put(succeeded())
    shelf.put(charge())
    assert await credited(billing, ids, shelf, invoice()) == [(40, "RENEWAL")]
    await write(billing, Snapshot(charge(amount_refunded=1225), DATED))
    assert [entry.amount for entry in await CreditEntry.all().order_by("id")] == [40, -10]
    await write(billing, Snapshot(charge(amount_refunded=4900), DATED + 50))
    assert (await Customer.get(id=ids.customer)).credit_balance == 0
    assert [(row.feature, row.revoked_reason) for row in await Entitlement.all()] == [("export", "refunded")]


async def test_a_later_period_that_credit_paid_stands_by_itself(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    shelf.put(succeeded())
    shelf.put(charge(amount_refunded=4900))
    await credited(billing, ids, shelf, invoice())
    assert [row.revoked_reason for row in await Entitlement.all()] == ["refunded"]
    balanced = {"starting_balance": -4900, "ending_balance": 0, "created": START + MONTH}
    later = of(line(9, amount=4900), id="in_2", pays=None, paid=0) | balanced
    shelf.put(later)
    await write(billing, Snapshot(later, START + MONTH))
    assert [row.revoked_reason for row in await Entitlement.all()] == [None]


async def test_what_is_open_is_linked_to_its_payment(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    asked = invoice(status="open") | {"attempt_count": 2, "next_payment_attempt": START + 9_000}
    for thing in (subscription(status="past_due"), intent(), asked):
        shelf.put(thing)
    await write(billing, Snapshot(asked, START + 5))
    row, payment = await Invoice.get(), await Payment.get(stripe_invoice_id="in_1")
    assert (row.status, row.attempts, row.amount_paid, row.paid_at) == ("OPEN", 2, 0, None)
    assert int(row.next_attempt_at.timestamp() if row.next_attempt_at else 0) == START + 9_000
    assert (payment.invoice_id, row.subscription_id) == (row.id, (await Subscription.get()).id)


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([Recurring(1_900, 2, "month", 1)], 3_800),
        ([Recurring(19_000, 1, "year", 1)], 1_583),
        ([Recurring(30_000, 1, "month", 3)], 10_000),
        ([Recurring(100, 3, "week", 2)], 650),
        ([Recurring(10, 1, "day", 1)], 304),
        ([Recurring(19_006, 1, "year", 1), Recurring(1, 1, "month", 1)], 1_585),
        ([Recurring(100, 1, "decade", 1)], 0),
        ([], 0),
    ],
)
def test_what_a_subscription_brings_a_month(items: list[Recurring], expected: int) -> None:
    assert monthly_amount(items) == expected
