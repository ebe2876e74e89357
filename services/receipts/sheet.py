"""A document put into words: what its PDF draws, and what the e-mail that it comes with shows."""

from collections.abc import Iterator
from dataclasses import dataclass

from models import ReceiptKind
from services.formats import Formats, formats_of
from services.receipts.document import Bill, Document
from services.receipts.words import WORDS, Words, words_of
from settings import Settings

BRANDS = {"amex": "American Express", "unionpay": "UnionPay", "jcb": "JCB", "eftpos_au": "Eftpos Australia"}
"""Stripe's words for card brands that are not just written with a capital letter."""

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Sum:
    """One of the amounts at the end; `strong` when it is one that people look for."""

    name: str
    amount: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """`lines` have description, quantity, unit price and amount, as `columns` names them; `closing` is said at the very end."""

    title: str
    house: tuple[str, ...]
    facts: tuple[Pair, ...]
    columns: tuple[str, str, str, str]
    lines: tuple[tuple[str, str, str, str], ...]
    sums: tuple[Sum, ...]
    closing: str


def sheet_of(settings: Settings, document: Document) -> Sheet:
    """The document in its locale's words. ValueError for a locale or time zone that is not known."""
    formats = formats_of(settings, document.locale, WORDS)
    return _Wording(document, words_of(formats.locale.language), formats).sheet()


def method_name(kind: str, brand: str | None) -> str:
    """A payment method as people call it: "Visa", "American Express", "Sepa Debit"."""
    return BRANDS.get(brand or "", (brand or kind).replace("_", " ").title())


@dataclass(frozen=True, slots=True)
class _Wording:
    document: Document
    words: Words
    formats: Formats

    def sheet(self) -> Sheet:
        document, words = self.document, self.words
        return Sheet(
            title=words.receipt if document.kind is ReceiptKind.RECEIPT else words.credit_note,
            house=tuple(filter(None, (document.house.name, *document.house.address, self._tax_number()))),
            facts=tuple(self._facts()),
            columns=(words.description, words.quantity, words.unit, words.amount),
            lines=tuple(self._lines()),
            sums=tuple(self._sums()),
            closing=words.void if document.void else "",
        )

    def _tax_number(self) -> str:
        number = self.document.house.tax_number
        return f"{self.words.tax_number}{self.words.colon} {number}" if number else ""

    def _facts(self) -> Iterator[Pair]:
        document, words = self.document, self.words
        yield words.issued, self.formats.day(document.issued_at)
        if document.original:
            yield words.original, document.original
        yield words.paid_on, self.formats.day(document.paid_at)
        if method := self._method():
            yield words.method, method
        if document.bill.reference:
            yield words.reference, document.bill.reference
        if document.seller:
            yield words.seller, document.seller
        for place, line in enumerate((self.words.erased,) if document.erased else document.customer):
            yield "" if place else words.customer, line

    def _method(self) -> str:
        kind, brand, last4 = self.document.method
        name = method_name(kind, brand)
        return self.words.ending.format(brand=name, last4=last4) if last4 else name

    def _lines(self) -> Iterator[tuple[str, str, str, str]]:
        document = self.document
        if document.refunded is not None:
            names = ", ".join(line.description for line in document.bill.lines)
            name, amount = f"{self.words.refund}{self.words.colon} {names}" if names else self.words.refund, self._money(document.refunded)
            yield name, self.formats.number(1), amount, amount
            return
        for line in document.bill.lines:
            yield line.description, self.formats.number(line.quantity), self._money(line.unit), self._money(line.amount)

    def _sums(self) -> Iterator[Sum]:
        document, words = self.document, self.words
        if document.refunded is not None:
            yield Sum(words.refunded, self._money(document.refunded), strong=True)
            return
        yield from self._of_bill(document.bill)
        yield Sum(words.paid, self._money(document.paid), strong=True)
        for back in document.returned:
            yield Sum(f"{words.refund} {back.number}, {self.formats.day(back.issued_at)}", self._money(-back.amount))
        told = sum(back.amount for back in document.returned)
        if document.gone_back > told:
            yield Sum(words.refund, self._money(told - document.gone_back))
        if gone := max(told, document.gone_back):
            yield Sum(words.kept, self._money(document.paid - gone), strong=True)
        if document.bill.due:
            yield Sum(words.due, self._money(document.bill.due))

    def _of_bill(self, bill: Bill) -> Iterator[Sum]:
        words = self.words
        if bill.subtotal != bill.total:
            yield Sum(words.subtotal, self._money(bill.subtotal))
        if bill.discount:
            yield Sum(f"{words.discount} ({bill.code})" if bill.code else words.discount, self._money(-bill.discount))
        if bill.other:
            yield Sum(words.other, self._money(bill.other))
        if bill.tax and not bill.tax_included:
            yield Sum(words.tax, self._money(bill.tax))
        yield Sum(words.total, self._money(bill.total), strong=True)
        if bill.tax and bill.tax_included:
            yield Sum(words.tax_included, self._money(bill.tax))
        if bill.credit:
            yield Sum(words.credit if bill.credit > 0 else words.carried, self._money(-bill.credit))
        if bill.besides:
            yield Sum(words.besides, self._money(-bill.besides))

    def _money(self, amount: int) -> str:
        return self.formats.money(amount, self.document.currency)
