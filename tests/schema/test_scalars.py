from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

import pytest
from graphql import GraphQLError
from hypothesis import given
from hypothesis import strategies as st

from models.money import CURRENCIES, MAX_MINOR_UNITS
from schema.scalars import MAX_JSON_DEPTH, parse_currency, parse_json, parse_minor_units, parse_time, print_minor_units, print_time
from tests.schema.served import Client, codes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31t12:00:00z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31 12:00:00.25+02:00", datetime(2026, 1, 31, 10, 0, 0, 250_000, tzinfo=UTC)),
        ("2026-01-31T00:30:00-05:30", datetime(2026, 1, 31, 6, tzinfo=UTC)),
        ("2024-02-29T23:59:59.123456789Z", datetime(2024, 2, 29, 23, 59, 59, 123_456, tzinfo=UTC)),
    ],
)
def test_times(text: str, expected: datetime) -> None:
    assert parse_time(text) == expected
    assert parse_time(text).tzinfo is UTC


@pytest.mark.parametrize(
    "value",
    ["2026-01-31", "2026-01-31T12:00:00", "2026-01-31T12:00Z", "2026-02-30T12:00:00Z", "2026-01-31T25:00:00Z", "2026-01-31T12:00:60Z",
     "2026-01-31T12:00:00+0200", "2026-01-31T12:00:00+99:00", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00",
     "٢٠٢٦-01-31T12:00:00Z",     "20260131T120000Z", "2026-W05-6T12:00:00Z", "now", "",
     1_700_000_000, 1.5, True, None, [], "2026-01-31T12:00:00Z" + "0" * 10**6],
)  # fmt: skip
def test_no_times(value: Any) -> None:
    with pytest.raises(GraphQLError):
        parse_time(value)


@given(st.integers(-62_000_000_000, 253_000_000_000), st.timezones())
def test_a_time_comes_back(seconds: int, zone: tzinfo) -> None:
    value = datetime.fromtimestamp(0, UTC) + timedelta(seconds=seconds)
    value = value.astimezone(zone)
    assert parse_time(print_time(value)) == value.astimezone(UTC)
    assert print_time(value).endswith("Z")


def test_times_given_out() -> None:
    assert print_time(datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=2)))) == "2026-01-31T10:00:00Z"
    assert print_time(datetime(2026, 1, 31, 12, 0, 0, 5, tzinfo=UTC)) == "2026-01-31T12:00:00.000005Z"
    with pytest.raises(ValueError, match="without an offset"):
        print_time(datetime(2026, 1, 31, 12))  # noqa: DTZ001 - a naive time is what is refused
    with pytest.raises(TypeError):
        print_time("2026-01-31T12:00:00Z")


@pytest.mark.parametrize("value", [0, 1, 2**31, MAX_MINOR_UNITS])
def test_minor_units(value: int) -> None:
    assert parse_minor_units(value) == value
    assert print_minor_units(-value) == -value


@pytest.mark.parametrize("value", [-1, MAX_MINOR_UNITS + 1, 1.0, 1.5, "1", True, None, [1], float("nan")])
def test_no_minor_units(value: Any) -> None:
    with pytest.raises(GraphQLError):
        parse_minor_units(value)


@pytest.mark.parametrize("value", [MAX_MINOR_UNITS + 1, -MAX_MINOR_UNITS - 1, 1.0, "1", True, None])
def test_no_minor_units_given_out(value: Any) -> None:
    with pytest.raises(ValueError, match="holds no integer"):
        print_minor_units(value)


def test_currencies() -> None:
    assert {parse_currency(code) for code in CURRENCIES} == CURRENCIES
    for wrong in ("usd", "XXX", "US", "", "USD ", 840, None, ["USD"]):
        with pytest.raises(GraphQLError):
            parse_currency(wrong)


def nested(levels: int) -> Any:
    value: Any = "core"
    for level in range(levels):
        value = [value] if level % 2 else {"key": value}
    return value


def test_json() -> None:
    good: tuple[Any, ...] = (None, 1, 1.5, "text", True, [], {}, {"a": [1, {"b": None}]}, nested(MAX_JSON_DEPTH))
    for value in good:
        assert parse_json(value) == value
    for wrong in (nested(MAX_JSON_DEPTH + 1), float("inf"), {"a": [float("nan")]}):
        with pytest.raises(GraphQLError):
            parse_json(wrong)


@pytest.mark.parametrize(
    ("query", "variables", "expected"),
    [
        ('{ price(amount: 4294967296, currency: "JPY") }', {}, {"price": 2**32}),
        ("query($a: MinorUnits!, $c: CurrencyCode!) { price(amount: $a, currency: $c) }", {"a": 5, "c": "USD"}, {"price": 5}),
        ("{ kept(value: {a: [1, {b: null}], c: true, d: ENUM}) }", {}, {"kept": {"a": [1, {"b": None}], "c": True, "d": "ENUM"}}),
        ("query($x: JSON!) { kept(value: {a: $x}) }", {"x": [1]}, {"kept": {"a": [1]}}),
    ],
)  # fmt: skip
async def test_scalars_through_the_endpoint(client: Client, query: str, variables: dict[str, Any], expected: dict[str, Any]) -> None:
    assert (await client.ask(query, variables=variables)).json() == {"data": expected}


@pytest.mark.parametrize(
    ("query", "variables", "code"),
    [
        ('{ price(amount: 1.5, currency: "USD") }', {}, "GRAPHQL_VALIDATION_FAILED"),
        ('{ price(amount: 1, currency: "usd") }', {}, "GRAPHQL_VALIDATION_FAILED"),
        ("{ kept(value: 1e999) }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ('query($a: MinorUnits!) { price(amount: $a, currency: "USD") }', {"a": -1}, "BAD_USER_INPUT"),
        ('query($a: MinorUnits!) { price(amount: $a, currency: "USD") }', {"a": 10**30}, "BAD_USER_INPUT"),
        ("query($x: JSON!) { kept(value: $x) }", {"x": nested(40)}, "BAD_USER_INPUT"),
    ],
)  # fmt: skip
async def test_bad_scalars_through_the_endpoint(client: Client, query: str, variables: dict[str, Any], code: str) -> None:
    answer = await client.ask(query, variables=variables)
    assert (answer.status_code, codes(answer)) == (400, [code])
