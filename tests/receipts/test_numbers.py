"""Numbers of receipts and credit notes: none is left out and none given twice, whoever works beside whom and whatever is undone."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from models import Customer, Payment, Receipt, ReceiptCounter, Refund, Seller
from models.database import transaction
from models.persistence import lock_id
from services.fulfilment import fulfil
from services.journal import change, create, journal
from services.mirror import Known, settle, settling
from services.receipts import issuing
from services.stripe_gateway import StripeGateway
from settings import Environment, Settings
from tests.test_cli import ROOT

PAYMENTS, PROCESSES = (1002, 8) if os.environ.get("BILLGRAPH_SOAK") == "1" else (204, 3)
"""Of each engine."""

WORKERS = 8
SETTINGS = Settings(environment=Environment.TEST, receipt_prefix="ACME-", receipt_time_zone="Asia/Tokyo")
PAID_AT = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def moment(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """What the clock says where receipts are issued; may be replaced."""
    said = [PAID_AT]
    monkeypatch.setattr(issuing, "now", lambda: said[0])
    return said


@pytest_asyncio.fixture
async def stripe(database: str) -> AsyncIterator[StripeGateway]:
    made = StripeGateway(SETTINGS)
    yield made
    await made.close()


class Undone(Exception):
    pass


async def pending(count: int, seller: Seller | None = None) -> list[str]:
    customer = await Customer.create(external_id=f"buyer of {seller.name if seller else 'the house'}")
    values = {"customer_id": customer.id, "seller_id": seller.id if seller else None, "amount": 900, "currency": "USD"}
    rows = [Payment(**values) for _ in range(count)]
    await Payment.bulk_create(rows)
    return [row.id for row in rows]


async def pay(stripe: StripeGateway, *payments: str) -> None:
    async def work(_: Known) -> None:
        for payment_id in payments:
            await change(await lock_id(Payment, payment_id), {"status": "SUCCEEDED", "succeeded_at": PAID_AT})

    await settle(stripe, work)


@pytest.mark.parametrize(
    ("begun", "counted", "number", "issued"),
    [
        ("2026-06-01T23:59:59.9+09:00", "2026-06-02T00:00:00.1+09:00", "ACME-2026-000001", "2026-06-02T00:00:00.1+09:00"),
        ("2026-12-31T23:59:59.9+09:00", "2027-01-01T00:00:00.1+09:00", "ACME-2026-000001", "2026-12-31T23:59:59.9+09:00"),
    ],
)
async def test_who_waited_for_a_number_is_of_the_time_when_it_was_had_but_never_of_another_year(
    stripe: StripeGateway, monkeypatch: pytest.MonkeyPatch, begun: str, counted: str, number: str, issued: str
) -> None:
    said = iter(map(datetime.fromisoformat, (begun, counted)))
    monkeypatch.setattr(issuing, "now", lambda: next(said))
    await pay(stripe, *await pending(1))
    row = await Receipt.get()
    assert (row.number, row.created_at) == (number, datetime.fromisoformat(issued))


async def undo(stripe: StripeGateway, payment_id: str) -> None:
    """Pay in a transaction that takes a number, and is then undone; one that is paid already takes none."""
    with suppress(Undone):
        async with transaction(), journal():
            await change(await lock_id(Payment, payment_id), {"status": "SUCCEEDED"})
            await fulfil(stripe.settings)
            await asyncio.sleep(0.001)
            raise Undone


async def give_back(stripe: StripeGateway, payment_id: str, amount: int, status: str = "SUCCEEDED") -> str:
    async def work(_: Known) -> str:
        row = await lock_id(Payment, payment_id)
        refund = Refund(payment_id=payment_id, customer_id=row.customer_id, amount=amount, currency="USD", status=status)
        await create(refund)
        return str(refund.id)

    return await settle(stripe, work)


async def numbers(kind: str = "RECEIPT") -> list[str]:
    return [str(row.number) for row in await Receipt.filter(kind=kind).order_by("series", "year", "sequence")]


async def test_eight_workers_leave_no_gap_and_give_no_number_twice(stripe: StripeGateway) -> None:
    """Two sellers and the house; every fifth transaction is undone after it has taken its number, every tenth payment is heard of twice."""
    sellers = [None, await Seller.create(external_id="a", name="A", receipt_prefix="A-"), await Seller.create(external_id="b", name="B")]
    ids = [payment_id for seller in sellers for payment_id in await pending(PAYMENTS // len(sellers), seller)]
    ids.sort(key=lambda payment_id: payment_id[-4:])
    work = asyncio.Queue[tuple[str, bool]]()
    for place, payment_id in enumerate(ids):
        for undone in (*((True,) if place % 5 == 0 else ()), False, *((False,) if place % 10 == 0 else ())):
            work.put_nowait((payment_id, undone))

    async def worker() -> None:
        while not work.empty():
            payment_id, undone = work.get_nowait()
            if undone:
                await undo(stripe, payment_id)
            else:
                await pay(stripe, payment_id)

    await asyncio.gather(*(worker() for _ in range(WORKERS)))
    rows = await Receipt.all()
    assert sorted(str(row.cause_id) for row in rows) == sorted(ids)
    each = PAYMENTS // len(sellers)
    for seller in sellers:
        series = sorted(row.sequence for row in rows if row.series == (seller.id if seller else "house"))
        assert series == list(range(1, each + 1))
    prefixes = {"house": "ACME-", str(sellers[1].id): "A-", str(sellers[2].id): f"{sellers[2].id[-11:-1].upper()}-"}  # type: ignore[union-attr]  # of these two
    assert {row.number for row in rows} == {
        f"{prefix}2026-{number:06d}" for series, prefix in prefixes.items() for number in range(1, each + 1)
    }
    assert [row.highest for row in await ReceiptCounter.all()] == [each] * 3


WORK = """
import asyncio, sys
from models.database import connect, disconnect
from services.receipts import issuing
from services.stripe_gateway import StripeGateway
from tests.receipts.test_numbers import PAID_AT, SETTINGS, pay, undo

