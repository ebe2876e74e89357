"""A year of random subscriptions: our rows, a model in plain Python and Stripe's own books end equal."""

from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sandbox.account import Settings
from services.plan_changes import ProrationBehavior
from tests.lifetimes.acts import ACTS, Act, Held, same
from tests.lifetimes.catalogue import CODES, GROUPS, PRICES, Terms
from tests.lifetimes.checks import check
from tests.lifetimes.model import Life, Owner
from tests.lifetimes.world import BEGINS, DAY, World, at_random, playing

EXAMPLES, LIVES = 10, 20
"""Of each engine, and of each example: 200 lives an engine."""

PEOPLE = {
    f"{name}-{currency}".lower(): currency
    for currency in ("USD", "JPY", "KWD")
    for name in ("ada", "bo", "cy", "di", "ed", "fay", "gus", "hal", "ida", "jo")
}
"""And the currency in which each of them pays; so many that whoever is drawn, everybody who begins finds something to begin."""

YEAR = 366
LATEST_START = 150
"""Days after which no subscription begins any more."""

PAUSE = 431
"""Seconds between the times of day at which something happens, so that no two things ever fall on one second."""


@dataclass(frozen=True)
class Start:
    """Somebody subscribes on a day, and then acts, each so many days after what was before."""

    day: int
    who: str
    place: int
    quantity: int
    code: str | None
    acts: list[tuple[int, Act]]


STORIES = (
    *(("change",), ("change",), ("change", "change"), ("refund",), ("refund", "refund"), ("cancel_now",)),
    *(("pause", "unpause"), ("pause", "cancel_now"), ("pause", "card_breaks", "unpause", "pay_by_hand")),
    *(
        ("cancel_with_the_period", "resume"),
        ("cancel_with_the_period",),
        ("cancel_in_the_portal", "resume", "change"),
        ("resume",),
        ("unpause",),
    ),
    *(("card_breaks", "card_is_mended"), ("card_breaks", "pay_by_hand"), ("card_breaks", "change", "pay_by_hand", "pause")),
)
"""What is done one after the other, be it refused or not."""


def _acts(kind: str) -> st.SearchStrategy[tuple[int, Act]]:
    """An act so many days after what was before."""
    part = st.just(0) | st.integers(1, 1_000)
    act = st.builds(Act, st.just(kind), st.integers(0, 99), st.integers(1, 9), st.sampled_from(list(ProrationBehavior)), part)
    return st.tuples(st.integers(0, 60), act)


stories = st.sampled_from(STORIES).flatmap(lambda kinds: st.tuples(*map(_acts, kinds)))
starts = st.builds(
    Start,
    st.integers(0, LATEST_START),
    st.sampled_from(sorted(PEOPLE)),
    st.integers(0, len(PRICES) - 1),
    st.integers(1, 9),
    st.sampled_from((None, None, *CODES)),
    st.lists(stories, min_size=1, max_size=3).map(lambda told: list(chain.from_iterable(told))),
)
years = st.lists(starts, min_size=LIVES, max_size=LIVES)


def test_a_year_ends_as_the_books_say(database_url: str, tmp_path: Path) -> None:
    with playing(database_url, tmp_path) as (runner, world):

        @at_random(EXAMPLES)
        @given(st.integers(0, YEAR), st.sampled_from(("cancel", "unpaid", "past_due")), years)
        def lived(day: int, after: str, begun: list[Start]) -> None:
            runner.run(Year(world, BEGINS + day * DAY, after).live(begun))

        lived()


class Year:
    """One year, as the world and the model live it; `after` the last retry the account does this with a subscription."""

    def __init__(self, world: World, begins: int, after: str) -> None:
        self.world, self.begins, self.after = world, begins, after
        self.owners: dict[str, Owner] = {}
        self.held: list[Held] = []
        self.of_start: dict[int, Held] = {}

    async def live(self, begun: list[Start]) -> None:
        await self.world.begin(self.begins)
        self.world.sandbox.engine.set_account(Settings(after_retries=self.after))
        for moment, number, act in sorted(self._plan(begun), key=lambda one: one[0]):
            await self.until(moment)
            if act is None:
                await self._start(number, begun[number])
            elif number in self.of_start:
                held = self.of_start[number]
                await ACTS[act.kind](self.world, held, act)
            await self.world.settle()
        await self.until(self.begins + YEAR * DAY)
        await check(self.world, self.held, self.owners)

    def _plan(self, begun: list[Start]) -> list[tuple[int, int, Act | None]]:
        """When which start, or act of it, comes; what would come after the year does not."""
        planned: list[tuple[int, int, Act | None]] = []
        for number, start in enumerate(begun):
            day = start.day
            steps: list[tuple[int, Act | None]] = [(0, None), *start.acts]
            for days, act in steps:
                day += days
                if day < YEAR:
                    planned.append((self.begins + day * DAY + PAUSE * (len(planned) + 1), number, act))
        return planned

    async def until(self, moment: int) -> None:
        """Let time pass, for Stripe and the model."""
        while due := [(life.next, number) for number, life in self._lives() if life.next is not None and life.next <= moment]:
            when, number = min(due)
            self.held[number].life.happen(when)
        await self.world.advance(moment - self.world.now)

    def _lives(self) -> list[tuple[int, Life]]:
        return [(number, one.life) for number, one in enumerate(self.held)]

    async def _start(self, number: int, start: Start) -> None:
        """Subscribe; who has such a thing already is refused, and the next who has none subscribes instead."""
        offered = [terms for terms in PRICES if terms.currency == PEOPLE[start.who]]
        terms = offered[start.place % len(offered)]
        if self._taken(start.who, terms):
            await same("AlreadySubscribed", self.world.subscribe(start.who, terms, start.quantity, start.code))
        who = next((one for one in (start.who, *PEOPLE) if PEOPLE[one] == terms.currency and not self._taken(one, terms)), None)
        if who is None:
            return
        row = await self.world.subscribe(who, terms, start.quantity, start.code)
        life = Life(self.owners.setdefault(who, Owner()), terms, start.quantity, start.code, self.after, self.world.now)
        life.begin()
        self._keep(number, Held(who, life, row.id, [one for one in self.held if one.who == who]))

    def _taken(self, who: str, terms: Terms) -> bool:
        return any(one.who == who and one.life.live and one.life.group == GROUPS[terms.plan] for one in self.held)

    def _keep(self, number: int, held: Held) -> None:
        for one in held.others:
            one.others.append(held)
        self.held.append(held)
        self.of_start[number] = held
