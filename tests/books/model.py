"""What the books must say, worked out in plain Python from what people did."""

from dataclasses import dataclass, field

COURSE, CREDITS, PRO = "course", "credits", "pro"
FEATURES = {COURSE: {"course", "export"}, CREDITS: set(), PRO: {"export", "support"}}
GRANTED = {COURSE: 7, CREDITS: 100, PRO: 40}


@dataclass
class Paid:
    """A payment that came in; `kind` is a plan's code, or None for a part of an invoice."""

    who: str
    kind: str | None
    amount: int
    quantity: int = 1
    refunded: int = 0
    contested: bool = False
    lost: bool = False
    withdrawn: int = 0
    subscription: str | None = None

    @property
    def kept(self) -> int:
        """Minor units that stay."""
        return 0 if self.lost else self.amount - self.refunded

    @property
    def granted(self) -> int:
        """Credits that it gave."""
        return GRANTED[self.kind] * self.quantity if self.kind else 0


@dataclass
class Owed:
    """An issued invoice: its lines' amounts, and the payments of it in order."""

    who: str
    lines: list[int]
    payments: list[str] = field(default_factory=list)
    void: bool = False


@dataclass
class Held:
    """A subscription; `payments` in order."""

    who: str
    payments: list[str] = field(default_factory=list)
    ended: bool = False


@dataclass
class Books:
    """By Stripe's ids of payment intents and subscriptions, and our ids of invoices."""

    payments: dict[str, Paid] = field(default_factory=dict)
    invoices: dict[str, Owed] = field(default_factory=dict)
    subscriptions: dict[str, Held] = field(default_factory=dict)
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
        self.payments[intent].refunded += amount
        self._claw_back(self.payments[intent])

    def dispute(self, intent: str, *, contested: bool, lost: bool = False) -> None:
        paid = self.payments[intent]
        paid.contested, paid.lost = contested, lost
        self._claw_back(paid)

    def _claw_back(self, paid: Paid) -> None:
        gone = paid.amount if paid.lost else paid.refunded
        target = paid.granted * gone // paid.amount
        self.book(paid.who, paid.withdrawn - target)
        paid.withdrawn = target

    def holds(self, who: str) -> str | None:
        """The payment by which somebody holds the course."""
        own = (intent for intent, paid in self.payments.items() if paid.who == who and paid.kind == COURSE)
        return next((intent for intent in own if self.payments[intent].kept), None)

    def rights(self, who: str) -> set[tuple[str, str, bool]]:
        """(source, feature, disputed) of every entitlement that is not closed."""
        found = set()
        for intent, paid in self.payments.items():
            if paid.who == who and paid.kind == COURSE and paid.kept:
                found |= {(intent, feature, paid.contested) for feature in FEATURES[COURSE]}
        for name, held in self.subscriptions.items():
            newest = self.payments[held.payments[-1]]
            if held.who == who and not held.ended and newest.kept:
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

    def excess_goes_back(self, invoice: str) -> None:
        """What was paid beyond the lines, from the latest payment first; what is contested cannot go back."""
        owed = self.invoices[invoice]
        excess = sum(self.payments[intent].kept for intent in owed.payments) - (0 if owed.void else sum(owed.lines))
        for intent in reversed(owed.payments):
            amount = min(excess, 0 if self.payments[intent].contested else self.payments[intent].kept)
            if amount > 0:
                self.went_back(intent, amount)
                excess -= amount
