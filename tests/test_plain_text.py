"""Text of others among ours."""

import pytest

from services.plain_text import isolated, lines_of, one_line, shortened


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("  two\r\nlines\tand\u00a0more ", "two lines and more"),
        ("a\u202eb\u2066c\u200f\u0000d", "abcd"),
        ("e\u0301", "\u00e9"),
        ("\u0915\u094d\u200d\u0937", "\u0915\u094d\u200d\u0937"),
        ("\ud800x", "x"),
        ("", ""),
    ],
)
def test_one_line(text: str, shown: str) -> None:
    assert one_line(text) == shown


def test_lines_of_leaves_out_the_empty_ones() -> None:
    assert list(lines_of("one\r\n\r\n  \ntwo\u2028three")) == ["one", "two", "three"]


@pytest.mark.parametrize(("text", "most", "shown"), [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("ab d", 4, "ab d"), ("ab def", 4, "ab…")])
def test_shortened(text: str, most: int, shown: str) -> None:
    assert shortened(text, most) == shown
    assert len(shortened(text, most)) <= most


@pytest.mark.parametrize(
    ("text", "kept"), [("Ada", False), ("\u05e9\u05dc\u05d5\u05dd", True), ("\u0645\u062d\u0645\u062f 1", True), ("李", False)]
)
def test_only_what_is_written_from_right_to_left_is_isolated(text: str, kept: bool) -> None:
    assert isolated(text) == (f"\u2068{text}\u2069" if kept else text)
