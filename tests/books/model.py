"""What the books must say, worked out in plain Python from what people did."""

from dataclasses import dataclass, field

COURSE, CREDITS, PRO, KIT, HOURS = "course", "credits", "pro", "kit", "hours"
FEATURES = {COURSE: {"course", "export"}, CREDITS: set(), PRO: {"export", "support"}, KIT: {"kit"}, HOURS: set()}
GRANTED = {COURSE: 7, CREDITS: 100, PRO: 40, KIT: 3, HOURS: 10}
ONCE = (COURSE, PRO)
"""Of which nobody holds two."""

CAROL, DAN = "carol", "dan"
SOLD_BY = {KIT: CAROL}
"""Plans that are a seller's own; other sales are whoever's the code was."""


@dataclass
class Paid:
    """A payment that came in; `kind` is a plan's code, or None for a part of an invoice. `expired` credits are lost for all.

    It `came_back` when what went back by itself did not arrive: then no more of it goes back by itself.
    """

    who: str
    kind: str | None
    amount: int
    quantity: int = 1
    seller: str | None = None
    refunded: int = 0
    contested: bool = False
    lost: bool = False
    withdrawn: int = 0
    expired: int = 0
    subscription: str | None = None
    came_back: bool = False

    @property
    def kept(self) -> int:
        """Minor units that stay."""
        return 0 if self.lost else self.amount - self.refunded

    @property
    def stands(self) -> bool:
        """Whether what was bought is still the buyer's; what cost nothing stays."""
        return not self.lost and (self.kept > 0 or self.amount == 0)

    @property
    def granted(self) -> int:
        """Credits that it gave."""
        return GRANTED[self.kind] * self.quantity if self.kind else 0

    @property
    def taken_back(self) -> int:
        """Credits that must have been taken back: pro rata, rounded down, and never what has expired."""
        gone = self.amount if self.lost else self.refunded
        return min(self.granted * gone // self.amount, self.granted - self.expired) if self.amount else 0

    @property
    def returnable(self) -> int:
        """Minor units that may go back by themselves."""
        return 0 if self.contested or self.came_back else self.kept


@dataclass
class Owed:
    """An issued invoice: its lines' amounts, and the payments of it in order."""

    who: str
    lines: list[int]
    currency: str = "USD"
    seller: str | None = None
    payments: list[str] = field(default_factory=list)
    void: bool = False


@dataclass
class Held:
    """A subscription; `payments` in order, and the code that it was begun with. One that was begun `twice` goes back whole."""

    who: str
    code: "Code | None" = None
    payments: list[str] = field(default_factory=list)
    ended: bool = False
    twice: bool = False

    @property
    def price(self) -> int:
        """Minor units of the next invoice, of the first month, the second..."""
        months = self.code.months if self.code else 0
        return self.code.left_of(1_900) if self.code and (months is None or len(self.payments) < months) else 1_900


@dataclass
class Code:
    """A promotion code; good for a subscription's first `months`, for all when None. `ends` in seconds of Stripe's clock."""

    text: str
    percent: float | None = None
    amount: int | None = None
    months: int | None = 1
    limit: int | None = None
    plan: str | None = None
    seller: str | None = None
    ends: int | None = None
    used: int = 0
    closed: bool = False

    def left_of(self, amount: int) -> int:
        """What is to be paid; per cents are rounded half up."""
        if self.amount is not None:
            return max(0, amount - self.amount)
        return amount - (amount * round((self.percent or 0) * 100) + 5_000) // 10_000

    def is_active(self, now: int) -> bool:
        return not self.closed and self.used != self.limit and (self.ends is None or now < self.ends)

    def fits(self, plan: str, currency: str, now: int) -> bool:
        return self.is_active(now) and self.plan in (None, plan) and (self.amount is None or currency == "USD")


@dataclass
class Asking:
    """A refund request of a payment; `amount` None for all that is left when it is approved."""

    intent: str
    amount: int | None
    status: str = "PENDING"


@dataclass
class Books:
    """By Stripe's ids of payment intents and subscriptions, and our ids of invoices, promotion codes and refund requests.

    A payment of nothing has no payment intent: it is named by our id.
    """

    payments: dict[str, Paid] = field(default_factory=dict)
    invoices: dict[str, Owed] = field(default_factory=dict)
    subscriptions: dict[str, Held] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    requests: dict[str, Asking] = field(default_factory=dict)
    ledgers: dict[str, list[int]] = field(default_factory=dict)

    def book(self, who: str, amount: int) -> None:
        """A line of the ledger."""
        if amount:
            self.ledgers.setdefault(who, []).append(amount)

    def balance(self, who: str) -> int:
        return sum(self.ledgers.get(who, []))

    def came_in(self, intent: str, paid: Paid) -> None:
        self.payments[intent] = paid
        self.book(paid.who, paid.granted)

    def went_back(self, intent: str, amount: int) -> None:
        """Money went back; less than nothing when a refund failed."""
        self.payments[intent].refunded += amount
        self._claw_back(self.payments[intent])

    def dispute(self, intent: str, *, contested: bool, lost: bool = False) -> None:
        paid = self.payments[intent]
        paid.contested, paid.lost = contested, lost
        self._claw_back(paid)

    def expire(self, intent: str, amount: int) -> None:
        """So many of a payment's credits were not used in time."""
        self.payments[intent].expired += amount
        self.book(self.payments[intent].who, -amount)

    def _claw_back(self, paid: Paid) -> None:
        self.book(paid.who, paid.withdrawn - paid.taken_back)
        paid.withdrawn = paid.taken_back

    def holds(self, who: str) -> str | None:
        """The payment by which somebody holds the course."""
        own = (intent for intent, paid in self.payments.items() if paid.who == who and paid.kind == COURSE)
        return next((intent for intent in own if self.payments[intent].stands), None)

    def running(self, who: str | None = None) -> list[str]:
        """Subscriptions that go on, of somebody or of all."""
        return [name for name, held in self.subscriptions.items() if not held.ended and who in (None, held.who)]

    def rights(self, who: str) -> set[tuple[str, str, bool]]:
        """(source, feature, disputed) of every entitlement that is not closed."""
        found = set()
        for intent, paid in self.payments.items():
            if paid.who == who and paid.kind and not paid.subscription and paid.stands:
                found |= {(intent, feature, paid.contested) for feature in FEATURES[paid.kind]}
        for name in self.running(who):
            newest = self.payments[self.subscriptions[name].payments[-1]]
            if newest.stands:
                found |= {(name, feature, newest.contested) for feature in FEATURES[PRO]}
        return found

    def laid(self, invoice: str) -> list[int]:
        """What is paid of each line."""
        owed = self.invoices[invoice]
        left = 0 if owed.void else sum(self.payments[intent].kept for intent in owed.payments)
        found = []
        for amount in owed.lines:
            found.append(min(amount, left))
            left -= found[-1]
        return found

    def due(self, invoice: str) -> int:
        owed = self.invoices[invoice]
        return 0 if owed.void else sum(owed.lines) - sum(self.laid(invoice))

    def what_is_too_much_goes_back(self) -> None:
        """Of each invoice, of the course that is held twice, and of a subscription that was begun twice."""
        for owed in self.invoices.values():
            self._excess_goes_back(owed)
        for who in {paid.who for paid in self.payments.values()}:
            held = [intent for intent, paid in self.payments.items() if (paid.who, paid.kind) == (who, COURSE)]
            standing = [intent for intent in held if self.payments[intent].stands and not self.payments[intent].contested]
            self._go_back(standing[1:])
        for subscription in self.subscriptions.values():
            self._go_back(subscription.payments if subscription.twice else [])

    def _go_back(self, intents: list[str]) -> None:
        for intent in intents:
            self.went_back(intent, self.payments[intent].returnable)

    def _excess_goes_back(self, owed: Owed) -> None:
        """What was paid beyond the lines, from the latest payment first; what is contested cannot go back."""
        excess = sum(self.payments[intent].kept for intent in owed.payments) - (0 if owed.void else sum(owed.lines))
        for intent in reversed(owed.payments):
            amount = min(excess, self.payments[intent].returnable)
            if amount > 0:
                self.went_back(intent, amount)
                excess -= amount
