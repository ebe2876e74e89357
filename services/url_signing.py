"""Marks by which an address that was made here is known again."""

import hashlib
import hmac

from settings import Settings


def mark_of(settings: Settings, label: bytes, text: str) -> str:
    """64 hexadecimal digits that nobody else can make of the text; `label` says what for. ValueError where there is no secret."""
    return hmac.new(_key(settings, label), text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def _key(settings: Settings, label: bytes) -> bytes:
    """A key of its own, made of a secret that is used for something else too."""
    for secret in (settings.url_signing_secret, settings.auth_secret, settings.stripe_secret_key):
        if secret is not None:
            return hmac.new(secret.get_secret_value().encode(), label, hashlib.sha256).digest()
    raise ValueError("Set URL_SIGNING_SECRET.")
