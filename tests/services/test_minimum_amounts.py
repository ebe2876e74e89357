"""How little and how much is charged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.money import CURRENCIES
from services.errors import AmountTooSmall, InvalidInput
from services.minimum_amounts import MAX_CHARGE, MINIMUM, check_charge, check_unit_amount, step


def test_every_minimum_is_of_a_currency_that_is_sold_in() -> None:
    assert set(MINIMUM) <= CURRENCIES


@pytest.mark.parametrize(("currency", "least"), sorted(MINIMUM.items()))
def test_the_least_is_taken_and_less_is_not(currency: str, least: int) -> None:
    check_charge(least, currency, "quantity")
    with pytest.raises(AmountTooSmall) as refused:
        check_charge(least - 1, currency, "quantity")
    assert refused.value.field == ("quantity",)


def test_the_most_is_taken_and_more_is_not() -> None:
    check_charge(MAX_CHARGE, "USD")
    with pytest.raises(InvalidInput):
        check_charge(MAX_CHARGE + 1, "USD")


@pytest.mark.parametrize(
    ("amount", "currency", "fine"),
    [
        (1230, "KWD", True),
        (1231, "KWD", False),
        (500, "ISK", True),
        (550, "ISK", False),
        (1, "JPY", True),
        (0, "USD", True),
        (-1, "USD", False),
        (MAX_CHARGE + 1, "USD", False),
    ],
)
def test_unit_amounts(amount: int, currency: str, fine: bool) -> None:
    if fine:
        check_unit_amount(amount, currency)
        return
    with pytest.raises(InvalidInput) as refused:
        check_unit_amount(amount, currency, "prices", "0", "unitAmount")
    assert refused.value.field == ("prices", "0", "unitAmount")


@given(st.sampled_from(sorted(CURRENCIES)), st.integers(0, 9_999), st.integers(1, 99))
def test_a_quantity_of_something_chargeable_is_chargeable(currency: str, steps: int, quantity: int) -> None:
    amount = steps * step(currency)
    check_unit_amount(amount, currency)
    check_unit_amount(min(amount * quantity, MAX_CHARGE // step(currency) * step(currency)), currency)
