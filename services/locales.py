"""Languages and formats that people are written to in, by BCP 47 tag."""

from functools import lru_cache

from babel import Locale, UnknownLocaleError

MAX_LOCALE = 35
"""Characters of a tag (RFC 5646 section 4.4.1)."""


@lru_cache(256)
def locale_of(tag: str) -> Locale:
    """The locale of a tag, whose parts a dash or an underscore separates. ValueError for one that is not known."""
    try:
        return Locale.parse(tag.replace("-", "_"))
    except UnknownLocaleError as error:
        raise ValueError(f"{tag!r} is not a locale that is known") from error


def is_known(tag: str) -> bool:
    """Whether there is such a locale; of one that was kept, another version of Babel may know nothing."""
    try:
        locale_of(tag)
    except ValueError:
        return False
    return True


def tag_of(text: str) -> str:
    """The tag of a known locale as it is kept, `de-CH` for `de_ch`. ValueError for one that is not known, or too long."""
    if not 0 < len(text) <= MAX_LOCALE:
        raise ValueError(f"A locale has 1 to {MAX_LOCALE} characters")
    return str(locale_of(text)).replace("_", "-")
