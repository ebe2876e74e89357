"""Ids sort as time does and say what they are of."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.ids import ID_LENGTH, Prefix, new_id, prefix_of

moments = st.integers(1_420_070_400_000, 4_102_444_800_000).map(lambda milliseconds: datetime.fromtimestamp(milliseconds / 1000, UTC))


@given(st.sampled_from(Prefix), moments, st.timedeltas(timedelta(milliseconds=1), timedelta(days=4000)))
def test_the_later_row_has_the_greater_id(prefix: Prefix, moment: datetime, pause: timedelta) -> None:
    earlier, later = new_id(prefix, moment), new_id(prefix, moment + pause)
    assert earlier[: len(prefix) + 11] <= later[: len(prefix) + 11]
    if pause >= timedelta(milliseconds=2):
        assert earlier < later


@given(st.sampled_from(Prefix))
def test_an_id_names_its_kind_and_fits_its_column(prefix: Prefix) -> None:
    made = new_id(prefix)
    assert prefix_of(made) is prefix
    assert len(made) == len(prefix) + 27 <= ID_LENGTH


def test_ids_made_in_a_row_are_unique_and_in_order() -> None:
    made = [new_id(Prefix.PAYMENT) for _ in range(10_000)]
    assert len(set(made)) == 10_000
    assert made == sorted(made)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pay",
        "pay_",
        "pay_x",
        "PAY_06gvm6kp7lqble3ocdcjs9i6l8",
        "pay_06gvm6kp7lqble3ocdcjs9i6lz",
        "xyz_06gvm6kp7lqble3ocdcjs9i6l8",
        "pay_06gvm6kp7lqble3ocdcjs9i6l8\n",
    ],
)
def test_anything_else_names_nothing(text: str) -> None:
    assert prefix_of(text) is None
