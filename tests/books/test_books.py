"""Everything that customers, support and the host can do with money, at random; after each step the books are what plain Python says."""

import asyncio
import os
from collections.abc import Awaitable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from models import BillingInterval, CheckoutSession, Payment, RefundRequest
from models.database import connect, disconnect
from sandbox.cards import CardForm
from sandbox.debits import SETTLES_AFTER, BankForm
from sandbox.engine import Engine
from sandbox.submission import Buyer
from services.audit import Caller
from services.authentication import Role, Viewer
from services.billing import Billing
from services.checkout import create_checkout_session
from services.credits import Booking, grant_credits, use_credits
from services.errors import AlreadyEntitled, AlreadySubscribed, InsufficientCredits, InvoiceNotPayable
from services.invoices import InvoiceTerms, LineTerms, create_invoice, void_invoice
from services.payment_intents import PaymentIntentRequest, create_payment_intent
from services.promotion_codes import PromotionTerms, create_promotion_code
from services.purchases import Choice
from services.refund_requests import Asked, approve_refund_request, reject_refund_request, request_refund, withdraw_refund_request
from services.refunds import RefundRequest as RefundAsked
from services.refunds import create_refund
from tests.books.model import COURSE, CREDITS, PRO, Books, Held, Owed, Paid
from tests.books.world import World
from tests.convergence.stage import stage_in
from tests.mirror.conftest import WatchingGateway
from tests.services.conftest import settings_for
from tests.services.shop import SUPPORT, checkout, open_shop

SOAK = os.environ.get("BILLGRAPH_SOAK") == "1"
HISTORIES, STEPS = (600, 40) if SOAK else (25, 16)
"""Of each engine."""

PHASES = (Phase.generate, Phase.shrink) if SOAK else (Phase.generate,)
"""A history that fails is made short only where there is time for it; its steps and its seed are printed in any case."""

PEOPLE = ("ada", "bo", "cy")
HOST = Caller(Viewer("backend", None, frozenset({Role.CUSTOMER, Role.SERVICE})), "request")
CARD = CardForm("4242424242424242", 12, 2055, "123")
MONTH = 31 * 86_400

people, small = st.sampled_from(PEOPLE), st.integers(0, 30)


def caller(who: str) -> Caller:
    return Caller(Viewer(who, f"{who}@example.test", frozenset({Role.CUSTOMER})), "request")