async def main():
    issuing.now = lambda: PAID_AT
    await connect(sys.argv[1])
    stripe = StripeGateway(SETTINGS)
    print("ready", flush=True)
    for place, payment_id in enumerate(sys.stdin.read().split()):
        if place % 5 == 0:
            await undo(stripe, payment_id)
        await pay(stripe, payment_id)
    await stripe.close()
    await disconnect()

asyncio.run(main())
"""


async def test_processes_leave_no_gap_and_give_no_number_twice(database: str) -> None:
    """Each is told of a part of its own, and of one that the next is told of too; every fifth payment is undone once."""
    sellers = [None, await Seller.create(external_id="a", name="A", receipt_prefix="A-")]
    ids = [payment_id for seller in sellers for payment_id in await pending(PAYMENTS // 2, seller)]
    ids.sort(key=lambda payment_id: payment_id[-4:])
    pipes = {"stdin": PIPE, "stdout": PIPE, "stderr": PIPE, "cwd": ROOT}
    workers = [await asyncio.create_subprocess_exec(sys.executable, "-c", WORK, database, **pipes) for _ in range(PROCESSES)]  # type: ignore[arg-type]  # of these four
    for worker in workers:
        assert worker.stdout is not None
        assert await worker.stdout.readline() == b"ready\n"
    told = [ids[number::PROCESSES] + ids[(number + 1) % PROCESSES :: 3 * PROCESSES] for number in range(PROCESSES)]
    ends = await asyncio.gather(*(one.communicate("\n".join(part).encode()) for one, part in zip(workers, told, strict=True)))
    assert [(one.returncode, said.decode()) for one, (_, said) in zip(workers, ends, strict=True)] == [(0, "")] * PROCESSES
    rows = await Receipt.all()
    assert sorted(str(row.cause_id) for row in rows) == sorted(ids)
    for seller in sellers:
        series = seller.id if seller else "house"
        assert sorted(row.sequence for row in rows if row.series == series) == list(range(1, PAYMENTS // 2 + 1))
    assert len({row.number for row in rows}) == PAYMENTS
    assert [row.highest for row in await ReceiptCounter.all()] == [PAYMENTS // 2] * 2


async def test_transactions_of_several_series_wait_for_each_other_and_never_in_a_circle(
    stripe: StripeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each pays for three sellers and gives two of them back, in an order of its own; nothing is begun again."""
    monkeypatch.setattr(settling, "MAX_COLLISIONS", 0)
    sellers = [await Seller.create(external_id=name, name=name) for name in "abc"]
    rows = [await pending(24, seller) for seller in sellers]

    async def business(place: int) -> None:
        ids = [rows[(place + step) % 3][place] for step in range(3)]

        async def work(_: Known) -> None:
            for step, payment_id in enumerate(ids):
                row = await lock_id(Payment, payment_id)
                await change(row, {"status": "SUCCEEDED", "succeeded_at": PAID_AT + timedelta(seconds=step)})
                if payment_id != ids[0]:
                    told = {"payment_id": payment_id, "customer_id": row.customer_id, "seller_id": row.seller_id}
                    await create(Refund(**told, amount=100, currency="USD", status="SUCCEEDED"))

        await settle(stripe, work)

    await asyncio.gather(*(business(place) for place in range(24)))
    for seller in sellers:
        for kind, count in (("RECEIPT", 24), ("CREDIT_NOTE", 16)):
            found = await Receipt.filter(seller_id=seller.id, kind=kind).order_by("sequence")
            assert [row.sequence for row in found] == list(range(1, count + 1))


