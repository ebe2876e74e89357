"""Whether it was Stripe that sent a body (docs.stripe.com/webhooks#verify-manually)."""

import time
from collections.abc import Iterable

import stripe
from pydantic import SecretStr

WINDOW = 300
"""Seconds that a signature may be old, and that a clock may be ahead of ours."""

LONGEST_HEADER = 4096
"""Characters of a header that are looked at: a few signatures of each scheme."""


def is_signed(payload: str, header: str, secrets: Iterable[SecretStr]) -> bool:
    """Whether the header signs the payload with one of the secrets (several while one is being rotated), at a time within the window."""
    if not header.isascii() or len(header) > LONGEST_HEADER or not _in_window(header):
        return False
    return any(_signs(payload, header, secret.get_secret_value()) for secret in secrets)


def _signs(payload: str, header: str, secret: str) -> bool:
    try:
        return bool(stripe.WebhookSignature.verify_header(payload, header, secret))
    except stripe.SignatureVerificationError:
        return False


def _in_window(header: str) -> bool:
    """The first time stamp counts, as in the SDK, which looks at the past alone."""
    stamp = next((value for name, _, value in (item.partition("=") for item in header.split(",")) if name == "t"), "")
    return stamp.isdecimal() and len(stamp) <= 12 and abs(time.time() - int(stamp)) <= WINDOW