class Money(RuleBasedStateMachine):
    """One history; `world` and `runner` are those of the test."""

    world: World
    runner: asyncio.Runner

    def __init__(self) -> None:
        super().__init__()
        self.books = Books()
        self.number = 0
        self.open_disputes: dict[str, str] = {}

    # ---- what every step ends with ----

    def do(self, work: Awaitable[Any]) -> Any:
        async def done() -> Any:
            return await work

        return self.runner.run(done())

    async def settled(self) -> None:
        await self.world.settle(self.chaos)
        await self.world.check(self.books)

    @property
    def billing(self) -> Billing:
        return self.world.billing

    @property
    def engine(self) -> Engine:
        assert self.world.sandbox is not None
        return self.world.sandbox.engine

    def key(self) -> str:
        self.number += 1
        return f"key-{self.number}"

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        self.chaos = Random(seed)  # noqa: S311 - not a secret
        self.do(self.world.begin())

    # ---- buying ----

    async def _session(self, who: str, **choice: Any) -> str:
        done = await create_checkout_session(self.billing, caller(who), checkout(**choice))
        return str((await CheckoutSession.get(id=done.object_id)).stripe_session_id)

    async def _pay(self, session: str, who: str) -> None:
        result = await self.engine.submit_checkout(session, CARD, Buyer(f"{who}@example.test", who))
        assert result.status == "succeeded", result
        await asyncio.sleep(0)

    async def _intent_of(self, session: str) -> dict[str, Any]:
        read = await self.billing.stripe.retrieve("checkout.session", session)
        assert read is not None
        return read.object

    @rule(who=people, quantity=st.integers(1, 3))
    def buy_a_course(self, who: str, quantity: int) -> None:
        async def work() -> None:
            if self.books.holds(who):
                with pytest.raises(AlreadyEntitled):
                    await self._session(who, plan_code=COURSE, currency="USD", quantity=quantity)
            else:
                session = await self._session(who, plan_code=COURSE, currency="USD", quantity=quantity)
                await self._pay(session, who)
                intent = (await self._intent_of(session))["payment_intent"]
                self.books.came_in(intent, Paid(who, COURSE, 49_900 * quantity, quantity))
            await self.settled()

        self.do(work())

    @rule(who=people)
    def pay_for_a_course_twice(self, who: str) -> None:
        async def work() -> None:
            if self.books.holds(who):
                return
            sessions = [await self._session(who, plan_code=COURSE, currency="USD", quantity=number) for number in (1, 2)]
            intents = []
            for number, session in enumerate(sessions, 1):
                await self._pay(session, who)
                intents.append((await self._intent_of(session))["payment_intent"])
                self.books.came_in(intents[-1], Paid(who, COURSE, 49_900 * number, number))
                await self.engine.advance(2)
            self.books.went_back(intents[-1], 99_800)
            await self.settled()

        self.do(work())

    @rule(who=people, quantity=st.integers(5, 9))
    def buy_credits(self, who: str, quantity: int) -> None:
        async def work() -> None:
            choice = Choice(plan_code=CREDITS, currency="USD", quantity=quantity)
            done = await create_payment_intent(self.billing, caller(who), PaymentIntentRequest(choice, {"try": self.key()}))
            intent = str((await Payment.get(id=done.object_id)).stripe_payment_intent_id)
            await self.engine.pay_intent(intent, str(done.extra), CARD, "https://app.example/done")
            self.books.came_in(intent, Paid(who, CREDITS, 10 * quantity, quantity))
            await self.settled()

        self.do(work())

    @rule(who=people, quantity=st.integers(6, 9), percent=st.sampled_from((5.0, 12.5, 33.33)))
    def buy_credits_with_a_code(self, who: str, quantity: int, percent: float) -> None:
        async def work() -> None:
            code = f"CODE-{self.key()}-{self.chaos.randrange(10**9)}"
            await create_promotion_code(self.billing, SUPPORT, PromotionTerms(code, percent_off=percent), None)
            session = await self._session(who, plan_code=CREDITS, currency="USD", quantity=quantity * 10, promotion_code=code)
            await self._pay(session, who)
            amount = 100 * quantity - int(quantity * percent + 0.5)
            self.books.came_in((await self._intent_of(session))["payment_intent"], Paid(who, CREDITS, amount, quantity * 10))
            await self.settled()

        self.do(work())

    @rule(who=people, comes_back=st.booleans())
    def buy_a_course_by_bank_debit(self, who: str, comes_back: bool) -> None:
        async def work() -> None:
            if self.books.holds(who):
                return
            session = await self._session(who, plan_code=COURSE, currency="USD")
            account = "000222222227" if comes_back else "000123456789"
            await self.engine.submit_checkout(session, BankForm("us_bank_account", account), Buyer(f"{who}@example.test", who))
            await self.settled()
            with pytest.raises(AlreadyEntitled):
                await self._session(who, plan_code=COURSE, currency="USD")
            await self.engine.advance(SETTLES_AFTER)
            if not comes_back:
                self.books.came_in((await self._intent_of(session))["payment_intent"], Paid(who, COURSE, 49_900))
            await self.settled()

        self.do(work())

    @rule(who=people)
    def subscribe(self, who: str) -> None:
        async def work() -> None:
            running = [held for held in self.books.subscriptions.values() if held.who == who and not held.ended]
            choice = {"plan_code": PRO, "currency": "USD", "interval": BillingInterval.MONTH}
            if running:
                with pytest.raises(AlreadySubscribed):
                    await self._session(who, **choice)
                return
            session = await self._session(who, **choice)
            await self._pay(session, who)
            name = (await self._intent_of(session))["subscription"]
            self.books.subscriptions[name] = Held(who)
            await self._renewed(name)
            await self.settled()

        self.do(work())

    async def _renewed(self, name: str) -> None:
        held = self.books.subscriptions[name]
        every = await self.world.stage.objects("invoice")
        invoices = [one for one in every if one["parent"]["subscription_details"]["subscription"] == name]
        payments = await self.world.stage.objects("invoice_payment")
        for invoice in invoices:
            (intent,) = [one["payment"]["payment_intent"] for one in payments if one["invoice"] == invoice["id"]]
            if intent not in held.payments:
                held.payments.append(intent)
                self.books.came_in(intent, Paid(held.who, PRO, 1_900, subscription=name))

    @rule()
    def a_month_goes_by(self) -> None:
        async def work() -> None:
            await self.engine.advance(MONTH)
            for name, held in self.books.subscriptions.items():
                if not held.ended:
                    await self._renewed(name)
            await self.settled()

        self.do(work())

    @precondition(lambda self: any(not held.ended for held in self.books.subscriptions.values()))
    @rule(which=small)
    def end_a_subscription(self, which: int) -> None:
        async def work() -> None:
            running = [name for name, held in self.books.subscriptions.items() if not held.ended]
            name = running[which % len(running)]
            await self.billing.stripe.call("act", lambda client: client.v1.subscriptions.cancel_async(name))
            self.books.subscriptions[name].ended = True
            await self.settled()

        self.do(work())

    # ---- money back ----

    def _refundable(self) -> list[str]:
        return [intent for intent, paid in self.books.payments.items() if paid.kept and not paid.contested and not paid.lost]

    @precondition(lambda self: self._refundable())
    @rule(which=small, share=st.integers(1, 4), dashboard=st.booleans())
    def give_back(self, which: int, share: int, dashboard: bool) -> None:
        async def work() -> None:
            found = self._refundable()
            intent = found[which % len(found)]
            amount = max(1, self.books.payments[intent].kept // share)
            if dashboard:
                part: Any = {"payment_intent": intent, "amount": amount}
                await self.billing.stripe.call("act", lambda client: client.v1.refunds.create_async(part))
            else:
                row = await Payment.get(stripe_payment_intent_id=intent)
                await create_refund(self.billing, SUPPORT, RefundAsked(row.id, amount), self.key())
            self.books.went_back(intent, amount)
            await self.settled()

        self.do(work())

    @precondition(lambda self: self._refundable())
    @rule(which=small, part=st.booleans(), decision=st.sampled_from(("approve", "reject", "withdraw")))
    def ask_for_money_back(self, which: int, part: bool, decision: str) -> None:
        async def work() -> None:
            found = self._refundable()
            intent = found[which % len(found)]
            paid = self.books.payments[intent]
            amount = max(1, paid.kept // 2) if part else None
            row = await Payment.get(stripe_payment_intent_id=intent)
            asked = await request_refund(caller(paid.who), Asked(row.id, "Because", amount), None)
            await self._decide(asked.object_id, paid.who, decision)
            assert (await RefundRequest.get(id=asked.object_id)).status == {
                "approve": "APPROVED",
                "reject": "REJECTED",
                "withdraw": "WITHDRAWN",
            }[decision]
            if decision == "approve":
                self.books.went_back(intent, amount or paid.kept)
            await self.settled()

        self.do(work())

    async def _decide(self, request: str, who: str, decision: str) -> None:
        match decision:
            case "approve":
                await approve_refund_request(self.billing, SUPPORT, request, None, self.key())
            case "reject":
                await reject_refund_request(SUPPORT, request, "No", None)
            case _:
                await withdraw_refund_request(caller(who), request, None)

    @precondition(lambda self: self._refundable())
    @rule(which=small)
    def dispute(self, which: int) -> None:
        async def work() -> None:
            found = [intent for intent in self._refundable() if not self.books.payments[intent].refunded]
            if not found:
                return
            intent = found[which % len(found)]
            if intent in self.open_disputes:
                return
            charges = await self.world.stage.objects("charge")
            charge = next((one for one in charges if one["payment_intent"] == intent and not one["disputed"]), None)
            if charge is None:
                return
            self.open_disputes[intent] = (await self.engine.open_dispute(charge["id"]))["id"]
            self.books.dispute(intent, contested=True)
            await self.settled()

        self.do(work())

    @precondition(lambda self: self.open_disputes)
    @rule(won=st.booleans())
    def the_bank_decides(self, won: bool) -> None:
        async def work() -> None:
            intent, dispute = self.open_disputes.popitem()
            await self.engine.close_dispute(dispute, won=won)
            self.books.dispute(intent, contested=False, lost=not won)
            for name, owed in self.books.invoices.items():
                if intent in owed.payments:
                    self.books.excess_goes_back(name)
            await self.settled()

        self.do(work())

    # ---- invoices ----

    @rule(who=people, lines=st.lists(st.integers(1_000, 50_000), min_size=1, max_size=4))
    def issue_an_invoice(self, who: str, lines: list[int]) -> None:
        async def work() -> None:
            terms = InvoiceTerms(who, "USD", tuple(LineTerms(f"Line {place}", amount) for place, amount in enumerate(lines)))
            done = await create_invoice(HOST, terms, self.key())
            self.books.invoices[done.object_id] = Owed(who, lines)
            await self.settled()

        self.do(work())

    def _payable(self) -> list[str]:
        return [name for name in self.books.invoices if self.books.due(name) >= 50]

    @precondition(lambda self: self._payable())
    @rule(which=small, share=st.integers(1, 3))
    def pay_of_an_invoice(self, which: int, share: int) -> None:
        async def work() -> None:
            name = self._payable()[which % len(self._payable())]
            due, who = self.books.due(name), self.books.invoices[name].who
            amount = due // share
            if amount < 50 or 0 < due - amount < 50:
                amount = due
            session = await self._session(who, invoice_id=name, amount=amount)
            await self._pay(session, who)
            self._paid_of(name, (await self._intent_of(session))["payment_intent"], amount)
            await self.settled()

        self.do(work())

    def _paid_of(self, name: str, intent: str, amount: int) -> None:
        self.books.invoices[name].payments.append(intent)
        self.books.came_in(intent, Paid(self.books.invoices[name].who, None, amount))

    @precondition(lambda self: self._payable())
    @rule(which=small)
    def two_parts_race_past_the_balance(self, which: int) -> None:
        async def work() -> None:
            name = self._payable()[which % len(self._payable())]
            due, who = self.books.due(name), self.books.invoices[name].who
            parts = [due, due - 100 if due >= 200 else due]
            sessions = [await self._session(who, invoice_id=name, amount=part, metadata={"n": str(n)}) for n, part in enumerate(parts)]
            for session, part in zip(sessions, parts, strict=True):
                await self._pay(session, who)
                self._paid_of(name, (await self._intent_of(session))["payment_intent"], part)
                await self.engine.advance(2)
            self.books.excess_goes_back(name)
            await self.settled()

        self.do(work())

    @precondition(lambda self: self.books.invoices)
    @rule(which=small)
    def void(self, which: int) -> None:
        async def work() -> None:
            name = list(self.books.invoices)[which % len(self.books.invoices)]
            owed = self.books.invoices[name]
            coming = any(self.books.payments[intent].amount > self.books.payments[intent].refunded for intent in owed.payments)
            if owed.void or coming:
                with pytest.raises(InvoiceNotPayable):
                    await void_invoice(HOST, name, None, self.key())
            else:
                await void_invoice(HOST, name, "Changed", self.key())
                owed.void = True
            await self.settled()

        self.do(work())

    # ---- credits ----

    @rule(who=people, amount=st.integers(1, 50))
    def grant(self, who: str, amount: int) -> None:
        async def work() -> None:
            await grant_credits(HOST, Booking(who, amount, "Gift"), self.key())
            self.books.book(who, amount)
            await self.settled()

        self.do(work())

    @precondition(lambda self: self.books.ledgers)
    @rule(which=small, amount=st.integers(1, 400))
    def use(self, which: int, amount: int) -> None:
        async def work() -> None:
            who = list(self.books.ledgers)[which % len(self.books.ledgers)]
            if amount > self.books.balance(who):
                with pytest.raises(InsufficientCredits):
                    await use_credits(HOST, Booking(who, amount, "Use"), self.key())
            else:
                await use_credits(HOST, Booking(who, amount, "Use"), self.key())
                self.books.book(who, -amount)
            await self.settled()

        self.do(work())


def test_the_books_are_what_plain_python_says(database_url: str, tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        holder: dict[str, Any] = {}

        async def open_world() -> None:
            await connect(database_url)
            holder["stage"] = stage_in(tmp_path)
            stage = await holder["stage"].__aenter__()
            chosen = settings_for(stage.base)
            holder["billing"] = Billing(chosen, WatchingGateway(chosen))
            await stage.open()
            await open_shop(holder["billing"], stage.base)
            Money.world = World(holder["billing"], stage)
            await Money.world.keep()

        async def close_world() -> None:
            await holder["billing"].stripe.close()
            await holder["stage"].__aexit__(None, None, None)
            await disconnect()

        Money.runner = runner
        runner.run(open_world())
        try:
            chosen = settings(
                max_examples=HISTORIES, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES
            )
            run_state_machine_as_test(Money, settings=chosen)
        finally:
            runner.run(close_world())
