"""A document as PDF: one column of facts, a table of lines, the sums; the same rows give the same bytes."""

from collections.abc import Iterator
from datetime import datetime

from babel.dates import format_date
from babel.numbers import format_decimal
from fpdf import FPDF
from fpdf.enums import TableBordersLayout, XPos, YPos
from fpdf.fonts import FontFace

from models import ReceiptKind
from models.money import Money
from services.locales import locale_of
from services.receipts.document import Bill, Document
from services.receipts.fonts import BOLD, REGULAR, fonts_of, printable
from services.receipts.words import Words, words_of
from services.statistics.days import zone_of
from settings import Settings

MARGIN = 20
"""Millimetres on each side of an A4 page."""

GREY = (110, 110, 110)
BLACK = (0, 0, 0)
BRANDS = {"amex": "American Express", "unionpay": "UnionPay", "jcb": "JCB", "eftpos_au": "Eftpos Australia"}
"""Stripe's words for card brands that are not just written with a capital letter."""

Pair = tuple[str, str]


def drawn(settings: Settings, document: Document) -> bytes:
    """The PDF. It takes up to a second of work; call it in a thread. ValueError for a locale or time zone that is not known."""
    return _Page(settings, document).draw()


class _Page:
    def __init__(self, settings: Settings, document: Document) -> None:
        self._document = document
        self._locale = locale_of(document.locale)
        self._zone = zone_of(settings.receipt_time_zone)
        self._words: Words = words_of(self._locale.language)
        self._pdf = FPDF(format="A4")

    def draw(self) -> bytes:
        document, words = self._document, self._words
        title = words.receipt if document.kind is ReceiptKind.RECEIPT else words.credit_note
        facts, lines, sums = list(self._facts()), list(self._lines()), list(self._sums())
        house = [document.house.name, *document.house.address, *self._tax_number()]
        self._open(title, [*house, *(text for pair in facts for text in pair), *(text for line in lines for text in line)])
        self._head(title, [printable(line) for line in house if line])
        self._pairs(facts)
        self._table(lines)
        self._total(sums)
        if document.void:
            self._text(words.void, 11, bold=True)
        return bytes(self._pdf.output())

    def _open(self, title: str, texts: list[str]) -> None:
        pdf = self._pdf
        pdf.set_creation_date(self._document.issued_at)
        pdf.set_producer("Billgraph")
        pdf.set_title(f"{title} {self._document.number}")
        pdf.set_lang(str(self._locale).replace("_", "-"))
        pdf.alias_nb_pages("")
        pdf.set_margins(MARGIN, MARGIN, MARGIN)
        pdf.set_auto_page_break(auto=True, margin=MARGIN)
        pdf.add_font("text", "", REGULAR)
        pdf.add_font("text", "B", BOLD)
        needed = sorted(fonts_of("".join(map(printable, texts))))
        for font in needed:
            pdf.add_font(font.stem, "", font)
        pdf.set_fallback_fonts([font.stem for font in needed], exact_match=False)
        pdf.set_text_shaping(use_shaping_engine=True)
        pdf.add_page()

    def _facts(self) -> Iterator[Pair]:
        document, words = self._document, self._words
        yield words.issued, self._day(document.issued_at)
        if document.original:
            yield words.original, document.original
        yield words.paid_on, self._day(document.paid_at)
        if method := self._method():
            yield words.method, method
        if document.bill.reference:
            yield words.reference, document.bill.reference
        if document.seller:
            yield words.seller, document.seller
        for place, line in enumerate(document.customer):
            yield "" if place else words.customer, line

    def _tax_number(self) -> list[str]:
        number = self._document.house.tax_number
        return [f"{self._words.tax_number}: {number}"] if number else []

    def _method(self) -> str:
        kind, brand, last4 = self._document.method
        name = BRANDS.get(brand or "", (brand or kind).replace("_", " ").title())
        return self._words.ending.format(brand=name, last4=last4) if last4 else name

    def _lines(self) -> Iterator[tuple[str, str, str, str]]:
        document = self._document
        if document.refunded is not None:
            names = ", ".join(line.description for line in document.bill.lines)
            name, amount = f"{self._words.refund}: {names}" if names else self._words.refund, self._money(document.refunded)
            yield name, "1", amount, amount
            return
        for line in document.bill.lines:
            yield line.description, format_decimal(line.quantity, locale=self._locale), self._money(line.unit), self._money(line.amount)

    def _sums(self) -> Iterator[Pair]:
        document, words = self._document, self._words
        if document.refunded is not None:
            yield words.refunded, self._money(document.refunded)
            return
        yield from self._of_bill(document.bill)
        yield words.paid, self._money(document.paid)
        for back in document.returned:
            yield f"{words.refund} {back.number}, {self._day(back.issued_at)}", self._money(-back.amount)
        told = sum(back.amount for back in document.returned)
        if document.gone_back > told:
            yield words.refund, self._money(told - document.gone_back)
        if gone := max(told, document.gone_back):
            yield words.kept, self._money(document.paid - gone)

    def _of_bill(self, bill: Bill) -> Iterator[Pair]:
        words = self._words
        if bill.subtotal != bill.total:
            yield words.subtotal, self._money(bill.subtotal)
        if bill.discount:
            yield f"{words.discount} ({bill.code})" if bill.code else words.discount, self._money(-bill.discount)
        if bill.other:
            yield words.other, self._money(bill.other)
        if bill.tax and not bill.tax_included:
            yield words.tax, self._money(bill.tax)
        yield words.total, self._money(bill.total)
        if bill.tax and bill.tax_included:
            yield words.tax_included, self._money(bill.tax)
        if bill.credit:
            yield words.credit, self._money(-bill.credit)

    def _head(self, title: str, house: list[str]) -> None:
        self._text(title, 22, bold=True)
        self._text(self._document.number, 12)
        self._pdf.ln(4)
        for place, line in enumerate(house):
            self._text(line, 10, bold=not place)
        self._pdf.ln(4)

    def _pairs(self, pairs: list[Pair]) -> None:
        pdf = self._pdf
        for name, value in pairs:
            pdf.set_font("text", "", 10)
            pdf.set_text_color(*GREY)
            pdf.cell(50, 6, printable(name))
            pdf.set_text_color(*BLACK)
            pdf.multi_cell(0, 6, printable(value), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        pdf.ln(6)

    def _table(self, lines: list[tuple[str, str, str, str]]) -> None:
        words, pdf = self._words, self._pdf
        pdf.set_font("text", "", 10)
        with pdf.table(
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            col_widths=(85, 20, 32, 33),
            text_align=("LEFT", "RIGHT", "RIGHT", "RIGHT"),
            headings_style=FontFace(emphasis="BOLD"),
            line_height=6,
            padding=(1, 1),
        ) as table:
            for line in [(words.description, words.quantity, words.unit, words.amount), *lines]:
                row = table.row()
                for text in line:
                    row.cell(printable(text))
        pdf.ln(4)

    def _total(self, sums: list[Pair]) -> None:
        pdf, strong = self._pdf, {self._words.total, self._words.paid, self._words.refunded, self._words.kept}
        for name, value in sums:
            pdf.set_font("text", "B" if name in strong else "", 10)
            pdf.cell(120, 7, printable(name), align="R")
            pdf.cell(0, 7, printable(value), align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        pdf.ln(4)

    def _text(self, text: str, size: int, *, bold: bool = False) -> None:
        self._pdf.set_font("text", "B" if bold else "", size)
        self._pdf.multi_cell(0, size * 0.5, printable(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _money(self, amount: int) -> str:
        return Money(amount, self._document.currency).formatted(str(self._locale))

    def _day(self, moment: datetime) -> str:
        return format_date(moment.astimezone(self._zone).date(), format="long", locale=self._locale)
