"""Rules of issued invoices: paid whole or in parts, by several pages at once, void, and paid all the same."""

import asyncio

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from models import CheckoutSession, Payment
from sandbox.errors import Refusal as SandboxRefusal
from services.errors import AmountExceedsBalance, InvoiceNotPayable
from services.invoices import InvoiceTerms, LineTerms, create_invoice, void_invoice
from services.payment_intents import PaymentIntentRequest, create_payment_intent
from services.purchases import Choice
from tests.books.machine import CARDS, HOST, PEOPLE, caller, cards, people, small, step
from tests.books.model import CAROL, DAN, Owed, Paid
from tests.books.refunding import Refunding

LEAST = 50
"""Minor units that Stripe charges at least."""


amounts = st.lists(st.integers(100, 5_000), min_size=1, max_size=4)
currencies = st.sampled_from(("USD", "USD", "JPY", "KWD"))
sellers = st.sampled_from((None, CAROL, DAN))


class Invoicing(Refunding):
    @rule(who=people, lines=amounts, currency=currencies, seller=sellers)
    @step
    async def issue(self, who: str, lines: list[int], currency: str, seller: str | None) -> None:
        await self._issue(who, lines, currency, seller)

    async def _issue(self, who: str, lines: list[int], currency: str, seller: str | None) -> str:
        amounts = [10 * amount for amount in lines]
        told = tuple(LineTerms(f"Line {place}", amount) for place, amount in enumerate(amounts))
        terms, key = InvoiceTerms(who, currency, told, seller_id=self.world.sellers.get(seller or "")), self.key()
        (issued,) = {(await create_invoice(HOST, terms, key)).object_id for _ in range(2)}
        self.books.invoices[issued] = Owed(who, amounts, currency, seller)
        return issued

    async def one_payable(self, which: int) -> tuple[str, str, int]:
        """An invoice, issued now if nothing is due of any, who owes it, and how much."""
        payable = [name for name in self.books.invoices if self.books.due(name) >= LEAST]
        name = payable[which % len(payable)] if payable else await self._issue(PEOPLE[which % 3], [300, 200, 100], "USD", None)
        return name, self.books.invoices[name].who, self.books.due(name)

    def part_of(self, due: int, share: int) -> int:
        """A part that leaves nothing, or enough to be charged."""
        amount = due // share // 10 * 10
        return due if amount < LEAST or due - amount < LEAST else amount

    def came_in(self, name: str, intent: str, amount: int) -> None:
        owed = self.books.invoices[name]
        owed.payments.append(intent)
        self.books.came_in(intent, Paid(owed.who, None, amount, seller=owed.seller))

    @rule(which=small, share=st.integers(1, 4), card=cards, in_page=st.booleans())
    @step
    async def pay_a_part(self, which: int, share: int, card: str, in_page: bool) -> None:
        name, who, due = await self.one_payable(which)
        amount = self.part_of(due, share)
        await self.engine.advance(2)
        if in_page:
            asked = PaymentIntentRequest(Choice(invoice_id=name, amount=amount), {"try": self.key()})
            done = await create_payment_intent(self.billing, caller(who), asked)
            intent = str((await Payment.get(id=done.object_id)).stripe_payment_intent_id)
            await self.engine.pay_intent(intent, str(done.extra), self.form(card), "https://app.example/done")
        else:
            intent = await self.pay(await self.session(who, invoice_id=name, amount=amount), who, card)
        self.came_in(name, intent, amount)

    @rule(
        who=people, lines=st.lists(st.integers(100, 5_000), min_size=2, max_size=4), currency=currencies, seller=sellers, back=st.booleans()
    )
    @step
    async def pay_an_order_in_three_parts(self, who: str, lines: list[int], currency: str, seller: str | None, back: bool) -> None:
        name = await self._issue(who, lines, currency, seller)
        for share in (3, 2, 1):
            await self.engine.advance(2)
            amount = self.part_of(self.books.due(name), share)
            self.came_in(name, await self.pay(await self.session(who, invoice_id=name, amount=amount), who), amount)
            await self.compare()
        with pytest.raises(InvoiceNotPayable):
            await self.session(who, invoice_id=name)
        if back:
            first = self.books.invoices[name].payments[0]
            await self.refund(first, None, self.key())
            self.books.went_back(first, self.books.payments[first].kept)

    @rule(which=small)
    @step
    async def pay_too_much(self, which: int) -> None:
        name, who, due = await self.one_payable(which)
        with pytest.raises(AmountExceedsBalance):
            await self.session(who, invoice_id=name, amount=due + 10)

    @rule(which=small, at_once=st.booleans(), card=cards)
    @step
    async def two_parts_race_past_the_balance(self, which: int, at_once: bool, card: str) -> None:
        name, who, due = await self.one_payable(which)
        parts = [due, self.part_of(due, 2)]
        opened = [self.session(who, invoice_id=name, amount=part, metadata={"n": str(n)}) for n, part in enumerate(parts)]
        sessions = await asyncio.gather(*opened) if at_once else [await one for one in opened]
        for session, part in zip(sessions, parts, strict=True):
            await self.engine.advance(2)
            self.came_in(name, await self.pay(session, who, card), part)

    @rule(which=small)
    @step
    async def a_page_that_asks_for_more_than_is_due_is_closed(self, which: int) -> None:
        name, who, due = await self.one_payable(which)
        left_open = await self.session(who, invoice_id=name, metadata={"left": "open"})
        part = self.part_of(due, 2)
        await self.engine.advance(2)
        self.came_in(name, await self.pay(await self.session(who, invoice_id=name, amount=part), who), part)
        await self.settle()
        assert (await CheckoutSession.get(stripe_session_id=left_open)).status == "EXPIRED"
        with pytest.raises(SandboxRefusal):
            await self.pay(left_open, who)

    # ---- void ----

    def _holds_money(self, name: str) -> bool:
        return any(self.books.payments[intent].kept for intent in self.books.invoices[name].payments)

    @precondition(lambda self: self.books.invoices)
    @rule(which=small)
    @step
    async def void(self, which: int) -> None:
        name = list(self.books.invoices)[which % len(self.books.invoices)]
        owed = self.books.invoices[name]
        if owed.void or self._holds_money(name):
            with pytest.raises(InvoiceNotPayable):
                await void_invoice(HOST, name, None, self.key())
        else:
            await void_invoice(HOST, name, "Changed", self.key())
            owed.void = True

    @rule(who=people, lines=amounts, currency=currencies, paid=st.booleans(), card=st.sampled_from(CARDS[:3]))
    @step
    async def void_with_a_page_open(self, who: str, lines: list[int], currency: str, paid: bool, card: str) -> None:
        name = await self._issue(who, lines, currency, None)
        session = await self.session(who, invoice_id=name)
        answers = await asyncio.gather(*(void_invoice(HOST, name, None, self.key()) for _ in range(2)), return_exceptions=True)
        assert sorted(type(answer).__name__ for answer in answers) == ["Done", "InvoiceNotPayable"]
        self.books.invoices[name].void = True
        if paid:
            await self.engine.advance(2)
            self.came_in(name, await self.pay(session, who, card), 10 * sum(lines))
        else:
            await self.settle()
            with pytest.raises(SandboxRefusal):
                await self.pay(session, who)
