"""Text that callers send: bounded, and of characters that every database stores."""

from typing import Any

from models.ids import ID_LENGTH
from services.errors import InvalidInput

MAX_METADATA_KEYS = 40
"""Keys of a caller's metadata: Stripe takes 50 (docs.stripe.com/metadata), of which some are ours."""

MAX_METADATA_KEY = 40
MAX_METADATA_VALUE = 500
"""Characters of a key and of a value of metadata, as Stripe counts them."""

OUR_PREFIX = "billgraph_"
"""Begins the keys of metadata that are ours."""

MAX_ID = ID_LENGTH
"""Characters of an id that is looked up: the ORM raises for one longer than its column."""

MAX_CODE = 64
"""Characters of a plan's code that is looked up."""

MAX_EXTERNAL_ID = 255
"""Characters of the id by which the host knows a customer or a seller."""

MAX_KEY = 255
"""Characters of an idempotency key, as Stripe has it."""


def checked_text(value: str, longest: int, *field: str) -> str:
    """The text, of 1 to `longest` characters. Raises InvalidInput for another length, NUL and lone surrogates."""
    if not 0 < len(value) <= longest:
        raise InvalidInput(f"This must have 1 to {longest} characters.", *field)
    if not is_storable(value):
        raise InvalidInput("This holds characters that cannot be stored: NUL or a lone surrogate.", *field)
    return value


def optional_text(value: str | None, longest: int, *field: str) -> str | None:
    """As `checked_text`; None stays None."""
    return None if value is None else checked_text(value, longest, *field)


def checked_metadata(value: Any, *field: str) -> dict[str, str]:
    """A caller's metadata for Stripe: an object of strings within Stripe's limits; InvalidInput for anything else."""
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise InvalidInput("Metadata is an object whose values are strings.", *field)
    if len(value) > MAX_METADATA_KEYS:
        raise InvalidInput(f"Metadata may have {MAX_METADATA_KEYS} keys.", *field)
    for key, text in value.items():
        _check_entry(key, text, field)
    return dict(value)


def is_storable(value: str) -> bool:
    """Whether both engines store the text: no NUL, no lone surrogate."""
    return "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)


def _check_entry(key: str, text: str, field: tuple[str, ...]) -> None:
    if not 0 < len(key) <= MAX_METADATA_KEY or len(text) > MAX_METADATA_VALUE:
        raise InvalidInput(f"A key of metadata has 1 to {MAX_METADATA_KEY} characters, a value {MAX_METADATA_VALUE} at most.", *field)
    if key.startswith(OUR_PREFIX) or "[" in key or "]" in key:
        raise InvalidInput(f"A key of metadata has no square brackets and does not begin with {OUR_PREFIX}.", *field)
    if not is_storable(key) or not is_storable(text):
        raise InvalidInput("Metadata holds characters that cannot be stored: NUL or a lone surrogate.", *field)
