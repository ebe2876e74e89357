"""Rules of buying: once, twice, late, in parts of the world, by card and by bank debit, for once and for every month."""

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from models import BillingInterval, CheckoutSession, Payment
from sandbox.debits import SETTLES_AFTER, BankForm
from sandbox.errors import Refusal
from services import checkout
from services.errors import AlreadyEntitled, AlreadySubscribed, StripeUnavailable
from services.payment_intents import PaymentIntentRequest, create_payment_intent
from services.purchases import Choice
from tests.books.machine import Machine, caller, cards, people, small, step
from tests.books.model import CAROL, COURSE, CREDITS, HOURS, KIT, PRO, Held, Paid

MONTH = 31 * 86_400
COURSE_COSTS = {"USD": 49_900, "JPY": 78_000, "KWD": 9_990}
KIT_COSTS = {"USD": 5_000, "JPY": 7_500, "KWD": 1_540}
MONTHLY: dict[str, Any] = {"plan_code": PRO, "currency": "USD", "interval": BillingInterval.MONTH}

currencies = st.sampled_from(tuple(COURSE_COSTS))


class Buying(Machine):
    @rule(who=people, quantity=st.integers(1, 3), currency=currencies, card=cards)
    @step
    async def buy_a_course(self, who: str, quantity: int, currency: str, card: str) -> None:
        if self.books.holds(who):
            with pytest.raises(AlreadyEntitled):
                await self.session(who, plan_code=COURSE, currency=currency, quantity=quantity)
            return
        session = await self.session(who, plan_code=COURSE, currency=currency, quantity=quantity)
        intent = await self.pay(session, who, card)
        self.books.came_in(intent, Paid(who, COURSE, COURSE_COSTS[currency] * quantity, quantity))

    @rule(who=people, card=cards)
    @step
    async def pay_for_a_course_twice(self, who: str, card: str) -> None:
        if self.books.holds(who):
            return
        sessions = [await self.session(who, plan_code=COURSE, currency="USD", quantity=number) for number in (1, 2)]
        first = await self.pay(sessions[0], who, card)
        await self.engine.advance(2)
        second = await self.pay(sessions[1], who, card)
        self.books.came_in(first, Paid(who, COURSE, 49_900))
        self.books.came_in(second, Paid(who, COURSE, 99_800, 2))

    @rule(who=people, meanwhile=st.booleans())
    @step
    async def pay_on_a_page_that_was_given_up(self, who: str, meanwhile: bool) -> None:
        if self.books.holds(who):
            return
        self.world.gateway.lost = "checkout.session.create"
        with pytest.raises(StripeUnavailable):
            await self.session(who, plan_code=COURSE, currency="USD", quantity=3)
        row = await CheckoutSession.get(stripe_session_id=None, failure=None)
        await checkout.fail(row.id, "Nobody waits for it.")
        self.world.given_up.add(row.id)
        late = (await self.world.stage.objects("checkout.session"))[-1]["id"]
        if meanwhile:
            session = await self.session(who, plan_code=COURSE, currency="USD")
            self.books.came_in(await self.pay(session, who), Paid(who, COURSE, 49_900))
            await self.engine.advance(2)
        self.books.came_in(await self.pay(late, who), Paid(who, COURSE, 149_700, 3))

    @rule(who=people, plan=st.sampled_from((COURSE, PRO)))
    @step
    async def leave_a_page_open(self, who: str, plan: str) -> None:
        if plan == PRO and not self.books.running(who):
            await self.session(who, **MONTHLY, metadata={"left": "open"})
        if plan == COURSE and not self.books.holds(who):
            await self.session(who, plan_code=COURSE, currency="USD", quantity=4)

    @rule(who=people, quantity=st.integers(5, 9), card=cards)
    @step
    async def buy_credits(self, who: str, quantity: int, card: str) -> None:
        await self._buy_in_page(who, CREDITS, quantity, 10 * quantity, card)

    @rule(who=people, quantity=st.integers(1, 4), card=cards)
    @step
    async def buy_hours(self, who: str, quantity: int, card: str) -> None:
        await self._buy_in_page(who, HOURS, quantity, 1_000 * quantity, card)

    async def _buy_in_page(self, who: str, plan: str, quantity: int, amount: int, card: str) -> None:
        asked = PaymentIntentRequest(Choice(plan_code=plan, currency="USD", quantity=quantity), {"try": self.key()})
        done = await create_payment_intent(self.billing, caller(who), asked)
        intent = str((await Payment.get(id=done.object_id)).stripe_payment_intent_id)
        await self.engine.pay_intent(intent, str(done.extra), self.form(card), "https://app.example/done")
        self.books.came_in(intent, Paid(who, plan, amount, quantity))

    @rule(who=people, quantity=st.integers(1, 5), currency=currencies, card=cards)
    @step
    async def buy_a_sellers_kit(self, who: str, quantity: int, currency: str, card: str) -> None:
        session = await self.session(who, plan_code=KIT, currency=currency, quantity=quantity)
        intent = await self.pay(session, who, card)
        self.books.came_in(intent, Paid(who, KIT, KIT_COSTS[currency] * quantity, quantity, CAROL))

    @rule(who=people, comes_back=st.booleans(), by_card_too=st.booleans())
    @step
    async def buy_a_course_by_bank_debit(self, who: str, comes_back: bool, by_card_too: bool) -> None:
        if self.books.holds(who):
            return
        sessions = [await self.session(who, plan_code=COURSE, currency="USD", quantity=number) for number in (1, 2)]
        account = "000222222227" if comes_back else "000123456789"
        await self.pay(sessions[0], who, BankForm("us_bank_account", account))
        if by_card_too:
            self.books.came_in(await self.pay(sessions[1], who), Paid(who, COURSE, 99_800, 2))
        await self.settle()
        with pytest.raises(AlreadyEntitled):
            await self.session(who, plan_code=COURSE, currency="USD")
        with pytest.raises(Refusal):
            await self.pay(sessions[1], who)
        await self.engine.advance(SETTLES_AFTER)
        if not comes_back:
            self.books.came_in(await self.named(sessions[0]), Paid(who, COURSE, 49_900))

    @rule(who=people, card=cards)
    @step
    async def subscribe(self, who: str, card: str) -> None:
        if self.books.running(who):
            with pytest.raises(AlreadySubscribed):
                await self.session(who, **MONTHLY)
            return
        session = await self.session(who, **MONTHLY)
        await self.pay(session, who, card)
        await self.began(await self.subscription_of(session), Held(who))

    @rule(who=people, card=cards)
    @step
    async def subscribe_twice(self, who: str, card: str) -> None:
        if self.books.running(who):
            return
        sessions = [await self.session(who, **MONTHLY, metadata={"page": page}) for page in ("first", "second")]
        for number, session in enumerate(sessions):
            await self.engine.advance(2)
            await self.pay(session, who, card)
            await self.began(await self.subscription_of(session), Held(who, ended=number > 0, twice=number > 0))

    async def began(self, name: str, held: Held) -> None:
        self.books.subscriptions[name] = held
        await self._renewed(name)

    async def _renewed(self, name: str) -> None:
        held = self.books.subscriptions[name]
        every = await self.world.stage.objects("invoice")
        invoices = [one for one in every if one["parent"]["subscription_details"]["subscription"] == name]
        payments = await self.world.stage.objects("invoice_payment")
        for invoice in invoices:
            (intent,) = [one["payment"]["payment_intent"] for one in payments if one["invoice"] == invoice["id"]]
            if intent not in held.payments:
                price = held.price
                held.payments.append(intent)
                seller = held.code.seller if held.code else None
                self.books.came_in(intent, Paid(held.who, PRO, price, seller=seller, subscription=name))

    @rule()
    @step
    async def a_month_goes_by(self) -> None:
        await self.engine.advance(MONTH)
        for name in self.books.running():
            await self._renewed(name)

    @precondition(lambda self: self.books.subscriptions)
    @rule(which=small)
    @step
    async def end_a_subscription(self, which: int) -> None:
        running = self.books.running()
        if not running:
            return
        name = running[which % len(running)]
        await self.billing.stripe.call("act", lambda client: client.v1.subscriptions.cancel_async(name))
        self.books.subscriptions[name].ended = True