async def test_what_is_undone_takes_no_number(stripe: StripeGateway) -> None:
    one, other = await pending(2)
    await undo(stripe, one)
    assert (await Receipt.all().count(), await ReceiptCounter.all().count()) == (0, 0)
    await pay(stripe, other)
    await undo(stripe, one)
    await pay(stripe, one)
    assert await numbers() == ["ACME-2026-000001", "ACME-2026-000002"]
    assert [row.cause_id for row in await Receipt.all().order_by("sequence")] == [other, one]


async def test_many_in_one_transaction_are_numbered_in_the_order_in_which_they_were_paid(stripe: StripeGateway) -> None:
    ids = await pending(3)

    async def work(_: Known) -> None:
        for age, payment_id in enumerate(ids):
            await change(await lock_id(Payment, payment_id), {"status": "SUCCEEDED", "succeeded_at": PAID_AT - timedelta(minutes=age)})

    await settle(stripe, work)
    rows = await Receipt.all().order_by("sequence")
    assert [(row.cause_id, row.sequence, row.number) for row in rows] == [
        (payment_id, place, f"ACME-2026-{place:06d}") for place, payment_id in enumerate(reversed(ids), 1)
    ]
    (counter,) = await ReceiptCounter.all()
    assert (counter.series, counter.kind, counter.year, counter.highest) == ("house", "RECEIPT", 2026, 3)


async def test_a_refund_that_succeeds_has_a_credit_note_of_the_same_series_and_only_one(stripe: StripeGateway) -> None:
    seller = await Seller.create(external_id="carol", name="Carol", receipt_prefix="CAROL-")
    (payment_id,) = await pending(1, seller)
    await pay(stripe, payment_id)
    waiting = await give_back(stripe, payment_id, 100, "PENDING")
    assert await numbers("CREDIT_NOTE") == []
    done = await give_back(stripe, payment_id, 200)
    assert await numbers("CREDIT_NOTE") == ["CAROL-CN-2026-000001"]

    async def succeed(_: Known) -> None:
        await change(await lock_id(Refund, waiting), {"status": "SUCCEEDED"})

    async def fail(_: Known) -> None:
        await change(await lock_id(Refund, waiting), {"status": "FAILED"})

    for work in (succeed, fail, succeed):
        await settle(stripe, work)
    rows = await Receipt.filter(kind="CREDIT_NOTE").order_by("sequence")
    assert [(row.number, row.refund_id, row.payment_id, row.series) for row in rows] == [
        ("CAROL-CN-2026-000001", done, payment_id, seller.id),
        ("CAROL-CN-2026-000002", waiting, payment_id, seller.id),
    ]
    assert await numbers() == ["CAROL-2026-000001"]


async def test_a_refund_heard_of_before_its_payment_gets_its_credit_note_with_the_receipt(stripe: StripeGateway) -> None:
    (payment_id,) = await pending(1)
    await give_back(stripe, payment_id, 100)
    assert await Receipt.all().count() == 0
    await pay(stripe, payment_id)
    assert (await numbers(), await numbers("CREDIT_NOTE")) == (["ACME-2026-000001"], ["ACME-CN-2026-000001"])


async def test_the_year_changes_at_midnight_of_the_zone(stripe: StripeGateway, moment: list[datetime]) -> None:
    """In Tokyo it is nine hours later."""
    ids = await pending(4)
    for payment_id, said in zip(
        ids,
        (
            datetime(2026, 12, 31, 14, 59, 59, 999999, tzinfo=UTC),
            datetime(2026, 12, 31, 15, 0, tzinfo=UTC),
            datetime(2027, 1, 1, 0, 0, tzinfo=UTC),
            datetime(2027, 12, 31, 15, 0, tzinfo=UTC),
        ),
        strict=True,
    ):
        moment[0] = said
        await pay(stripe, payment_id)
    assert await numbers() == ["ACME-2026-000001", "ACME-2027-000001", "ACME-2027-000002", "ACME-2028-000001"]


async def test_a_new_prefix_changes_no_number_that_was_given(stripe: StripeGateway) -> None:
    one, other = await pending(2)
    await pay(stripe, one)
    stripe.settings = SETTINGS.model_copy(update={"receipt_prefix": "NEW-"})
    await pay(stripe, one)
    await pay(stripe, other)
    assert await numbers() == ["ACME-2026-000001", "NEW-2026-000002"]


async def test_what_was_paid_before_there_were_receipts_gets_one_when_asked(stripe: StripeGateway) -> None:
    paid, open_one = await pending(2)
    await Payment.filter(id=paid).update(status="SUCCEEDED")
    for payment_id in (paid, paid, open_one, "pay_none"):
        await issuing.issue_missing(SETTINGS, payment_id)
    assert [(row.cause_id, row.number) for row in await Receipt.all()] == [(paid, "ACME-2026-000001")]
