"""Media types of GraphQL over HTTP: what the client sends, and what it would like to have.

Rules: RFC 9110 section 12.5.1 (Accept) and the GraphQL-over-HTTP specification, graphql.github.io/graphql-over-http/draft.
"""

import math
from enum import StrEnum
from functools import lru_cache
from typing import Final

MAX_ACCEPT: Final = 2_000
"""Characters of an Accept header that are read; a longer one counts as none."""


class MediaType(StrEnum):
    """Types that an answer can have. JSON is for clients from before the specification: its errors come with status 200."""

    GRAPHQL = "application/graphql-response+json"
    JSON = "application/json"


@lru_cache(maxsize=256)
def preferred(accept: str | None) -> MediaType | None:
    """The type to answer in; None when the client takes neither. Without a header, and among equals that are not named, it is JSON."""
    if accept is None or not accept.strip() or len(accept) > MAX_ACCEPT:
        return MediaType.JSON
    ranges = [_range(part) for part in accept.split(",")]
    rated = [(*_rating(media_type, ranges), media_type) for media_type in (MediaType.GRAPHQL, MediaType.JSON)]
    quality, specificity, best = max(rated, key=lambda rating: (rating[0], rating[1]))
    if quality <= 0:
        return None
    return MediaType.JSON if specificity < 2 and rated[1][0] == quality else best


def accepts_html(accept: str | None) -> bool:
    """Whether a person's browser asks: it names text/html."""
    return accept is not None and len(accept) <= MAX_ACCEPT and any(_range(part)[0] == "text/html" for part in accept.split(","))


@lru_cache(maxsize=64)
def is_json(content_type: str | None) -> bool:
    """Whether a body is JSON in UTF-8, which also is what no HTML form of another site can send."""
    media_type, _, parameters = (content_type or "").partition(";")
    charset = _parameters(parameters).get("charset", "utf-8")
    return media_type.strip().lower() == MediaType.JSON and charset.lower() in {"utf-8", "utf8"}


def _rating(media_type: MediaType, ranges: list[tuple[str, float]]) -> tuple[float, int]:
    """Quality by the most specific range that fits: 2 the type itself, 1 application/*, 0 any."""
    for specificity, pattern in ((2, str(media_type)), (1, "application/*"), (0, "*/*")):
        found = [quality for name, quality in ranges if name == pattern]
        if found:
            return max(found), specificity
    return 0.0, -1


def _range(text: str) -> tuple[str, float]:
    name, _, rest = text.partition(";")
    parameters = _parameters(rest)
    if parameters.get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
        return "", 0.0
    return name.strip().lower(), _quality(parameters.get("q", "1"))


def _quality(text: str) -> float:
    try:
        quality = float(text)
    except ValueError:
        return 0.0
    return min(max(quality, 0.0), 1.0) if math.isfinite(quality) else 0.0


def _parameters(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs if name.strip()}
