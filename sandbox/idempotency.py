"""Idempotency keys, as docs.stripe.com/api/idempotent_requests has them.

The first answer to a key is kept for 24 hours and given again to the same call; the same key with another call is refused, and so is
one whose first call is still running.
"""

import hashlib
import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from sandbox.errors import Refusal

KEPT_SECONDS = 24 * 60 * 60
MAX_KEY = 255


@dataclass(frozen=True)
class Answer:
    """What a call is answered with. `replayed` says that it was kept from an earlier call with the same key."""

    status: int
    request_id: str
    body: dict[str, Any]
    replayed: bool = False


def fingerprint(method: str, path: str, params: dict[str, Any]) -> str:
    """Return a digest of what a call asks for."""
    return hashlib.sha256(json.dumps([method, path, params], sort_keys=True).encode()).hexdigest()


def check_key(key: str) -> None:
    """Refuse a key longer than 255 characters."""
    if len(key) > MAX_KEY:
        raise Refusal(f"Idempotency keys must be at most {MAX_KEY} characters.", kind="idempotency_error")


def in_use(key: str) -> Refusal:
    """Return the 409 for a key whose first call still runs."""
    return Refusal(
        f"There is currently another in-progress request using this Idempotent Key: {key}. Please try again later.",
        code="idempotency_key_in_use",
        status=409,
        kind="idempotency_error",
    )


def recall(connection: sqlite3.Connection, key: str, digest: str, now: int) -> Answer | None:
    """Return the kept answer, None for a new key; raise idempotency_error when the key came with another call."""
    connection.execute("DELETE FROM answers WHERE created < ?", (now - KEPT_SECONDS,))
    row = connection.execute("SELECT * FROM answers WHERE key = ?", (key,)).fetchone()
    if row is None:
        return None
    if row["fingerprint"] != digest:
        raise Refusal(
            "Keys for idempotent requests can only be used with the same parameters they were first used with. "
            f"Try using a key other than '{key}' if you meant to execute a different request.",
            kind="idempotency_error",
        )
    return Answer(row["status"], row["request_id"], json.loads(row["body"]), replayed=True)


def remember(connection: sqlite3.Connection, key: str, digest: str, answer: Answer, now: int) -> None:
    """Keep an answer."""
    connection.execute(
        "INSERT INTO answers (key, created, fingerprint, status, request_id, body) VALUES (?, ?, ?, ?, ?, ?)",
        (key, now, digest, answer.status, answer.request_id, json.dumps(answer.body)),
    )
