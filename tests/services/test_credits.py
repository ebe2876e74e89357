"""Credits: never overdrawn, never lost, taken back with the money, expired in time."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any

import pytest
from graphql import GRAPHQL_MAX_INT
from tortoise.exceptions import DBConnectionError

from models import AuditEntry, CreditEntry, CreditLot, Customer, IdempotencyKey, Payment, Refund
from services.audit import Caller
from services.authentication import Role, Viewer
from services.billing import Billing
from services.catalogue import save_plan
from services.credit_ledger import MAX_CREDITS
from services.credits import Booking, expire_due, grant_credits, use_credits
from services.errors import IdempotencyKeyInUse, IdempotencyKeyReused, InsufficientCredits, InvalidInput, NotFound
from services.idempotency import Done
from services.mirror import write
from services.refunds import create_refund
from services.snapshot import Snapshot
from tests.mirror.objects import START, dispute
from tests.services.between import Between
from tests.services.shop import COURSE, SUPPORT, paid, refund

HOST = Caller(Viewer("backend", None, frozenset({Role.CUSTOMER, Role.SERVICE})), "request-9")


def booking(amount: int, who: str = "alice", why: str = "export") -> Booking:
    return Booking(who, amount, why)


async def balance(who: str = "alice") -> int:
    """The balance, after all that must hold of the books was checked."""
    customer = await Customer.get(external_id=who)
    entries = await CreditEntry.filter(customer_id=customer.id).order_by("id")
    assert [entry.balance_after for entry in entries] == list(accumulate(entry.amount for entry in entries))
    assert customer.credit_balance == (entries[-1].balance_after if entries else 0)
    remaining = sum(lot.remaining for lot in await CreditLot.filter(customer_id=customer.id))
    assert remaining == max(0, customer.credit_balance)
    return int(customer.credit_balance)


async def kinds() -> list[tuple[str, int]]:
    return [(entry.kind, entry.amount) for entry in await CreditEntry.all().order_by("id")]


async def test_a_grant_and_a_use(database: str) -> None:
    given = await grant_credits(HOST, booking(10, why="Welcome"), "one")
    used = await use_credits(HOST, booking(4), "two")
    assert await balance() == 6
    first, second = await CreditEntry.get(id=given.object_id), await CreditEntry.get(id=used.object_id)
    assert (first.kind, first.amount, first.balance_after, first.description) == ("GRANT", 10, 10, "Welcome")
    assert (second.kind, second.amount, second.balance_after, second.description) == ("USE", -4, 6, "export")
    told = await AuditEntry.filter(action="credit_entry.create").order_by("id")
    assert [(entry.actor, entry.object_id, entry.changes["amount"], entry.request_id) for entry in told] == [
        ("SERVICE:backend", first.id, [None, 10], "request-9"),
        ("SERVICE:backend", second.id, [None, -4], "request-9"),
    ]


async def test_one_key_is_one_use(database: str) -> None:
    await grant_credits(HOST, booking(10), "one")
    done = [await use_credits(HOST, booking(4), "two") for _ in range(3)]
    assert (len({one.object_id for one in done}), await balance()) == (1, 6)
    with pytest.raises(IdempotencyKeyReused):
        await use_credits(HOST, booking(5), "two")
    assert await balance() == 6


@pytest.mark.parametrize("amount", [11, 10**9])
async def test_all_or_nothing(database: str, amount: int) -> None:
    await grant_credits(HOST, booking(10), "one")
    for _ in range(2):
        with pytest.raises(InsufficientCredits) as refused:
            await use_credits(HOST, booking(amount), "two")
        assert refused.value.field == ("amount",)
    assert (await balance(), await kinds()) == (10, [("GRANT", 10)])


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (booking(0), "amount"),
        (booking(-1), "amount"),
        (booking(MAX_CREDITS + 1), "amount"),
        (booking(1, who=""), "customerExternalId"),
        (booking(1, who="a" * 256), "customerExternalId"),
        (booking(1, why=""), "description"),
        (booking(1, why="a\0"), "description"),
    ],
)
async def test_what_cannot_be_booked(database: str, wrong: Booking, field: str) -> None:
    for work in (grant_credits, use_credits):
        with pytest.raises(InvalidInput) as refused:
            await work(HOST, wrong, "key")
        assert refused.value.field == (field,)
    assert [await model.all().count() for model in (Customer, CreditEntry, AuditEntry, IdempotencyKey)] == [0, 0, 0, 0]


async def test_a_stranger_has_nothing_to_use(database: str) -> None:
    with pytest.raises(NotFound):
        await use_credits(HOST, booking(1, who="nobody"), "key")
    assert await Customer.all().count() == 0


async def test_a_balance_has_a_bound(database: str) -> None:
    await grant_credits(HOST, booking(MAX_CREDITS), "one")
    with pytest.raises(InvalidInput):
        await grant_credits(HOST, booking(1), "two")
    assert await balance() == MAX_CREDITS


def test_every_number_of_credits_is_an_int_of_graphql() -> None:
    assert MAX_CREDITS == GRAPHQL_MAX_INT


async def test_a_purchase_fills_a_balance_up_to_the_bound(shop: Billing) -> None:
    await grant_credits(HOST, booking(MAX_CREDITS - 3), "one")
    first = await paid(shop)
    assert (await balance(), (await CreditLot.get(payment_id=first.id)).granted) == (MAX_CREDITS, 3)
    await save_plan(shop, replace(COURSE, repeatable=True))
    second = await paid(shop)
    assert (await balance(), await CreditLot.filter(payment_id=second.id).exists()) == (MAX_CREDITS, False)
    await create_refund(shop, SUPPORT, refund(second), "second")
    assert await balance() == MAX_CREDITS
    await create_refund(shop, SUPPORT, refund(first), "first")
    assert (await balance(), await kinds()) == (MAX_CREDITS - 3, [("GRANT", MAX_CREDITS - 3), ("PURCHASE", 3), ("REFUND", -3)])


async def test_a_debt_has_a_bound(shop: Billing) -> None:
    await save_plan(shop, replace(COURSE, credits=MAX_CREDITS, repeatable=True))
    bought = []
    for number in range(2):
        bought.append(await paid(shop))
        await use_credits(HOST, booking(MAX_CREDITS), f"use-{number}")
    for payment in bought:
        await create_refund(shop, SUPPORT, refund(payment), payment.id)
    assert await balance() == -MAX_CREDITS
    await grant_credits(HOST, booking(MAX_CREDITS), "grant")
    assert await balance() == 0


async def test_nobody_buys_more_credits_than_can_be_held(shop: Billing) -> None:
    with pytest.raises(InvalidInput) as refused:
        await save_plan(shop, replace(COURSE, credits=MAX_CREDITS + 1))
    assert refused.value.field == ("credits",)
    await save_plan(shop, replace(COURSE, credits=MAX_CREDITS))
    with pytest.raises(InvalidInput) as refused:
        await paid(shop, quantity=2)
    assert (refused.value.field, await Payment.all().count()) == (("quantity",), 0)


@pytest.mark.parametrize(
    ("amount", "currency", "refunded", "left", "again"),
    [
        (49_900, "usd", 0, 0, 20),
        (9_980, "usd", 0, 16, 20),
        (9_980, "eur", 0, 0, 20),
        (9_980, "usd", 9_980, 12, 16),
        (49_900, "usd", 9_980, 0, 16),
    ],
)
async def test_a_lost_dispute_takes_back_what_it_took(
    shop: Billing, amount: int, currency: str, refunded: int, left: int, again: int
) -> None:
    await save_plan(shop, replace(COURSE, credits=20))
    payment = await paid(shop)
    if refunded:
        await create_refund(shop, SUPPORT, refund(payment, refunded), "refund")
    told = {"amount": amount, "currency": currency, "charge": payment.stripe_charge_id, "payment_intent": payment.stripe_payment_intent_id}
    for number, (status, expected) in enumerate((("needs_response", again), ("lost", left), ("lost", left), ("won", again))):
        await write(shop, Snapshot(dispute(status=status, **told), START + 10**9 + number))
        assert (status, await balance()) == (status, expected)


ASK_AGAIN = {DBConnectionError, IdempotencyKeyInUse}
"""What a slow machine answers: no connection was had in time, the second time after the work was done and before its key was closed."""


async def test_a_thousand_uses_at_once_never_overdraw(database: str) -> None:
    await grant_credits(HOST, booking(700), "grant")
    answers: dict[str, Any] = dict.fromkeys(f"key-{n}" for n in range(1000))
    while again := [key for key, answer in answers.items() if not isinstance(answer, Done | InsufficientCredits)]:
        answered = await asyncio.gather(*(use_credits(HOST, booking(1), key) for key in again), return_exceptions=True)
        found = {type(answer) for answer in answered}
        assert found <= {Done, InsufficientCredits, *ASK_AGAIN}
        if found & ASK_AGAIN:
            await asyncio.sleep(1)
        answers |= dict(zip(again, answered, strict=True))
    assert sum(isinstance(answer, Done) for answer in answers.values()) == 700
    assert (await balance(), await CreditEntry.filter(kind="USE").count()) == (0, 700)


async def test_fifty_uses_at_once_with_one_key_are_one(database: str) -> None:
    await grant_credits(HOST, booking(100), "grant")
    answers = await asyncio.gather(*(use_credits(HOST, booking(3), "key") for _ in range(50)), return_exceptions=True)
    assert {type(answer) for answer in answers} <= {Done, IdempotencyKeyInUse}
    assert await balance() == 97


async def test_a_purchase_grants_and_a_refund_takes_back_pro_rata(shop: Billing) -> None:
    payment = await paid(shop, quantity=3)
    assert (await balance(), payment.amount) == (21, 149_700)
    await create_refund(shop, SUPPORT, refund(payment, 49_900), "one")
    assert await balance() == 14
    await create_refund(shop, SUPPORT, refund(payment, 1), "two")
    assert await balance() == 14  # rounded down
    await use_credits(HOST, booking(10), "use")
    await create_refund(shop, SUPPORT, refund(payment), "three")
    assert await balance() == -10
    with pytest.raises(InsufficientCredits):
        await use_credits(HOST, booking(1), "again")
    await grant_credits(HOST, booking(12), "grant")
    assert await balance() == 2
    assert await kinds() == [("PURCHASE", 21), ("REFUND", -7), ("USE", -10), ("REFUND", -14), ("GRANT", 12)]


async def test_a_refund_that_fails_gives_the_credits_again(shop: Billing, stripe: Between) -> None:
    payment = await paid(shop, method="pm_card_refundFail")
    await create_refund(shop, SUPPORT, refund(payment), "one")
    assert await balance() == 0
    await stripe.sandbox.advance(60)
    read = await shop.stripe.retrieve("refund", str((await Refund.get()).stripe_refund_id))
    assert read is not None
    await write(shop, read)
    assert ((await Refund.get()).status, (await Payment.get()).status) == ("FAILED", "SUCCEEDED")
    assert (await balance(), await kinds()) == (7, [("PURCHASE", 7), ("REFUND", -7), ("REFUND", 7)])


async def test_credits_expire_and_the_first_to_expire_are_used_first(shop: Billing) -> None:
    await save_plan(shop, replace(COURSE, credits=10, credit_days=30))
    await paid(shop)
    await grant_credits(HOST, booking(5), "grant")
    await use_credits(HOST, booking(4), "use")
    lots = {lot.granted: lot for lot in await CreditLot.all()}
    assert (lots[10].remaining, lots[5].remaining) == (6, 5)
    assert timedelta(days=29) < lots[10].expires_at - datetime.now(UTC) < timedelta(days=31)
    assert await expire_due(10) == 0
    await CreditLot.filter(id=lots[10].id).update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    with pytest.raises(InsufficientCredits):
        await use_credits(HOST, booking(6), "too much")
    assert await balance() == 11  # what was refused changes nothing, not even what has expired
    await use_credits(HOST, booking(5), "all")
    assert (await balance(), (await kinds())[-2:]) == (0, [("EXPIRY", -6), ("USE", -5)])
    assert await expire_due(10) == 0


async def test_the_worker_books_what_has_expired(shop: Billing) -> None:
    await save_plan(shop, replace(COURSE, credits=10, credit_days=30))
    payment = await paid(shop)
    await use_credits(HOST, booking(4), "use")
    await CreditLot.all().update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert (await expire_due(10), await expire_due(10), await balance()) == (1, 0, 0)
    await create_refund(shop, SUPPORT, refund(payment), "refund")
    assert await balance() == -4  # what has expired is not taken back
    entry = await CreditEntry.get(kind="EXPIRY")
    assert (await AuditEntry.get(object_id=entry.id)).actor == "billgraph"
