"""What all rules share: each is a step, after which Stripe's events arrive, what follows is done, and the books are compared.

Which rules may be drawn follows from what has ever come in alone, which no race decides: else no history could be played again. A rule that
finds nothing to do does nothing.
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize

from models import CheckoutSession, Payment
from sandbox.cards import CardForm
from sandbox.debits import BankForm
from sandbox.engine import Engine
from sandbox.submission import Buyer
from services.audit import Caller
from services.authentication import Role, Viewer
from services.billing import Billing
from services.checkout import create_checkout_session
from tests.books.checks import check
from tests.books.model import Books
from tests.books.world import World
from tests.services.shop import checkout

PEOPLE = ("ada", "bo", "cy")
HOST = Caller(Viewer("backend", None, frozenset({Role.CUSTOMER, Role.SERVICE})), "request")
CARDS = ("4242424242424242", "4242424242424242", "4000000000007726", "4000000000005126")
"""One whose refunds succeed, one whose stay pending for a while, and one whose fail a minute later."""

people, small, cards = st.sampled_from(PEOPLE), st.integers(0, 30), st.sampled_from(CARDS)


def caller(who: str) -> Caller:
    return Caller(Viewer(who, f"{who}@example.test", frozenset({Role.CUSTOMER})), "request")


def step(work: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """A rule that is done, and then held against the books."""

    @functools.wraps(work)
    def run(self: "Machine", **given: Any) -> None:
        async def done() -> None:
            await work(self, **given)
            await self.compare()

        self.runner.run(done())

    return run


class Machine(RuleBasedStateMachine):
    """One history; `world` and `runner` are those of the test."""

    world: World
    runner: asyncio.Runner

    def __init__(self) -> None:
        super().__init__()
        self.books = Books()
        self.number = 0
        self.open_disputes: dict[str, str] = {}
        self.inquiries: dict[str, str] = {}
        self.came_again: set[str] = set()

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        self.chaos = Random(seed)  # noqa: S311 - not a secret
        self.runner.run(self.world.begin())

    async def settle(self) -> None:
        """Let what Stripe has to say arrive, and the books hear of refunds that came to nothing, and of what goes back by itself."""
        self.books.what_is_too_much_goes_back()
        await self.world.settle(self.chaos)
        for refund in await self.world.stage.objects("refund"):
            if refund["status"] in {"failed", "canceled"} and refund["id"] not in self.came_again:
                self.came_again.add(refund["id"])
                self.books.payments[refund["payment_intent"]].came_back |= refund["reason"] == "duplicate"
                self.books.went_back(refund["payment_intent"], -refund["amount"])
        self.books.what_is_too_much_goes_back()

    async def compare(self) -> None:
        """Settle, and hold the rows against the books."""
        await self.settle()
        await check(self.world, self.books)

    @property
    def billing(self) -> Billing:
        return self.world.billing

    @property
    def engine(self) -> Engine:
        assert self.world.sandbox is not None
        return self.world.sandbox.engine

    @property
    def now(self) -> int:
        """Stripe's time, in seconds."""
        assert self.world.sandbox is not None
        return self.world.sandbox.clock.now()

    def key(self) -> str:
        self.number += 1
        return f"key-{self.number}"

    # ---- what many rules do ----

    async def session(self, who: str, **choice: Any) -> str:
        """Stripe's id of a page that somebody opens."""
        done = await create_checkout_session(self.billing, caller(who), checkout(**choice))
        return str((await CheckoutSession.get(id=done.object_id)).stripe_session_id)

    def form(self, number: str) -> CardForm:
        return CardForm(number, 12, 2055, "123")

    async def pay(self, session: str, who: str, means: str | BankForm = CARDS[0]) -> str:
        """Pay on a page, by a card's number or from an account: how the books name the payment."""
        form = self.form(means) if isinstance(means, str) else means
        result = await self.engine.submit_checkout(session, form, Buyer(f"{who}@example.test", who))
        assert result.status in {"succeeded", "processing"} or result.payment_intent is None, result
        return await self.named(session)

    async def named(self, session: str) -> str:
        """How the books name the payment of a page."""
        read = await self.billing.stripe.retrieve("checkout.session", session)
        assert read is not None
        if read.object["payment_intent"]:
            return str(read.object["payment_intent"])
        return str((await CheckoutSession.get(stripe_session_id=session)).payment_id)

    async def subscription_of(self, session: str) -> str:
        read = await self.billing.stripe.retrieve("checkout.session", session)
        assert read is not None
        return str(read.object["subscription"])

    async def payment(self, intent: str) -> Payment:
        return await Payment.get(stripe_payment_intent_id=intent)
