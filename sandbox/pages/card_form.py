"""The card form that checkout, payment, portal and invoices share."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from sandbox.cards import CardForm
from sandbox.errors import CardRefusal

TEST_CARDS = (
    ("4242 4242 4242 4242", "is paid"),
    ("4000 0000 0000 0002", "is declined"),
    ("4000 0000 0000 9995", "has insufficient funds"),
    ("4000 0000 0000 0341", "is kept, and fails when it is charged"),
    ("4000 0000 0000 3155", "asks for 3-D Secure"),
    ("4000 0000 0000 0069", "has expired"),
    ("4000 0000 0000 0259", "is paid, then disputed"),
    ("4000 0000 0000 7726", "is paid, its refunds stay pending for a while"),
    ("4000 0000 0000 5126", "is paid, its refunds fail"),
    ("4000 0000 0000 0127", "has another security code"),
)
"""Numbers that a page lists, and what the bank says to each."""

NOT_AUTHENTICATED = "We are unable to authenticate your payment method. Please choose a different payment method and try again."

FIELDS = ("email", "name", "number", "expiry", "cvc", "account", "promotion_code")
_EXPIRY = re.compile(r"\s*(\d{1,2})\s*/\s*(\d{2}|\d{4})\s*")


def filled(given: Mapping[str, str]) -> dict[str, str]:
    """What the form shows: what was typed, or with `fill` a test card."""
    values = {name: given.get(name, "")[:200] for name in FIELDS}
    number = given.get("fill", "")
    if number.replace(" ", "").isdigit():
        year = datetime.now(UTC).year + 3
        values |= {"number": number[:23], "expiry": f"12 / {year % 100:02d}", "cvc": "123"}
        values["name"] = values["name"] or "Jenny Rosen"
        values["email"] = values["email"] or "jenny@example.com"
    return values


def card_in(given: Mapping[str, str]) -> CardForm:
    """The card of a posted form; CardRefusal where month and year are no such thing."""
    match = _EXPIRY.fullmatch(given.get("expiry", ""))
    if match is None:
        raise CardRefusal("Write the expiry date as month / year.", code="invalid_expiry_month", param="exp_month")
    return CardForm(given.get("number", "")[:40], int(match[1]), int(match[2]), given.get("cvc", "")[:10])
