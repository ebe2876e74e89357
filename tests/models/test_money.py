"""Money is exact, in every currency that Stripe takes."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.money import CURRENCIES, MAX_MINOR_UNITS, THREE_DECIMAL, TWO_DECIMAL, ZERO_DECIMAL, Money, exponent

amounts = st.integers(-MAX_MINOR_UNITS, MAX_MINOR_UNITS)


@given(amounts, st.sampled_from(sorted(CURRENCIES)))
def test_the_decimal_says_the_amount_exactly(amount: int, currency: str) -> None:
    decimal = Money(amount, currency).decimal
    assert Decimal(decimal).scaleb(exponent(currency)) == amount
    assert len(decimal.partition(".")[2]) == exponent(currency)
    assert "E" not in decimal


@pytest.mark.parametrize(
    ("amount", "currency", "decimal", "formatted"),
    [
        (49900, "USD", "499.00", "$499.00"),
        (500, "JPY", "500", "¥500"),
        (1500, "KWD", "1.500", "KWD\xa01.500"),
        (1, "KWD", "0.001", "KWD\xa00.001"),
        (-1, "KWD", "-0.001", "-KWD\xa00.001"),
        (0, "EUR", "0.00", "€0.00"),
        (-5, "EUR", "-0.05", "-€0.05"),
        (123456789, "EUR", "1234567.89", "€1,234,567.89"),
    ],
)
def test_known_amounts(amount: int, currency: str, decimal: str, formatted: str) -> None:
    assert (Money(amount, currency).decimal, Money(amount, currency).formatted()) == (decimal, formatted)


def test_other_locales_and_unknown_ones() -> None:
    assert Money(123450, "EUR").formatted("de-DE") == "1.234,50\xa0€"
    assert Money(123450, "USD").formatted("xx-not!a locale") == "$1,234.50"


def test_the_kinds_of_currency_do_not_overlap() -> None:
    assert len(CURRENCIES) == len(ZERO_DECIMAL) + len(TWO_DECIMAL) + len(THREE_DECIMAL)
    assert {exponent(code) for code in ZERO_DECIMAL} == {0}
    assert {exponent(code) for code in THREE_DECIMAL} == {3}


def test_a_currency_that_is_newer_than_this_version_is_counted_in_hundredths() -> None:
    assert (Money(-123_450, "ZWG").decimal, Money(123_450, "ZWG").formatted()) == ("-1234.50", "ZWG\xa01,234.50")
