"""Ids of our own rows: a type prefix and a UUIDv7, one string everywhere (API, database key, URLs, logs).

The UUID is written in lower-case base32hex (RFC 4648 section 7) without padding: 26 characters that sort as the UUID does,
so that ordering by id is ordering by time of creation (RFC 9562 section 5.7).
"""

import base64
import re
import secrets
from datetime import datetime
from enum import StrEnum

import uuid_utils

ID_LENGTH = 32
"""Longest id in characters: prefix, underscore and 26 digits fit."""

_PATTERN = re.compile(r"(?P<prefix>[a-z]{3,5})_(?P<digits>[0-9a-v]{26})")


class Prefix(StrEnum):
    """The type prefix of each kind of row; none is one of Stripe's own, so the two kinds of id cannot be confused."""

    CUSTOMER = "cust"
    PLAN = "plan"
    PRICE = "prc"
    PAYMENT = "pay"
    REFUND = "rfd"
    DISPUTE = "dsp"
    PROMOTION_CODE = "prm"
    REFUND_REQUEST = "rrq"
    SELLER = "sel"
    INVOICE = "inv"
    INVOICE_LINE = "inl"
    ALLOCATION = "alo"
    CREDIT_ENTRY = "cre"
    CREDIT_LOT = "lot"
    ENTITLEMENT = "ent"
    OUTBOX_ENTRY = "obx"
    SUBSCRIPTION = "sbn"
    SUBSCRIPTION_CHANGE = "sch"
    CHECKOUT_SESSION = "cko"
    WEBHOOK_EVENT = "whe"
    IDEMPOTENCY_KEY = "idk"
    AUDIT_ENTRY = "aud"
    CHECKPOINT = "ckp"
    STATISTICS_DELTA = "std"
    STATISTICS_ROLLUP = "str"
    EVENT_DESTINATION = "evd"
    DELIVERY = "dlv"
    EVENT = "bev"
    RECEIPT = "rct"
    RECEIPT_COUNTER = "rcc"
    EMAIL = "eml"
    EMAIL_ADDRESS = "ema"
    ERASURE = "ers"
    RETENTION_RUN = "ret"


def new_id(prefix: Prefix, at: datetime | None = None) -> str:
    """Make an id of the given kind; `at` (aware) dates a row to its microsecond, now when left out."""
    unique = uuid_utils.uuid7().bytes if at is None else _dated(at)
    return f"{prefix}_{base64.b32hexencode(unique).decode().lower().rstrip('=')}"


def _dated(at: datetime) -> bytes:
    """A UUIDv7 with the microseconds in the 12 bits behind its milliseconds (RFC 9562 section 6.2, method 3)."""
    milliseconds, microseconds = divmod(round(at.timestamp() * 1_000_000), 1000)
    fields = (milliseconds, 48), (7, 4), (microseconds * 4096 // 1000, 12), (0b10, 2), (secrets.randbits(62), 62)
    number = 0
    for value, bits in fields:
        number = number << bits | value
    return number.to_bytes(16, "big")


def prefix_of(row_id: str) -> Prefix | None:
    """The kind that a well-formed id names, None for anything else."""
    match = _PATTERN.fullmatch(row_id)
    return Prefix(match["prefix"]) if match and match["prefix"] in set(Prefix) else None


def earliest_id(prefix: Prefix, at: datetime) -> str:
    """The least id that a row of this millisecond can have: every row made before it has a lesser one. `at` is aware and after 1970."""
    milliseconds = max(0, min(int(at.timestamp() * 1000), 2**48 - 1))
    digits = base64.b32hexencode(milliseconds.to_bytes(6, "big") + bytes(10)).decode().lower().rstrip("=")
    return f"{prefix}_{digits}"
