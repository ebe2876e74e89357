"""One key, one deed: whatever is called at once, cut off, refused or repeated."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models import AuditEntry, Customer, IdempotencyKey
from services.errors import (
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    InvalidInput,
    PaymentNotRefundable,
    Refusal,
    RefusalCode,
    StripeRejected,
    StripeUnavailable,
)
from services.idempotency import KEPT, LEASE, Call, Done, forget_old_keys, once


@dataclass
class Deed:
    """Makes a customer row in the first transaction; `ends` are what finishing raises, first to last, None for success."""

    ends: list[Exception | None] = field(default_factory=list)
    begun: int = 0
    finished: list[str] = field(default_factory=list)
    refusal: Refusal | None = None

    async def begin(self) -> str:
        self.begun += 1
        row = Customer(external_id=f"made-{self.begun}")
        await row.save(force_create=True)
        if self.refusal:
            raise self.refusal
        return str(row.id)

    async def finish(self, row_id: str) -> str:
        self.finished.append(row_id)
        await asyncio.sleep(0)
        end = self.ends.pop(0) if self.ends else None
        if end:
            raise end
        return "extra"

    async def call(self, key: str | None = "key", subject: str = "alice", mutation: str = "sell", **given: Any) -> Done[str]:
        return await once(Call(subject, mutation, key, given), self.begin, self.finish)


async def rows() -> tuple[int, int]:
    return await Customer.all().count(), await IdempotencyKey.all().count()


async def test_the_first_answer_is_given_again(database: str) -> None:
    deed = Deed()
    first = await deed.call(amount=1)
    assert first.extra == "extra"
    assert await deed.call(amount=1) == Done(first.object_id, None)
    assert (deed.begun, deed.finished, await rows()) == (1, [first.object_id], (1, 1))


async def test_without_a_key_each_call_is_new(database: str) -> None:
    deed = Deed()
    assert (await deed.call(key=None)).object_id != (await deed.call(key=None)).object_id
    assert await rows() == (2, 0)


async def test_keys_are_apart_by_actor_and_mutation(database: str) -> None:
    deed = Deed()
    made = [await deed.call(), await deed.call(subject="bob"), await deed.call(mutation="refund")]
    assert len({done.object_id for done in made}) == 3


async def test_another_input_is_refused_and_changes_nothing(database: str) -> None:
    deed = Deed()
    await deed.call(amount=1, nested={"a": 1, "b": [1]})
    with pytest.raises(IdempotencyKeyReused) as refused:
        await deed.call(amount=2, nested={"a": 1, "b": [1]})
    assert refused.value.field == ("idempotencyKey",)
    assert (deed.begun, await rows()) == (1, (1, 1))
    assert (await deed.call(nested={"b": [1], "a": 1}, amount=1)).extra is None


async def test_fifty_at_once_do_one_thing(database: str) -> None:
    deed = Deed()
    answers = await asyncio.gather(*(deed.call() for _ in range(50)), return_exceptions=True)
    kinds = Counter(type(answer) for answer in answers)
    assert kinds[Done] + kinds[IdempotencyKeyInUse] == 50
    assert kinds[Done] >= 1
    assert len({answer.object_id for answer in answers if isinstance(answer, Done)}) == 1
    assert (deed.begun, len(deed.finished), await rows()) == (1, 1, (1, 1))


async def test_a_running_call_has_its_key_to_itself_until_its_lease_runs_out(database: str) -> None:
    deed, cut_off = Deed(), asyncio.Event()

    async def hang(row_id: str) -> str:
        cut_off.set()
        await asyncio.sleep(3600)
        return row_id

    running = asyncio.create_task(once(Call("alice", "sell", "key", {}), deed.begin, hang))
    await cut_off.wait()
    with pytest.raises(IdempotencyKeyInUse):
        await deed.call()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    with pytest.raises(IdempotencyKeyInUse):
        await deed.call()
    row = await IdempotencyKey.get()
    assert row.locked_until - row.created_at == pytest.approx(LEASE, abs=timedelta(seconds=1))
    await IdempotencyKey.all().update(locked_until=datetime.now(UTC))
    assert await deed.call() == Done(row.object_id or "", "extra")
    assert (deed.begun, deed.finished, await rows()) == (1, [row.object_id], (1, 1))


async def test_a_retryable_refusal_leaves_the_key_open_for_the_same_row(database: str) -> None:
    deed = Deed(ends=[StripeUnavailable("down"), RuntimeError("bug"), None])
    with pytest.raises(StripeUnavailable):
        await deed.call()
    with pytest.raises(RuntimeError):
        await deed.call()
    done = await deed.call()
    assert (deed.begun, deed.finished, await rows()) == (1, [done.object_id] * 3, (1, 1))
    assert await deed.call() == Done(done.object_id, None)


async def test_a_final_refusal_is_the_answer_ever_after(database: str) -> None:
    deed = Deed(ends=[StripeRejected("no", "amount")])
    with pytest.raises(StripeRejected):
        await deed.call()
    with pytest.raises(Refusal) as again:
        await deed.call()
    refusal = again.value
    assert (refusal.code, refusal.message, refusal.field, refusal.retryable) == (RefusalCode.STRIPE_REJECTED, "no", ("amount",), False)
    assert (deed.begun, len(deed.finished)) == (1, 1)


async def test_what_is_refused_at_the_beginning_writes_nothing_but_the_answer(database: str) -> None:
    deed = Deed(refusal=PaymentNotRefundable("pending", "paymentId"))
    for _ in range(2):
        with pytest.raises(Refusal) as refused:
            await deed.call()
        assert (refused.value.code, refused.value.field) == (RefusalCode.PAYMENT_NOT_REFUNDABLE, ("paymentId",))
    assert (deed.begun, deed.finished, await rows(), await AuditEntry.all().count()) == (1, [], (0, 1), 0)


@pytest.mark.parametrize("key", ["", "k" * 256, "a\0b", "\ud800"])
async def test_bad_keys_are_refused(database: str, key: str) -> None:
    deed = Deed()
    with pytest.raises(InvalidInput) as refused:
        await deed.call(key=key)
    assert refused.value.field == ("idempotencyKey",)
    assert (deed.begun, await rows()) == (0, (0, 0))


async def test_old_answers_are_forgotten_and_unfinished_work_is_not(database: str) -> None:
    deed = Deed(ends=[None, None, StripeUnavailable("down")])
    await deed.call("young")
    await deed.call("old")
    with pytest.raises(StripeUnavailable):
        await deed.call("unfinished")
    await IdempotencyKey.filter(key__in=["old", "unfinished"]).update(created_at=datetime.now(UTC) - KEPT)
    assert (await forget_old_keys(), await forget_old_keys()) == (1, 0)
    assert sorted(row.key for row in await IdempotencyKey.all()) == ["unfinished", "young"]
