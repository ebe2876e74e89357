"""The catalogue as a file of TOML: read strictly, each fault with its line, plan and field."""

import re
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models import BillingInterval, PlanKind
from models.money import CURRENCIES
from services.catalogue.terms import PlanTerms, PriceTerms, check_terms
from services.errors import InvalidInput

HEADER = re.compile(r"^\s*\[\[\s*(plan(?:\.price)?)\s*\]\]")
"""Begins a plan, or a price of the plan before it."""

NAMES = {"prices": "price", "sellerId": "seller"}
"""What fields of terms are called in the file, beside their underscores."""

FAULTS = {
    "extra_forbidden": "there is no such field",
    "missing": "it is missing",
    "int_type": "it must be a whole number",
    "string_type": "it must be a text in quotes",
    "bool_type": "it must be true or false",
    "list_type": "it must be a list",
    "model_type": "it must be a table: [[plan]] or [[plan.price]]",
    "model_attributes_type": "it must be a table: [[plan]] or [[plan.price]]",
}
"""pydantic's word for a fault -> ours; other faults say what may stand there."""


class CatalogueFault(ValueError):
    """A file that is no catalogue; `faults` say each what is wrong and where, in a line of its own."""

    def __init__(self, *faults: str) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class PriceEntry(_Entry):
    """`unit_amount` in minor units."""

    currency: str
    unit_amount: int
    interval: Literal["day", "week", "month", "year"] | None = None
    interval_count: int | None = None
    trial_days: int | None = None
    instalments: int | None = None

    def terms(self) -> PriceTerms:
        """As it is saved."""
        if self.currency not in CURRENCIES:
            raise InvalidInput("this is no currency that Stripe takes, in upper case as USD", "currency")
        interval = BillingInterval(self.interval.upper()) if self.interval else None
        count = 1 if interval and self.interval_count is None else self.interval_count
        return PriceTerms(self.currency, self.unit_amount, interval, count, self.trial_days, self.instalments)


class PlanEntry(_Entry):
    """`seller` is the seller's external id."""

    code: str
    kind: Literal["subscription", "package"]
    name: str
    description: str | None = None
    plan_group: str | None = None
    credits: int = 0
    credit_days: int | None = None
    features: list[str] = Field(default_factory=list)
    repeatable: bool = False
    seller: str | None = None
    price: list[PriceEntry] = Field(default_factory=list)

    def terms(self, seller_id: str | None) -> PlanTerms:
        """As it is saved. Raises InvalidInput for what cannot be sold."""
        prices = []
        for place, entry in enumerate(self.price):
            try:
                prices.append(entry.terms())
            except InvalidInput as refusal:
                raise InvalidInput(refusal.message, "prices", str(place), *refusal.field) from refusal
        terms = PlanTerms(
            code=self.code,
            kind=PlanKind(self.kind.upper()),
            name=self.name,
            prices=tuple(prices),
            description=self.description,
            credits=self.credits,
            features=tuple(self.features),
            repeatable=self.repeatable,
            credit_days=self.credit_days,
            seller_id=seller_id,
            plan_group=self.plan_group,
        )
        check_terms(terms)
        return terms


class _Document(_Entry):
    plan: list[PlanEntry]


class CatalogueFile:
    """A file that was read; its plans in their order, and where each stands."""

    def __init__(self, text: str) -> None:
        """Raises CatalogueFault."""
        self._places = _Places(text)
        try:
            read = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise CatalogueFault(f"this is not TOML: {error}") from error
        try:
            self.plans = _Document.model_validate(read).plan
        except ValidationError as error:
            found = [(*_path(fault["loc"]), FAULTS.get(fault["type"], fault["msg"])) for fault in error.errors()]
            raise CatalogueFault(*(self._fault(read, *parts) for parts in found)) from error
        self._read = read
        self._check()

    def fault(self, place: int, refusal: InvalidInput) -> str:
        """What was refused of the plan at that place, and where it stands."""
        names = [NAMES.get(name) or re.sub("([A-Z])", lambda found: f"_{found[0].lower()}", name) for name in refusal.field]
        price = int(names[1]) if names[:1] == ["price"] and len(names) > 1 else None
        field = names[-1] if price is None or len(names) > 2 else "price"
        return self._fault(self._read, place, price, field, refusal.message)

    def _check(self) -> None:
        if not self.plans:
            raise CatalogueFault("there is no plan in it: archive plans by name (archivePlan) to sell nothing")
        faults = [text for place in range(len(self.plans)) if (text := self._duplicate(place) or self._unsound(place))]
        if faults:
            raise CatalogueFault(*faults)

    def _duplicate(self, place: int) -> str | None:
        code = self.plans[place].code
        taken = code in {plan.code for plan in self.plans[:place]}
        return self._fault(self._read, place, None, "code", "another plan has this code") if taken else None

    def _unsound(self, place: int) -> str | None:
        try:
            self.plans[place].terms(None)
        except InvalidInput as refusal:
            return self.fault(place, refusal)
        return None

    def _fault(self, read: object, place: int | None, price: int | None, field: str, message: str) -> str:
        line = self._places.line(place, price, field)
        where = [f"line {line}"] if line else []
        if place is not None:
            where.append(f"plan {_code(read, place) or place + 1}")
        where += [f"price {price + 1}"] if price is not None else []
        return f"{', '.join([*where, field])}: {message}"


class _Places:
    """Lines at which plans and prices begin and end, counted from 1."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        heads = [(number, found[1]) for number, line in enumerate(self._lines) if (found := HEADER.match(line))]
        self._plans: list[list[tuple[int, int]]] = []
        for (begin, kind), (end, _) in pairwise([*heads, (len(self._lines), "")]):
            if kind == "plan":
                self._plans.append([(begin, end)])
            elif self._plans:
                self._plans[-1].append((begin, end))

    def line(self, place: int | None, price: int | None, field: str) -> int | None:
        """Of the field, or of what it would stand in; None where it cannot be told."""
        parts = self._plans[place] if place is not None and place < len(self._plans) else []
        number = 0 if price is None else price + 1
        if number >= len(parts):
            return None
        return next(self._of(field, *parts[number]), parts[number][0]) + 1

    def _of(self, field: str, begin: int, end: int) -> Iterator[int]:
        pattern = re.compile(rf"\s*{re.escape(field)}\s*=")
        return (number for number in range(begin, end) if pattern.match(self._lines[number]))


def _path(location: tuple[int | str, ...]) -> tuple[int | None, int | None, str]:
    """Plan, price and field of a fault, by pydantic's path."""
    numbers = [part for part in location if isinstance(part, int)]
    names = [part for part in location if isinstance(part, str)]
    in_price = len(location) > 3 and location[2] == "price"
    return (numbers[0] if numbers else None, numbers[1] if in_price else None, names[-1] if names else "plan")


def _code(read: object, place: int) -> str | None:
    plans = read.get("plan") if isinstance(read, dict) else None
    entry = plans[place] if isinstance(plans, list) and place < len(plans) else None
    code = entry.get("code") if isinstance(entry, dict) else None
    return repr(code[:64]) if isinstance(code, str) else None
