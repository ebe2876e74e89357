"""Unsubscribing with one click (RFC 8058), from the kind of mail that the address stood in. Receipts and their like cannot be unsubscribed.

Addresses name no person, and are good for ever: mails are kept for years.
"""

import hmac

from models import OPTIONAL_KINDS, Email
from services.emails.known_addresses import unsubscribe_address
from services.url_signing import mark_of
from settings import Settings

PATH = "/emails/unsubscribe/"
"""What the path of an address begins with; the token follows."""

_LABEL = b"billgraph: unsubscribing from e-mails"

MARK = 40
"""Hexadecimal digits of a token's mark."""


def unsubscribe_url(settings: Settings, row: Email) -> str:
    """Where the mail's recipient unsubscribes from mails of its kind; empty for kinds that are owed to them."""
    if row.kind not in OPTIONAL_KINDS:
        return ""
    return f"{(settings.public_url or '').rstrip('/')}{PATH}{row.id}.{_mark(settings, row.id)}"


def row_of_token(settings: Settings, token: str) -> str | None:
    """The id of the mail that a token was made for; None for one that was not made here."""
    row_id, _, mark = token.partition(".")
    right = hmac.compare_digest(_mark(settings, row_id).encode(), mark.encode("utf-8", "replace"))
    return row_id if right else None


async def unsubscribe(row_id: str) -> None:
    """Send the mail's recipient no more of its kind; again, or once the mail was erased, nothing happens."""
    row = await Email.get_or_none(id=row_id)
    if row is not None and row.recipient is not None and row.kind in OPTIONAL_KINDS:
        await unsubscribe_address(row.recipient, row.kind)


def _mark(settings: Settings, row_id: str) -> str:
    return mark_of(settings, _LABEL, row_id)[:MARK]
