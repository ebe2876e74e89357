"""Rules of what banks ask for, and how they decide."""

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from sandbox.disputing import ESCALATING
from services.errors import PaymentNotRefundable
from tests.books.machine import small, step
from tests.books.refunding import Refunding


class Disputing(Refunding):
    async def _disputed(self, which: int, *, inquiry: bool = False) -> tuple[str, str] | None:
        """A payment that a bank asks about, and the dispute; None where each has been asked about."""
        charges = {one["payment_intent"]: one for one in await self.world.stage.objects("charge") if one["status"] == "succeeded"}
        intent = self.one_of(which, [name for name in self.refundable() if not charges[name]["disputed"]])
        if intent is None:
            return None
        return intent, (await self.engine.open_dispute(charges[intent]["id"], inquiry=inquiry))["id"]

    async def _contest(self, intent: str, dispute: str) -> None:
        self.open_disputes[intent] = dispute
        self.books.dispute(intent, contested=True)
        await self.compare()
        with pytest.raises(PaymentNotRefundable):
            await self.refund(intent, None, self.key())

    async def _decide_dispute(self, intent: str, *, won: bool) -> None:
        await self.engine.close_dispute(self.open_disputes.pop(intent), won=won)
        self.books.dispute(intent, contested=False, lost=not won)

    @precondition(lambda self: self.books.payments)
    @rule(which=small, ends=st.sampled_from((None, "won", "lost", "lost")))
    @step
    async def a_bank_takes_money_back(self, which: int, ends: str | None) -> None:
        made = await self._disputed(which)
        if made is not None:
            await self._contest(*made)
        if made is not None and ends is not None:
            await self._decide_dispute(made[0], won=ends == "won")

    @precondition(lambda self: self.books.payments)
    @rule(which=small, won=st.booleans())
    @step
    async def a_bank_decides(self, which: int, won: bool) -> None:
        intent = self.one_of(which, list(self.open_disputes))
        if intent is not None:
            await self._decide_dispute(intent, won=won)

    @precondition(lambda self: self.books.payments)
    @rule(which=small)
    @step
    async def a_bank_inquires(self, which: int) -> None:
        made = await self._disputed(which, inquiry=True)
        if made is not None:
            self.inquiries[made[0]] = made[1]

    @precondition(lambda self: self.books.payments)
    @rule(which=small, closed=st.booleans())
    @step
    async def an_inquiry_ends(self, which: int, closed: bool) -> None:
        intent = self.one_of(which, list(self.inquiries))
        if intent is None:
            return
        dispute = self.inquiries.pop(intent)
        if closed:
            await self.engine.close_dispute(dispute, won=False)
            return
        handed_in: Any = {"evidence": {"uncategorized_text": ESCALATING}, "submit": True}
        await self.billing.stripe.call("act", lambda client: client.v1.disputes.update_async(dispute, handed_in))
        await self._contest(intent, dispute)
