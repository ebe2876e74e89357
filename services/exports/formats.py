"""Rows as lines of CSV (RFC 4180) or of JSON."""

import csv
import json
import re
from datetime import datetime
from enum import StrEnum
from io import StringIO
from typing import Any

RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - the wide forms count as well
"""How a text begins that a spreadsheet takes for a formula (owasp.org/www-community/attacks/CSV_Injection)."""

_BEGUN_WITHIN = re.compile(r"""([;\t\r\n][\s"']*)(?=[=+\-@＝＋－＠])""")  # noqa: RUF001 - as above


class ExportFormat(StrEnum):
    """CSV has a line of headings; JSONL an object a line."""

    CSV = "csv"
    JSONL = "jsonl"

    @property
    def media_type(self) -> str:
        """For HTTP."""
        return "text/csv; charset=utf-8; header=present" if self is ExportFormat.CSV else "application/jsonl; charset=utf-8"

    def head(self, headings: list[str]) -> str:
        """What stands before the rows."""
        return _csv([headings]) if self is ExportFormat.CSV else ""

    def lines(self, headings: list[str], rows: list[list[Any]]) -> str:
        """The rows, whose values stand in the order of the headings."""
        if self is ExportFormat.CSV:
            return _csv([[_cell(value) for value in row] for row in rows])
        return "".join(f"{json.dumps(dict(zip(headings, map(_value, row), strict=True)), ensure_ascii=False)}\n" for row in rows)


def _csv(rows: list[list[str]]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def _cell(value: Any) -> str:
    """A value as a cell that is only read: a text that a spreadsheet would run has an apostrophe before it; numbers are no texts."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return _time(value)
    if isinstance(value, dict | list):
        return _harmless(json.dumps(value, ensure_ascii=False))
    return _harmless(value) if isinstance(value, str) and not _is_amount(value) else str(value)


def _harmless(text: str) -> str:
    """Spreadsheets that part cells at semicolons or tabs see others than were written: what begins one of those is marked as well."""
    within = _BEGUN_WITHIN.sub(r"\1'", text)
    return f"'{within}" if within.lstrip(" ").startswith(RUN_BY_SPREADSHEETS) else within


def _is_amount(text: str) -> bool:
    """Whether it is a decimal as amounts are written, which may be less than nothing."""
    whole, _, digits = text.removeprefix("-").partition(".")
    return text.isascii() and whole.isdigit() and (digits.isdigit() or "." not in text)


def _value(value: Any) -> Any:
    return _time(value) if isinstance(value, datetime) else value


def _time(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")
