"""Scalars of our own: Strawberry's take naive times, dates without a time, and integers of 32 bits only.

Declare fields with the Python types below and hand `SCALARS` to `StrawberryConfig(scalar_map=SCALARS)`.
"""

import math
import re
from datetime import UTC, datetime
from typing import Any, Final, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from models.money import CURRENCIES, MAX_MINOR_UNITS

MinorUnits = NewType("MinorUnits", int)
"""Amount in minor units: 0 to 2^53 - 1 when taken in; negative as well when given out (a credit)."""

CurrencyCode = NewType("CurrencyCode", str)
"""ISO 4217 code, upper case, of a currency that Stripe takes."""

JSON = NewType("JSON", object)
"""Any JSON value, nested 32 levels at most when taken in."""

MAX_JSON_DEPTH: Final = 32
"""Levels of lists and objects in a JSON input."""

MAX_TIME_LENGTH: Final = 40
"""Characters of a time stamp."""

RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)


def parse_time(value: Any) -> datetime:
    """A time stamp of RFC 3339 section 5.6, with its offset, as an aware datetime in UTC; anything else is a GraphQLError."""
    if not isinstance(value, str) or len(value) > MAX_TIME_LENGTH or not RFC_3339.fullmatch(value):
        raise GraphQLError("A DateTime is written as RFC 3339 has it, with its offset, e.g. 2026-01-31T12:00:00Z.")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise GraphQLError("There is no such time.") from None


def print_time(value: Any) -> str:
    """An aware datetime as RFC 3339 in UTC, e.g. 2026-01-31T12:00:00Z; ValueError for a naive one, TypeError for another type."""
    if not isinstance(value, datetime):
        raise TypeError(f"A DateTime field holds {type(value).__name__}")
    if value.tzinfo is None:
        raise ValueError("A DateTime field holds a time without an offset")
    text = (value if value.tzinfo is UTC else value.astimezone(UTC)).isoformat()
    return text.removesuffix("+00:00") + "Z"


def parse_minor_units(value: Any) -> MinorUnits:
    """An integer from 0 to 2^53 - 1; a GraphQLError for a fraction, a float, a string or a boolean."""
    if type(value) is not int or not 0 <= value <= MAX_MINOR_UNITS:
        raise GraphQLError(f"MinorUnits is an integer count of the currency's minor unit from 0 to {MAX_MINOR_UNITS}.")
    return MinorUnits(value)


def print_minor_units(value: Any) -> int:
    """An integer from -(2^53 - 1) to 2^53 - 1, as it is; ValueError beyond, since JavaScript would round it."""
    if type(value) is not int or not -MAX_MINOR_UNITS <= value <= MAX_MINOR_UNITS:
        raise ValueError("A MinorUnits field holds no integer between -(2^53 - 1) and 2^53 - 1")
    return value


def parse_currency(value: Any) -> CurrencyCode:
    """A code of `models.money.CURRENCIES`; a GraphQLError for any other, also for one in lower case."""
    if not isinstance(value, str) or value not in CURRENCIES:
        raise GraphQLError("CurrencyCode is the ISO 4217 code of a currency that Stripe takes, in upper case, e.g. USD.")
    return CurrencyCode(value)


def parse_json(value: Any) -> Any:
    """Any finite JSON value that nests at most 32 levels, as it is."""
    level = [value]
    for _ in range(MAX_JSON_DEPTH + 1):
        if any(isinstance(item, float) and not math.isfinite(item) for item in level):
            raise GraphQLError("JSON has no infinite numbers.")
        level = [part for item in level for part in _parts(item)]
        if not level:
            return value
    raise GraphQLError(f"JSON may be nested {MAX_JSON_DEPTH} levels deep at most.")


def _parts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


SCALARS: Final[dict[object, ScalarDefinition]] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="RFC 3339, UTC, always with an offset: 2026-01-31T12:00:00Z.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=print_time,
        parse_value=parse_time,
    ),
    MinorUnits: strawberry.scalar(
        name="MinorUnits",
        description="Integer count of a currency's minor unit (cents; yen for JPY). Up to 2^53 - 1.",
        serialize=print_minor_units,
        parse_value=parse_minor_units,
    ),
    CurrencyCode: strawberry.scalar(
        name="CurrencyCode", description="ISO 4217 alphabetic code, upper case.", serialize=str, parse_value=parse_currency
    ),
    JSON: strawberry.scalar(
        name="JSON", description="Any JSON value.", specified_by_url="https://www.rfc-editor.org/rfc/rfc8259", parse_value=parse_json
    ),
}
"""For `StrawberryConfig(scalar_map=SCALARS)`."""
