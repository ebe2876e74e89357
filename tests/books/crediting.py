"""Rules of credits: granted, used all or nothing, by several at once, and lost when their time has come."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from models import CreditLot, Customer, Payment
from services.credits import Booking, expire_due, grant_credits, use_credits
from services.errors import IdempotencyKeyInUse, InsufficientCredits
from services.idempotency import Done
from tests.books.machine import HOST, Machine, people, small, step


class Crediting(Machine):
    def holders(self) -> list[str]:
        return list(self.books.ledgers)

    def holder(self, which: int) -> str:
        return self.holders()[which % len(self.holders())]

    @rule(who=people, amount=st.integers(1, 50))
    @step
    async def grant(self, who: str, amount: int) -> None:
        key = self.key()
        for _ in range(2):
            await grant_credits(HOST, Booking(who, amount, "Gift"), key)
        self.books.book(who, amount)

    @precondition(lambda self: self.books.ledgers)
    @rule(which=small, share=st.integers(0, 4))
    @step
    async def use(self, which: int, share: int) -> None:
        who = self.holder(which)
        balance = self.books.balance(who)
        if share == 0 or balance < share:
            with pytest.raises(InsufficientCredits):
                await use_credits(HOST, Booking(who, max(balance, 0) + 1, "Use"), self.key())
            return
        before = await self._lots(who)
        await use_credits(HOST, Booking(who, balance // share, "Use"), self.key())
        self.books.book(who, -(balance // share))
        after = {lot.id: lot.remaining for lot in await self._lots(who)}
        for place, lot in enumerate(before):
            untouched = after[lot.id] == lot.remaining
            assert untouched or not any(after[earlier.id] for earlier in before[:place] if earlier.expires_at < lot.expires_at)

    @precondition(lambda self: self.books.ledgers)
    @rule(which=small, same_key=st.booleans())
    @step
    async def several_at_once_use_more_than_half(self, which: int, same_key: bool) -> None:
        rich = [who for who in self.holders() if self.books.balance(who) > 1]
        if not rich:
            return
        who, key = rich[which % len(rich)], self.key()
        amount = self.books.balance(who) // 2 + 1
        work = (use_credits(HOST, Booking(who, amount, "Use"), key if same_key else self.key()) for _ in range(4))
        answers = await asyncio.gather(*work, return_exceptions=True)
        refused = IdempotencyKeyInUse if same_key else InsufficientCredits
        assert {type(answer) for answer in answers} <= {Done, refused}, answers
        assert len({answer.object_id for answer in answers if isinstance(answer, Done)}) == 1
        self.books.book(who, -amount)

    @precondition(lambda self: self.books.ledgers)
    @rule(which=small, by=st.sampled_from(("worker", "use")))
    @step
    async def time_runs_out(self, which: int, by: str) -> None:
        who = self.holder(which)
        due = [lot for lot in await self._lots(who) if lot.payment_id and lot.expires_at.year < 9999 and lot.remaining]
        await CreditLot.filter(id__in=[lot.id for lot in due]).update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
        lost = sum(lot.remaining for lot in due)
        if by == "use" and self.books.balance(who) > lost:
            await use_credits(HOST, Booking(who, 1, "Use"), self.key())
            self.books.book(who, -1)
        else:
            assert await expire_due(100) == bool(due)
        for lot in due:
            payment = await Payment.get(id=lot.payment_id)
            self.books.expire(str(payment.stripe_payment_intent_id or payment.id), lot.remaining)

    async def _lots(self, who: str) -> list[CreditLot]:
        """In the order in which they expire."""
        customer = await Customer.get(external_id=who)
        return await CreditLot.filter(customer_id=customer.id).order_by("expires_at", "id")
