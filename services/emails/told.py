"""What one e-mail says, before it is put into a layout."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from models import EmailKind
from services.emails.voice import Voice
from services.plain_text import one_line
from services.receipts.document import Document
from services.receipts.sheet import Sheet, Sum, sheet_of

Values = Mapping[str, str | int | bool]
"""What sentences may name; all is written as its reader writes it."""

TIMES = "\N{MULTIPLICATION SIGN}"
MOST_LINES = 30
"""Lines of a receipt that its e-mail shows; the PDF has them all."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A name, empty where it is the name above, and a value."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Line:
    """Something sold: what, how many times how much where that says more than the amount, and the amount."""

    description: str
    times: str
    amount: str


@dataclass(frozen=True, slots=True)
class Told:
    """`values` are what the kind's sentences may name, `url` where its button leads; `document` is attached as PDF."""

    kind: EmailKind
    voice: Voice
    values: Values
    name: str = ""
    facts: tuple[Fact, ...] = ()
    lines: tuple[Line, ...] = ()
    sums: tuple[Sum, ...] = ()
    note: tuple[str, ...] = ()
    url: str = ""
    document: Document | None = None
    unsubscribe_url: str = ""
    because: str = field(default="because_customer")


def facts(voice: Voice, **told: str | None) -> tuple[Fact, ...]:
    """Those that have a value, by the name of their label."""
    cleaned = ((name, one_line(value or "")) for name, value in told.items())
    return tuple(Fact(voice.label(name), value) for name, value in cleaned if value)


def of_document(voice: Voice, document: Document) -> tuple[tuple[Fact, ...], tuple[Line, ...], tuple[Sum, ...]]:
    """A document's facts, lines and sums, as its PDF has them; too many lines are left to it."""
    sheet = sheet_of(voice.settings, replace(document, locale=str(voice.formats.locale)))
    known = [Fact(sheet.title, document.number), *(Fact(name, one_line(value)) for name, value in sheet.facts)]
    shown = sheet.lines if len(sheet.lines) <= MOST_LINES else ()
    lines = tuple(Line(one_line(text), _times(quantity, unit, amount), amount) for text, quantity, unit, amount in shown)
    return tuple(known), lines, _sums(sheet, lines)


def _times(quantity: str, unit: str, amount: str) -> str:
    return "" if unit == amount else f"{quantity} {TIMES} {unit}"


def _sums(sheet: Sheet, lines: tuple[Line, ...]) -> tuple[Sum, ...]:
    """One that only says the only line's amount again is left out."""
    if len(sheet.sums) == 1 and len(lines) == 1 and sheet.sums[0].amount == lines[0].amount:
        return ()
    return tuple(Sum(one_line(one.name), one.amount, one.strong) for one in sheet.sums)
