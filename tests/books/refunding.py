"""Rules of money that goes back: by support, from the dashboard, as a customer asks, by several at once."""

import asyncio
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from services.errors import (
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    InvalidInput,
    PaymentNotRefundable,
    RefundExceedsPayment,
    RefundRequestClosed,
    StripeRejected,
)
from services.idempotency import Done
from services.refund_requests import Asked, approve_refund_request, reject_refund_request, request_refund, withdraw_refund_request
from services.refunds import RefundRequest, create_refund
from tests.books.machine import Machine, caller, small, step
from tests.books.model import Asking
from tests.services.shop import SUPPORT

DECIDED = {"approve": "APPROVED", "reject": "REJECTED", "withdraw": "WITHDRAWN"}
decisions = st.sampled_from(tuple(DECIDED))


STEP = 10
"""What parts are multiples of: no currency here is charged finer in every place."""


def part_of(kept: int, share: int) -> int:
    """A part that can be given back in any currency."""
    return min(kept, max(STEP, kept // share // STEP * STEP)) if share > 1 else kept


def more_than_half(kept: int) -> int:
    """A part of which there are no two."""
    return min(kept, kept // 2 // STEP * STEP + STEP)


class Refunding(Machine):
    def refundable(self) -> list[str]:
        """Payments of which something can go back."""
        return [intent for intent, paid in self.books.payments.items() if paid.kept and not paid.contested and not paid.lost]

    def one_of(self, which: int, found: list[str] | None = None) -> str | None:
        """One of these, or of the refundable payments; None where there is none."""
        names = self.refundable() if found is None else found
        return names[which % len(names)] if names else None

    async def refund(self, intent: str, amount: int | None, key: str) -> Done[None]:
        return await create_refund(self.billing, SUPPORT, RefundRequest((await self.payment(intent)).id, amount), key)

    async def in_dashboard(self, intent: str, amount: int) -> None:
        part: Any = {"payment_intent": intent, "amount": amount}
        await self.billing.stripe.call("act", lambda client: client.v1.refunds.create_async(part))
        self.books.went_back(intent, amount)

    @precondition(lambda self: self.books.payments)
    @rule(which=small, share=st.integers(1, 4), dashboard=st.booleans())
    @step
    async def give_back(self, which: int, share: int, dashboard: bool) -> None:
        intent = self.one_of(which)
        if intent is None:
            return
        amount = part_of(self.books.payments[intent].kept, share)
        if dashboard:
            await self.in_dashboard(intent, amount)
        else:
            await self.refund(intent, amount, self.key())
            self.books.went_back(intent, amount)

    @precondition(lambda self: self.books.payments)
    @rule(which=small)
    @step
    async def give_back_equal_parts_and_the_rest(self, which: int) -> None:
        intent = self.one_of(which)
        if intent is None:
            return
        kept = self.books.payments[intent].kept
        part = kept // 3 // STEP * STEP
        for amount in (part, part, None) if part else (None,):
            await self.refund(intent, amount, self.key())
        self.books.went_back(intent, kept)
        with pytest.raises(PaymentNotRefundable):
            await self.refund(intent, None, self.key())

    @precondition(lambda self: self.books.payments)
    @rule(which=small, same_key=st.booleans())
    @step
    async def several_at_once_give_back_more_than_half(self, which: int, same_key: bool) -> None:
        intent = self.one_of(which)
        if intent is None:
            return
        kept = self.books.payments[intent].kept
        amount, key = more_than_half(kept), self.key()
        work = (self.refund(intent, amount, key if same_key else self.key()) for _ in range(3))
        answers = await asyncio.gather(*work, return_exceptions=True)
        refused = (Done, IdempotencyKeyInUse) if same_key else (Done, RefundExceedsPayment, PaymentNotRefundable)
        assert {type(answer) for answer in answers} <= set(refused), answers
        assert len({answer.object_id for answer in answers if isinstance(answer, Done)}) == 1
        self.books.went_back(intent, amount)

    @precondition(lambda self: self.books.payments)
    @rule(which=small)
    @step
    async def give_back_too_much(self, which: int) -> None:
        intent, key = self.one_of(which), self.key()
        if intent is None:
            return
        kept = self.books.payments[intent].kept
        for _ in range(2):
            with pytest.raises(RefundExceedsPayment):
                await self.refund(intent, kept + 1, key)
        with pytest.raises(IdempotencyKeyReused):
            await self.refund(intent, kept, key)

    @precondition(lambda self: self.books.payments)
    @rule(which=small)
    @step
    async def give_back_what_went_back_unheard(self, which: int) -> None:
        intent = self.one_of(which)
        if intent is None:
            return
        await self.in_dashboard(intent, self.books.payments[intent].kept)
        with pytest.raises(StripeRejected):
            await self.refund(intent, None, self.key())

    @precondition(lambda self: self.books.payments)
    @rule(which=small)
    @step
    async def call_a_pending_refund_off(self, which: int) -> None:
        pending = [one["id"] for one in await self.world.stage.objects("refund") if one["status"] == "pending"]
        if pending:
            name = pending[which % len(pending)]
            await self.billing.stripe.call("act", lambda client: client.v1.refunds.cancel_async(name))

    # ---- as customers ask ----

    async def _ask(self, intent: str, amount: int | None) -> str:
        row = await self.payment(intent)
        who = self.books.payments[intent].who
        done = await request_refund(caller(who), Asked(row.id, "Because", amount), self.key())
        self.books.requests[done.object_id] = Asking(intent, amount)
        with pytest.raises(InvalidInput):
            await request_refund(caller(who), Asked(row.id, "Once more"), None)
        return done.object_id

    async def _decide(self, request: str, decision: str, key: str) -> Done[None]:
        match decision:
            case "approve":
                return await approve_refund_request(self.billing, SUPPORT, request, None, key)
            case "reject":
                return await reject_refund_request(self.billing, SUPPORT, request, "No", key)
            case _:
                return await withdraw_refund_request(caller(self.books.payments[self.books.requests[request].intent].who), request, key)

    def _decided(self, request: str, decision: str) -> None:
        asking = self.books.requests[request]
        asking.status = DECIDED[decision]
        if decision == "approve":
            self.books.went_back(asking.intent, asking.amount or self.books.payments[asking.intent].kept)

    def pending(self) -> list[str]:
        return [name for name, asking in self.books.requests.items() if asking.status == "PENDING"]

    def unasked(self) -> list[str]:
        asked = {self.books.requests[name].intent for name in self.pending()}
        return [intent for intent in self.refundable() if intent not in asked]

    @precondition(lambda self: self.books.payments)
    @rule(which=small, part=st.booleans())
    @step
    async def ask_for_money_back(self, which: int, part: bool) -> None:
        intent = self.one_of(which, self.unasked())
        if intent is None:
            return
        await self._ask(intent, part_of(self.books.payments[intent].kept, 2) if part else None)

    @precondition(lambda self: self.books.payments)
    @rule(which=small, left=st.booleans(), part=st.booleans(), decision=decisions)
    @step
    async def give_back_while_a_request_is_open(self, which: int, left: bool, part: bool, decision: str) -> None:
        intent = self.one_of(which, self.unasked())
        if intent is None:
            return
        kept = self.books.payments[intent].kept
        request = await self._ask(intent, more_than_half(kept) if part else None)
        await self.in_dashboard(intent, part_of(kept, 2) if left else kept)
        await self.settle()
        await self._decide_as_things_stand(request, decision)

    @precondition(lambda self: self.books.requests)
    @rule(which=small, decision=decisions)
    @step
    async def decide(self, which: int, decision: str) -> None:
        request = self.one_of(which, self.pending())
        if request is not None:
            await self._decide_as_things_stand(request, decision)

    async def _decide_as_things_stand(self, request: str, decision: str) -> None:
        asking, key = self.books.requests[request], self.key()
        paid = self.books.payments[asking.intent]
        if decision == "approve" and (paid.contested or not paid.kept or (asking.amount or 0) > paid.kept):
            with pytest.raises(RefundExceedsPayment if paid.kept and not paid.contested else PaymentNotRefundable):
                await self._decide(request, decision, key)
            return
        for _ in range(2):
            assert (await self._decide(request, decision, key)).object_id == request
        for other in DECIDED:
            with pytest.raises(RefundRequestClosed):
                await self._decide(request, other, self.key())
        self._decided(request, decision)

    @precondition(lambda self: self.books.payments)
    @rule(which=small, decision=decisions)
    @step
    async def several_decide_at_once(self, which: int, decision: str) -> None:
        intent = self.one_of(which, self.unasked())
        if intent is None:
            return
        request = await self._ask(intent, None)
        answers = await asyncio.gather(*(self._decide(request, decision, self.key()) for _ in range(4)), return_exceptions=True)
        assert sorted(type(answer).__name__ for answer in answers) == ["Done", *["RefundRequestClosed"] * 3], answers
        self._decided(request, decision)
