"""Where Stripe's pages may send a browser back to: only to origins that the settings name."""

from urllib.parse import SplitResult, urlsplit

from services.errors import UrlNotAllowed
from services.text_input import checked_text

MAX_URL = 2048
"""Characters of a return URL."""

DEFAULT_PORTS = {"http": 80, "https": 443}


def return_url(given: str | None, configured: str, origins: frozenset[str], *field: str) -> str:
    """The URL given, or the configured one when none is. `origins` are like `https://app.example`.

    Raises InvalidInput for text that is no URL's length or characters, UrlNotAllowed for a URL that is not absolute http(s), carries a user
    or password, or is of another origin. Browsers read a backslash as a slash and drop control characters (url.spec.whatwg.org), so a URL
    that holds any of these is refused, as is one that holds a blank.
    """
    if given is None:
        return configured
    checked_text(given, MAX_URL, *field)
    origin = origin_of(given)
    if origin is None or origin not in {origin_of(allowed) for allowed in origins}:
        raise UrlNotAllowed("This URL is not of an allowed origin: add its origin to ALLOWED_ORIGINS, or leave the URL out.", *field)
    return given


def origin_of(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of an absolute http(s) URL without user and password; None for anything else."""
    if not url.isascii() or "\\" in url or any(letter <= " " or letter == "\x7f" for letter in url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in DEFAULT_PORTS or not _has_plain_host(url, parts):
        return None
    return parts.scheme, (parts.hostname or "").lower(), port or DEFAULT_PORTS[parts.scheme]


def _has_plain_host(url: str, parts: SplitResult) -> bool:
    after = url[len(parts.scheme) :]
    return after.startswith("://") and bool(parts.hostname) and "@" not in parts.netloc and "%" not in parts.netloc
