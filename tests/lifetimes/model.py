"""What becomes of subscriptions in plain Python, from Stripe's documentation and docs/subscriptions.md: periods, bills, credit, rights.

Times in UTC seconds, amounts in minor units; all that is rounded is rounded half up, once for each line.
"""

import calendar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from tests.lifetimes.catalogue import CODES, CREDITS, FEATURES, GROUPS, MONTH, WEEK, YEAR, Terms

DAY = 86_400
LEAST, FINEST = {"USD": 50, "JPY": 50, "KWD": 1}, {"USD": 1, "JPY": 1, "KWD": 10}
"""The least charge, and what charges are a multiple of."""

RETRIES = (3, 5, 7)
"""Days from each try of a bill to the next one."""

ENDED, RUNNING = {"CANCELED"}, {"ACTIVE", "PAST_DUE"}
CHARGED = {"PAUSED", *RUNNING}
"""Subscriptions whose bills are tried again by themselves."""

ENTITLED = {"TRIALING", *RUNNING}


def half_up(amount: Fraction) -> int:
    return int(amount + Fraction(1, 2))


def later(moment: int, terms: Terms, periods: int, day: int) -> int:
    """So many periods after a moment; in a month without that day, on its last."""
    at, count = datetime.fromtimestamp(moment, UTC), periods * terms.count
    if terms.interval is WEEK:
        return int((at + timedelta(weeks=count)).timestamp())
    years, month = divmod(at.month - 1 + count * (12 if terms.interval is YEAR else 1), 12)
    year = at.year + years
    return int(at.replace(year=year, month=month + 1, day=min(day, calendar.monthrange(year, month + 1)[1])).timestamp())


def day_of(moment: int) -> int:
    return datetime.fromtimestamp(moment, UTC).day


def a_month(terms: Terms, quantity: int) -> int:
    """What so many of a price bring a month."""
    often = {WEEK: Fraction(52, 12), MONTH: Fraction(1), YEAR: Fraction(1, 12)}[terms.interval]
    return half_up(terms.amount * quantity * often / terms.count)


@dataclass
class Line:
    """`off` is what a discount takes of the amount; that of a proration is taken off before."""

    terms: Terms
    quantity: int
    amount: int
    off: int = 0
    proration: bool = False
    trial: bool = False

    @property
    def credits(self) -> int:
        """What it grants once it is paid."""
        return 0 if self.proration or self.trial else CREDITS[self.terms.plan] * self.quantity


@dataclass
class Bill:
    """`credit` of the total was paid from the customer's balance, or less than nothing was added to it; `due` is charged."""

    reason: str
    lines: list[Line]
    created: int
    status: str = "DRAFT"
    due: int = 0
    credit: int = 0
    attempts: int = 0
    next_attempt: int | None = None
    refunded: int = 0
    withdrawn: int = 0

    @property
    def total(self) -> int:
        return sum(line.amount - line.off for line in self.lines)

    @property
    def granted(self) -> int:
        return sum(line.credits for line in self.lines)

    @property
    def is_given_back(self) -> bool:
        return 0 < self.due <= self.refunded


@dataclass
class Owner:
    """A customer: what they owe Stripe (credit is less than nothing), and the ledger of their credits with us."""

    balance: int = 0
    ledger: list[int] = field(default_factory=list)

    def book(self, amount: int) -> None:
        if amount:
            self.ledger.append(amount)


