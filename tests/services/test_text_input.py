"""What callers send as text."""

from typing import Any

import pytest

from services.errors import InvalidInput
from services.text_input import checked_metadata, checked_text, optional_text


@pytest.mark.parametrize("text", ["a", "é", "😀", "a" * 10])
def test_text_that_is_taken(text: str) -> None:
    assert checked_text(text, 10, "x") == text


@pytest.mark.parametrize("text", ["", "a" * 11, "a\0", "\ud800"])
def test_text_that_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_text(text, 10, "x")
    assert refused.value.field == ("x",)


def test_text_may_be_left_out() -> None:
    assert optional_text(None, 10, "x") is None


@pytest.mark.parametrize("given", [None, {}, {"a": "1", "b": ""}, {"k" * 40: "v" * 500}, {f"k{n}": "v" for n in range(40)}])
def test_metadata_that_is_taken(given: Any) -> None:
    assert checked_metadata(given, "metadata") == (given or {})


@pytest.mark.parametrize(
    "given",
    [
        [],
        "text",
        1,
        {"a": 1},
        {"a": None},
        {"a": {"b": "c"}},
        {"": "x"},
        {"k" * 41: "x"},
        {"a": "v" * 501},
        {f"k{n}": "v" for n in range(41)},
        {"billgraph_id": "pay_1"},
        {"a[b]": "x"},
        {"a": "\0"},
        {"\ud800": "x"},
        {"a": "\udfff"},
    ],
)
def test_metadata_that_is_refused(given: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_metadata(given, "metadata")
    assert refused.value.field == ("metadata",)
