"""Rules of promotion codes, and of the sellers whose sales they make."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from models import AuditEntry, Seller
from sandbox.errors import Refusal as SandboxRefusal
from services.errors import PromotionCodeInvalid
from services.promotion_codes import PromotionTerms, create_promotion_code, deactivate_promotion_code
from services.sellers import SellerTerms, save_seller
from tests.books.buying import COURSE_COSTS, KIT_COSTS, MONTH, MONTHLY, Buying
from tests.books.machine import CARDS, HOST, cards, people, small, step
from tests.books.model import CAROL, COURSE, DAN, HOURS, KIT, PRO, SOLD_BY, Code, Held, Paid
from tests.services.shop import SUPPORT

COSTS = {COURSE: COURSE_COSTS, KIT: KIT_COSTS, HOURS: {"USD": 1_000}}
bought = st.sampled_from(((COURSE, "USD"), (COURSE, "JPY"), (KIT, "USD"), (KIT, "JPY"), (HOURS, "USD")))


class Selling(Buying):
    @rule(
        worth=st.sampled_from((5.0, 12.5, 33.33, 50.0, 100.0)),
        by_percent=st.booleans(),
        months=st.sampled_from((1, 2, None)),
        limit=st.sampled_from((None, None, 1, 2)),
        plan=st.sampled_from((None, None, COURSE, PRO, KIT)),
        seller=st.sampled_from((None, CAROL, DAN, DAN)),
        ends=st.sampled_from((None, None, 40)),
    )
    @step
    async def make_a_code(
        self, worth: float, by_percent: bool, months: int | None, limit: int | None, plan: str | None, seller: str | None, ends: int | None
    ) -> None:
        percent, amount = (worth, None) if by_percent else (None, 4 * int(worth))
        await self._make(Code(self._text(), percent, amount, months, limit, plan, seller, self.now + ends * 86_400 if ends else None))

    def _text(self) -> str:
        return f"Code-{self.number}-{self.chaos.randrange(10**9)}"

    async def _make(self, code: Code) -> Code:
        terms = PromotionTerms(
            code.text,
            percent_off=code.percent,
            amount_off=code.amount,
            currency=None if code.amount is None else "USD",
            duration_in_months=code.months if code.months and code.months > 1 else None,
            forever=code.months is None,
            max_redemptions=code.limit,
            expires_at=datetime.fromtimestamp(code.ends, UTC) if code.ends else None,
            plan_codes=(code.plan,) if code.plan else None,
            seller_id=self.world.sellers.get(code.seller or ""),
        )
        key = self.key()
        (made,) = {(await create_promotion_code(self.billing, SUPPORT, terms, key)).object_id for _ in range(2)}
        self.books.codes[made] = code
        return code

    @rule(who=people, times=st.integers(1, 2), seller=st.sampled_from((CAROL, DAN)), on_page=st.booleans())
    @step
    async def use_a_code_up(self, who: str, times: int, seller: str, on_page: bool) -> None:
        code = await self._make(Code(self._text(), percent=12.5, limit=times, seller=seller))
        for _ in range(times):
            await self._buy(code, (HOURS, "USD"), who, 1, on_page)
            await self.settle()
        assert await self._discounted(code, who, on_page, plan_code=HOURS, currency="USD") is None

    @precondition(lambda self: self.books.codes)
    @rule(which=small, what=bought, who=people, quantity=st.integers(1, 3), on_page=st.booleans(), card=cards)
    @step
    async def buy_with_a_code(self, which: int, what: tuple[str, str], who: str, quantity: int, on_page: bool, card: str) -> None:
        await self._buy(self._code(which), what, who, quantity, on_page, card)

    async def _buy(self, code: Code, what: tuple[str, str], who: str, quantity: int, on_page: bool, card: str = CARDS[0]) -> None:
        plan, currency = what
        amount = code.left_of(COSTS[plan][currency] * quantity)
        if 0 < amount < 50 or (plan == COURSE and self.books.holds(who)):
            return
        session = await self._discounted(code, who, on_page, plan_code=plan, currency=currency, quantity=quantity)
        if session is not None:
            intent = await self.pay(session, who, card)
            self.books.came_in(intent, Paid(who, plan, amount, quantity, SOLD_BY.get(plan, code.seller)))
            code.used += 1

    @precondition(lambda self: self.books.codes)
    @rule(which=small, who=people, on_page=st.booleans(), months=st.integers(0, 3))
    @step
    async def subscribe_with_a_code(self, which: int, who: str, on_page: bool, months: int) -> None:
        code = self._code(which)
        if self.books.running(who) or code.left_of(1_900) < 50:
            return
        session = await self._discounted(code, who, on_page, **MONTHLY)
        if session is None:
            return
        await self.pay(session, who)
        code.used += 1
        await self.began(await self.subscription_of(session), Held(who, code))
        for _ in range(months):
            await self.settle()
            await self.engine.advance(MONTH)
            for name in self.books.running():
                await self._renewed(name)

    def _code(self, which: int) -> Code:
        codes = list(self.books.codes.values())
        return codes[which % len(codes)]

    async def _discounted(self, code: Code, who: str, on_page: bool, **choice: Any) -> str | None:
        """A page with the code, given or entered there; None where it is refused, as it must be."""
        fits = code.fits(choice["plan_code"], choice["currency"], self.now)
        if not on_page:
            if fits:
                return await self.session(who, promotion_code=code.text.upper(), **choice)
            with pytest.raises(PromotionCodeInvalid):
                await self.session(who, promotion_code=code.text, **choice)
            return None
        session = await self.session(who, allow_promotion_codes=True, metadata={"try": self.key()}, **choice)
        if fits:
            await self.engine.apply_promotion_code(session, code.text.lower())
            return session
        with pytest.raises(SandboxRefusal):
            await self.engine.apply_promotion_code(session, code.text)
        await self.engine.expire_checkout(session)
        return None

    @precondition(lambda self: self.books.codes)
    @rule(which=small)
    @step
    async def close_a_code(self, which: int) -> None:
        name = list(self.books.codes)[which % len(self.books.codes)]
        await deactivate_promotion_code(self.billing, SUPPORT, name, self.key())
        self.books.codes[name].closed = True

    @rule(who=st.sampled_from((CAROL, DAN)))
    @step
    async def rename_a_seller(self, who: str) -> None:
        name, key = f"{who} {self.number}", self.key()
        told = AuditEntry.filter(action="seller.save", object_id=self.world.sellers[who])
        before = await told.count()
        for _ in range(2):
            assert (await save_seller(HOST, SellerTerms(who, name), key)).object_id == self.world.sellers[who]
        assert ((await Seller.get(external_id=who)).name, await told.count()) == (name, before + 1)