@dataclass
class Life:
    """A subscription; `retries` and `after` them as the account has it. `charged` is the newest line that charges the running period."""

    owner: Owner
    terms: Terms
    quantity: int
    code: str | None
    after: str
    began: int
    start: int = 0
    end: int = 0
    day: int = 0
    status: str = "ACTIVE"
    trial_end: int | None = None
    cancel_at: int | None = None
    ended_at: int | None = None
    declines: bool = False
    charged: Line | None = None
    waiting: list[Line] = field(default_factory=list)
    bills: list[Bill] = field(default_factory=list)
    discount_ends: int | None = None
    used: bool = False

    # ---- how it stands ----

    @property
    def live(self) -> bool:
        return self.status not in ENDED

    @property
    def group(self) -> str:
        return GROUPS[self.terms.plan]

    @property
    def ends_with_period(self) -> bool:
        return self.cancel_at is not None and self.cancel_at <= self.end

    @property
    def monthly(self) -> int:
        return a_month(self.terms, self.quantity) if self.status in RUNNING else 0

    @property
    def rights(self) -> set[str]:
        """Features that may be used, while a grace lasts."""
        paid = [bill for bill in self.bills if bill.status == "PAID" and not all(line.proration for line in bill.lines)]
        stands = self.status in ENTITLED and not (paid and paid[-1].is_given_back)
        return FEATURES[self.terms.plan] if stands else set()

    @property
    def unpaid(self) -> Bill | None:
        """The newest bill that waits to be paid."""
        return next((bill for bill in reversed(self.bills) if bill.status == "OPEN"), None)

    # ---- its beginning ----

    def begin(self) -> None:
        _, months = CODES[self.code] if self.code else (0, None)
        now = self.began
        self.discount_ends = later(now, Terms("", "", 0, count=months), 1, day_of(now)) if months and months > 1 else None
        if self.terms.trial:
            self.status, self.trial_end = "TRIALING", now + self.terms.trial * DAY
            self.start, self.end, self.day = now, self.trial_end, day_of(self.trial_end)
        else:
            self._new_period(now)
        self.cancel_at = self.last_part
        self._bill(now, "subscription_create", [self._whole(trial=self.status == "TRIALING")])

    @property
    def last_part(self) -> int | None:
        """When the last of its parts ends."""
        anchor = self.began if self.trial_end is None else self.trial_end
        return None if self.terms.parts is None else later(anchor, self.terms, self.terms.parts, day_of(anchor))

    def _new_period(self, now: int) -> None:
        """One that following ones are counted from."""
        self.start, self.day = now, day_of(now)
        self.end = later(now, self.terms, 1, self.day)

    # ---- time ----

    @property
    def next(self) -> int | None:
        """When something happens to it by itself."""
        tries = [bill.next_attempt for bill in self.bills if bill.next_attempt is not None]
        period = [] if not self.live or self.status == "PAUSED" else [min(self.end, self.cancel_at or self.end)]
        return min([*tries, *period], default=None)

    def happen(self, now: int) -> None:
        """What is due now."""
        for bill in self.bills:
            if bill.next_attempt == now:
                self._charge(bill, now, by_itself=True)
                return
        if self.cancel_at == now:
            if self.waiting:
                self._bill(now, "subscription_cycle", [])
            self.stop(now)
            return
        self.start, self.end = self.end, later(self.end, self.terms, 1, self.day)
        self.status = "ACTIVE" if self.status == "TRIALING" else self.status
        self._bill(now, "subscription_cycle", [self._whole()])

    def stop(self, now: int) -> None:
        self.status, self.ended_at = "CANCELED", now
        self._let_be()

    def _let_be(self) -> None:
        for bill in self.bills:
            bill.next_attempt = None

    # ---- bills ----

    def _percent(self, now: int) -> Fraction:
        """What a discount takes off now, as a part."""
        if self.code is None or self.used or (self.discount_ends is not None and self.discount_ends <= now):
            return Fraction(0)
        return Fraction(str(CODES[self.code][0])) / 100

    def _whole(self, *, trial: bool = False) -> Line:
        return Line(self.terms, self.quantity, 0 if trial else self.terms.amount * self.quantity, trial=trial)

    def _bill(self, now: int, reason: str, lines: list[Line]) -> None:
        """Make a bill of what waits and these lines, and charge it; one that nobody pays any more stays a draft."""
        bill, self.waiting = Bill(reason, [*self.waiting, *lines], now), []
        for line in lines:
            line.off = half_up(line.amount * self._percent(now))
            self.charged = line
        if any(line.off for line in lines) and self.code and CODES[self.code][1] == 1:
            self.used = True
        self.bills.append(bill)
        if self.status != "UNPAID":
            self._open(bill)
            self._charge(bill, now)

    def _open(self, bill: Bill) -> None:
        currency, owed = self.terms.currency, bill.total + self.owner.balance
        rest = owed % FINEST[currency]
        bill.due, ending = (owed - rest, rest) if owed - rest >= LEAST[currency] else (0, owed)
        bill.credit, self.owner.balance = ending - self.owner.balance, ending
        bill.status = "OPEN"

    def _charge(self, bill: Bill, now: int, *, by_itself: bool = False) -> None:
        if not bill.due or not self.declines:
            self.paid(bill, counts=bool(bill.due) and (by_itself or not bill.attempts))
        elif by_itself or not bill.attempts:
            bill.attempts += 1
            ahead = RETRIES[bill.attempts - 1 :] if self.status in CHARGED else ()
            bill.next_attempt = now + ahead[0] * DAY if ahead else None
            self._unpaid(bill, now)

    def _unpaid(self, bill: Bill, now: int) -> None:
        if self.status == "ACTIVE" and self._decides(bill):
            self.status = "PAST_DUE"
        if self.status != "PAST_DUE" or bill.next_attempt is not None:
            return
        if self.after == "cancel":
            self.stop(now)
        elif self.after == "unpaid":
            self.status = "UNPAID"
            self._let_be()

    def _decides(self, bill: Bill) -> bool:
        """Whether it is the latest that was asked for."""
        return bill is [found for found in self.bills if found.status != "DRAFT"][-1]

    def paid(self, bill: Bill, *, counts: bool = False) -> bool:
        """Money, or credit, came in; says whether the subscription goes on by that."""
        bill.status, bill.next_attempt, bill.attempts = "PAID", None, bill.attempts + counts
        self.owner.book(bill.granted)
        goes_on = self.status in {"PAST_DUE", "UNPAID", "PAUSED"} and self._decides(bill)
        self.status = "ACTIVE" if goes_on else self.status
        return goes_on

    # ---- what people do; whether they may is tests.lifetimes.acts' question ----

    def change(self, now: int, terms: Terms, quantity: int, proration: str) -> None:
        """To another price or quantity."""
        before, restarts = (self.terms, self.quantity), (self.terms.interval, self.terms.count) != (terms.interval, terms.count)
        prorated = self.status != "TRIALING" and proration != "NONE"
        unused = self._unused(now) if prorated else []
        self.terms, self.quantity = terms, quantity
        assert before != (terms, quantity)
        if self.status == "TRIALING":
            return
        self.waiting += unused
        if restarts:
            self._new_period(now)
            self._bill(now, "subscription_update", [self._whole()])
        elif prorated:
            self.charged = Line(terms, quantity, self._part(now, terms.amount * quantity * (1 - self._percent(now))), proration=True)
            self.waiting.append(self.charged)
            if proration == "ALWAYS_INVOICE":
                self._bill(now, "subscription_update", [])

    def _unused(self, now: int) -> list[Line]:
        """What was charged for the rest of the period, given back."""
        charged = self.charged
        if charged is None:
            return []
        kept = 1 - (self._percent(now) if charged.proration or not charged.amount else Fraction(charged.off, charged.amount))
        amount = self._part(now, charged.terms.amount * charged.quantity * kept)
        return [Line(charged.terms, charged.quantity, -amount, proration=True)]

    def _part(self, now: int, amount: Fraction) -> int:
        return half_up(amount * Fraction(self.end - now, self.end - self.start))

    def cancel(self, now: int) -> None:
        self.stop(now)
        if self.waiting:
            self._bill(now, "subscription_update", [])

    def pause(self, now: int) -> None:
        self.waiting += self._unused(now)
        self.status = "PAUSED"

    def unpause(self, now: int) -> None:
        self._new_period(now)
        self._bill(now, "subscription_update", [self._whole()])

    def refund(self, bill: Bill, amount: int) -> None:
        bill.refunded += amount
        withdrawn = bill.granted * bill.refunded // bill.due
        self.owner.book(bill.withdrawn - withdrawn)
        bill.withdrawn = withdrawn
