"""Ids sort as time does and say what they are of."""

import base64
from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.ids import ID_LENGTH, Prefix, earliest_id, new_id, prefix_of

moments = st.integers(1_420_070_400_000, 4_102_444_800_000).map(lambda milliseconds: datetime.fromtimestamp(milliseconds / 1000, UTC))


@given(st.sampled_from(Prefix), moments, st.timedeltas(timedelta(microseconds=1), timedelta(days=4000)))
def test_the_later_row_has_the_greater_id(prefix: Prefix, moment: datetime, pause: timedelta) -> None:
    earlier, later = new_id(prefix, moment), new_id(prefix, moment + pause)
    assert earliest_id(prefix, moment) <= earlier < later


@given(moments, st.timedeltas(timedelta(0), timedelta(seconds=1)))
def test_an_id_is_a_uuid_of_version_7(moment: datetime, pause: timedelta) -> None:
    made = new_id(Prefix.PAYMENT, moment + pause)
    unique = UUID(bytes=base64.b32hexdecode(made.removeprefix("pay_").upper() + "======"))
    assert (unique.version, unique.variant) == (7, RFC_4122)
    assert unique.int >> 80 == round((moment + pause).timestamp() * 1_000_000) // 1000


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
