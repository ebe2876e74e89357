"""Random changes of random subscriptions: each costs what its preview said and what plain arithmetic says, to the minor unit."""

import os
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import stripe
from hypothesis import HealthCheck, event, given, note, settings
from hypothesis import strategies as st

from sandbox.chaos import Switches
from tests.sandbox.changing import CREATE, NONE, NOW, Change, amounts, method, price, told
from tests.sandbox.served import Serve, Shop

EXAMPLES = 500 if os.environ.get("BILLGRAPH_SOAK") == "1" else 20
LEAST = {"usd": 50, "jpy": 50, "kwd": 10}
"""Of a charge, in minor units; dinars are charged in tens."""


@dataclass(frozen=True)
class Step:
    """A change some way through what is left of the period, prorated as of some way through the whole of it."""

    amount: int
    quantity: int
    interval: str
    behaviour: str
    waits: float
    dated: float


fractions = st.floats(0, 0.999)
sums = st.one_of(st.just(0), st.integers(0, 300), st.integers(0, 200_000), st.integers(0, 200_000))
steps = st.builds(
    Step,
    sums,
    st.integers(0, 30),
    st.sampled_from(["month", "month", "year", "week"]),
    st.sampled_from([CREATE, NOW, NONE]),
    fractions,
    fractions,
)


@dataclass
class Book:
    """What a subscription costs, reckoned plainly: what it sells, what its period was charged at, what waits, what is owed."""

    currency: str
    sells: tuple[int, int, str]
    charged: tuple[int, int]
    waits: list[int] = field(default_factory=list)
    owed: int = 0

    def prorate(self, step: Step, left: Fraction, *, restarts: bool) -> None:
        """Give back what is left of what was charged, and charge what is left of what is sold from now on, each half up."""
        if step.behaviour == NONE or (not restarts and self.sells == (step.amount, step.quantity, step.interval)):
            return
        self.waits.append(-half_up(self.charged[0] * self.charged[1] * left))
        if not restarts:
            self.waits.append(half_up(step.amount * step.quantity * left))
            self.charged = step.amount, step.quantity

    def bill(self, *, whole: bool) -> tuple[list[int], int]:
        """The amounts of an invoice's lines, and what is due of it."""
        lines = self.waits + ([self.sells[0] * self.sells[1]] if whole else [])
        self.charged = self.sells[:2] if whole else self.charged
        self.waits, self.owed = [], self.owed + sum(lines)
        due = self.owed // 10 * 10 if self.currency == "kwd" else self.owed
        due = due if due >= LEAST[self.currency] else 0
        self.owed -= due
        return lines, due


def half_up(amount: Fraction) -> int:
    return int(amount + Fraction(1, 2))


def lines_of(invoice: stripe.Invoice) -> list[int]:
    return [amount for _, amount in amounts(invoice)]


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(currency=st.sampled_from(sorted(LEAST)), amount=sums, quantity=st.integers(1, 30), story=st.lists(steps, min_size=1, max_size=4))
async def test_previews_are_what_is_billed(serve: Serve, currency: str, amount: int, quantity: int, story: list[Step]) -> None:
    shop = await Shop(await serve(":memory:")).open()
    shop.served.sandbox.engine.set_chaos(Switches(dropped=100))
    v1 = shop.client.v1
    sold = await price(shop, amount, currency=currency)
    given: Any = {"customer": shop.customer.id, "items": [{"price": sold.id, "quantity": quantity}]}
    made = await v1.subscriptions.create_async(given | {"default_payment_method": await method(shop)})
    book = Book(currency, (amount, quantity, "month"), (amount, quantity))
    book.bill(whole=True)
    change = Change(shop, made)
    for step in story:
        note(f"{step} of {change.start}..{change.end}")
        await make(shop, change, book, step)
        event(f"{step.behaviour} in {currency}")
        change = Change(shop, await v1.subscriptions.retrieve_async(made.id))
    await renew(change, book)
    await give_back(shop)
    await shop.served.stop()


async def make(shop: Shop, change: Change, book: Book, step: Step) -> None:
    clock = shop.served.sandbox.clock
    clock.advance(int(max(change.end - clock.now() - 60, 0) * step.waits))
    change.at = change.start + int((change.end - change.start) * step.dated)
    sold = await price(shop, step.amount, step.interval, book.currency)
    if book.sells == (step.amount, step.quantity, step.interval):
        sold = (await shop.client.v1.subscriptions.retrieve_async(change.id))["items"].data[0].price
    asked = change.asked(step.behaviour, sold, step.quantity)
    foreseen, before = await change.preview(asked), len(await change.invoices())
    await change.make(asked)
    invoices = await change.invoices()
    restarts = step.interval != book.sells[2] or (not book.sells[0] and step.amount > 0)
    waited = len(book.waits)
    book.prorate(step, Fraction(change.end - change.at, change.end - change.start), restarts=restarts)
    book.sells = step.amount, step.quantity, step.interval
    if restarts or (step.behaviour == NOW and len(book.waits) > waited):
        lines, due = book.bill(whole=restarts)
        assert len(invoices) == before + 1
        assert (lines_of(invoices[0]), invoices[0].amount_due, invoices[0].amount_remaining) == (lines, due, 0)
        assert (lines_of(foreseen), foreseen.amount_due, foreseen.ending_balance) == (lines, due, book.owed)
        assert told(invoices[0])[1] == told(foreseen)[1]
    else:
        assert len(invoices) == before
        assert told(foreseen) == told(await change.preview({}))


async def renew(change: Change, book: Book) -> None:
    foreseen, (lines, due) = await change.preview({}), book.bill(whole=True)
    renewed = await change.renew()
    assert (renewed.billing_reason, lines_of(renewed), renewed.amount_due, renewed.amount_paid) == ("subscription_cycle", lines, due, due)
    assert (renewed.ending_balance, told(renewed)) == (book.owed, told(foreseen))


async def give_back(shop: Shop) -> None:
    """All that was charged can be refunded: none of it is finer than its currency is charged in."""
    for charge in (await shop.client.v1.charges.list_async({"customer": shop.customer.id})).data:
        assert (await shop.client.v1.refunds.create_async({"charge": charge.id})).amount == charge.amount
