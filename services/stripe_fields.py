"""Reading one field of a JSON object of Stripe's into a checked Python value.

Ids and words are strings, times aware UTC datetimes, amounts minor units, currencies upper case. Where a field that Billgraph cannot do
without is missing or of another type, UnknownShape is raised and names it.
"""

import re
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""What PostgreSQL cannot keep in a text: U+0000 and lone surrogates."""

MAX_SECONDS = 253_402_300_799
"""The last second of the year 9999, in Unix time."""


LONGEST_ID = 64
"""Characters of an id; Stripe's own have some thirty, those of checkout sessions twice as many."""

LONGEST_SESSION_ID = 128


class UnknownShape(ValueError):
    """An object of Stripe's lacks what every known API version has, or has it in a type that none has."""

    def __init__(self, thing: Json, field: str, wanted: str) -> None:
        word, object_id = thing.get("object", "object"), thing.get("id", "without id")
        super().__init__(f"{word} {object_id}: `{field}` is not {wanted}")


def text(thing: Json, field: str) -> str:
    """A string that must be there."""
    value = optional_text(thing, field)
    if value is None:
        raise UnknownShape(thing, field, "a string")
    return value


def optional_text(thing: Json, field: str) -> str | None:
    """A string, or None where it is null or absent; UNSTORABLE text is refused."""
    value = thing.get(field)
    if value is None:
        return None
    if not isinstance(value, str) or UNSTORABLE.search(value):
        raise UnknownShape(thing, field, "a string")
    return value


def optional_word(thing: Json, field: str, longest: int) -> str | None:
    """A code of Stripe's, cut to the width of its column: it is shown, never compared."""
    value = optional_text(thing, field)
    return None if value is None else value[:longest]


def integer(thing: Json, field: str) -> int:
    """A whole number of minor units, pieces or seconds, not negative, that must be there."""
    value = thing.get(field)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise UnknownShape(thing, field, "a whole number")
    return value


def optional_integer(thing: Json, field: str) -> int | None:
    """A whole number, or None where it is null or absent."""
    return None if thing.get(field) is None else integer(thing, field)


def signed_integer(thing: Json, field: str) -> int:
    """A whole number of minor units, also less than nothing, that must be there."""
    value = optional_signed(thing, field)
    if value is None:
        raise UnknownShape(thing, field, "a whole number")
    return value


def optional_signed(thing: Json, field: str) -> int | None:
    """As `signed_integer`, or None where it is null or absent."""
    value = thing.get(field)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not -(2**53) < value < 2**53:
        raise UnknownShape(thing, field, "a whole number")
    return value


def moment(thing: Json, field: str) -> datetime:
    """Unix seconds as an aware UTC datetime; must be there."""
    if (seconds := integer(thing, field)) > MAX_SECONDS:
        raise UnknownShape(thing, field, "a time before the year 10000")
    return datetime.fromtimestamp(seconds, UTC)


def optional_moment(thing: Json, field: str) -> datetime | None:
    """Unix seconds as an aware UTC datetime, or None where it is null or absent."""
    return None if thing.get(field) is None else moment(thing, field)


def currency(thing: Json) -> str:
    """The ISO 4217 code in upper case; must be there."""
    code = text(thing, "currency").upper()
    if len(code) != 3 or not code.isascii() or not code.isalpha():
        raise UnknownShape(thing, "currency", "a three-letter code")
    return code


def optional_currency(thing: Json) -> str | None:
    """As `currency`, or None where it is null or absent."""
    return None if thing.get("currency") is None else currency(thing)


def part(thing: Json, *path: str) -> Json:
    """The object below a path of fields; empty where any of them is null, absent or only an id."""
    for field in path:
        below = thing.get(field)
        if not isinstance(below, dict):
            return {}
        thing = below
    return thing


def rows(thing: Json, field: str) -> list[Json]:
    """The objects of a list of Stripe's (`{"data": […]}`, or a bare list of old); empty where it is null or absent."""
    value = thing.get(field)
    listed = value.get("data") if isinstance(value, dict) else value
    return [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []


def identifier(thing: Json, field: str = "id", longest: int = LONGEST_ID) -> str:
    """An id of Stripe's, which must be there, as long as its column at most."""
    value = text(thing, field)
    if not 0 < len(value) <= longest:
        raise UnknownShape(thing, field, f"an id of at most {longest} characters")
    return value


def reference(thing: Json, field: str) -> str | None:
    """The id of another object, whether it is given as id or expanded; None where it is null or absent."""
    value = thing.get(field)
    if isinstance(value, dict):
        return identifier(value)
    return None if value is None else identifier(thing, field)


def metadata(thing: Json) -> dict[str, str]:
    """The object's metadata; empty where it has none."""
    pairs = part(thing, "metadata")
    return {key: text(pairs, key) for key in pairs}
