"""Addresses of receipts: signed, good for minutes, and for whom they were made."""

import hmac
import time
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlencode

from services.url_signing import mark_of
from settings import Settings

LIFETIME = 15 * 60
"""Seconds that an address is good for."""

PATH = "/receipts/"
"""What the path of an address begins with; the receipt's id follows."""

EVERYTHING = "all"
"""The audience of staff; everybody else's is a mark of who they are, which says nothing to others."""

_LABEL = b"billgraph: addresses of receipts"


class Held(Enum):
    """What a given address is worth."""

    GOOD = "good"
    EXPIRED = "expired"
    FORGED = "forged"


@dataclass(frozen=True, slots=True)
class Link:
    """What an address says; `expires` in seconds since 1970."""

    receipt_id: str
    audience: str
    expires: str
    signature: str


def audience_of(settings: Settings, external_id: str) -> str:
    """The mark of a user."""
    return _mac(settings, f"audience\n{external_id}")[:32]


def link_to(settings: Settings, receipt_id: str, audience: str) -> str:
    """An address that is good from now for LIFETIME."""
    expires = str(int(time.time()) + LIFETIME)
    query = {"for": audience, "expires": expires, "signature": _signature(settings, receipt_id, audience, expires)}
    return f"{(settings.public_url or '').rstrip('/')}{PATH}{receipt_id}?{urlencode(query)}"


def held(settings: Settings, link: Link) -> Held:
    """Whether an address was made here and is still good."""
    right = _signature(settings, link.receipt_id, link.audience, link.expires)
    if not hmac.compare_digest(right.encode(), link.signature.encode("utf-8", "replace")):
        return Held.FORGED
    return Held.GOOD if int(link.expires) >= time.time() else Held.EXPIRED


def _signature(settings: Settings, receipt_id: str, audience: str, expires: str) -> str:
    return _mac(settings, f"receipt\n{receipt_id}\n{audience}\n{expires}")


def _mac(settings: Settings, text: str) -> str:
    return mark_of(settings, _LABEL, text)
