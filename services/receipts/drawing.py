"""A document as PDF: one column of facts, a table of lines, the sums; the same rows give the same bytes."""

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

from fpdf import FPDF
from fpdf.enums import MethodReturnValue, TableBordersLayout, VAlign, XPos, YPos
from fpdf.fonts import FontFace

from services.locales import locale_of
from services.receipts.document import Document
from services.receipts.fonts import BOLD, REGULAR, font_for, fonts_of, printable
from services.receipts.sheet import Pair, Sheet, Sum, sheet_of
from settings import Settings

MARGIN = 20
"""Millimetres on each side of an A4 page."""

DESCRIBED = 85
"""Millimetres of the column of descriptions."""

MAX_ROW = 30
"""Lines of a row of the table, which fits on a page even below a heading."""

GREY = (110, 110, 110)
BLACK = (0, 0, 0)


def drawn(settings: Settings, document: Document) -> bytes:
    """The PDF. It takes up to a second of work; call it in a thread. ValueError for a locale or time zone that is not known."""
    shown = document if is_legible(document.locale) else replace(document, locale="en")
    return _Page(shown, sheet_of(settings, shown)).draw()


def is_legible(tag: str) -> bool:
    """Whether the fonts have what a locale writes dates with."""
    return all(map(font_for, "".join(locale_of(tag).months["format"]["wide"].values())))


class _Page:
    def __init__(self, document: Document, sheet: Sheet) -> None:
        self._document, self._sheet = document, sheet
        self._pdf = FPDF(format="A4")

    def draw(self) -> bytes:
        sheet = self._sheet
        self._open([*sheet.house, *(text for row in (*sheet.facts, *sheet.lines) for text in row), *(one.name for one in sheet.sums)])
        self._head(sheet.title, list(map(printable, sheet.house)))
        self._pairs(sheet.facts)
        self._table(sheet)
        self._total(sheet.sums)
        if sheet.closing:
            self._text(sheet.closing, 11, bold=True)
        return bytes(self._pdf.output())

    def _open(self, texts: list[str]) -> None:
        pdf = self._pdf
        pdf.set_creation_date(self._document.issued_at)
        pdf.set_producer("Billgraph")
        pdf.set_title(f"{self._sheet.title} {self._document.number}")
        pdf.set_lang(str(locale_of(self._document.locale)).replace("_", "-"))
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

    def _head(self, title: str, house: list[str]) -> None:
        self._text(title, 22, bold=True)
        self._text(self._document.number, 12)
        self._pdf.ln(4)
        for place, line in enumerate(house):
            self._text(line, 10, bold=not place)
        self._pdf.ln(4)

    def _pairs(self, pairs: tuple[Pair, ...]) -> None:
        pdf = self._pdf
        for name, value in pairs:
            pdf.set_font("text", "", 10)
            pdf.set_text_color(*GREY)
            pdf.cell(50, 6, printable(name))
            pdf.set_text_color(*BLACK)
            pdf.multi_cell(0, 6, printable(value), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        pdf.ln(6)

    def _table(self, sheet: Sheet) -> None:
        pdf = self._pdf
        pdf.set_font("text", "", 10)
        with pdf.table(
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            col_widths=(DESCRIBED, 20, 32, 33),
            text_align=("LEFT", "RIGHT", "RIGHT", "RIGHT"),
            v_align=VAlign.T,
            headings_style=FontFace(emphasis="BOLD"),
            line_height=6,
            padding=(1, 1),
        ) as table:
            for line in (sheet.columns, *sheet.lines):
                for part in self._rows(line):
                    row = table.row()
                    for text in part:
                        row.cell(text)
        pdf.ln(4)

    def _rows(self, line: tuple[str, str, str, str]) -> Iterator[tuple[str, ...]]:
        """One, or for a description that no page is high enough for several, its amounts in the first."""
        described, *others = map(printable, line)
        lines = cast(
            "list[str]", self._pdf.multi_cell(DESCRIBED - 5, 6, described, align="L", dry_run=True, output=MethodReturnValue.LINES)
        )
        for start in range(0, len(lines), MAX_ROW) or (0,):
            yield "\n".join(lines[start : start + MAX_ROW]), *(("", "", "") if start else others)

    def _total(self, sums: tuple[Sum, ...]) -> None:
        pdf = self._pdf
        for one in sums:
            pdf.set_font("text", "B" if one.strong else "", 10)
            pdf.cell(120, 7, printable(one.name), align="R")
            pdf.cell(0, 7, printable(one.amount), align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        pdf.ln(4)

    def _text(self, text: str, size: int, *, bold: bool = False) -> None:
        self._pdf.set_font("text", "B" if bold else "", size)
        self._pdf.multi_cell(0, size * 0.5, printable(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
