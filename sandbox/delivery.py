"""Webhooks: events sent in order, signed, one at a time, tried again with growing pauses; every attempt is kept.

The signature is `t=<seconds>,v1=<HMAC-SHA256 of "t.body" with the endpoint's secret>` (docs.stripe.com/webhooks#verify-manually).
"""

import asyncio
import hashlib
import hmac
import json
import logging
import sqlite3
import time
from dataclasses import dataclass

import httpx

from sandbox.clock import Clock
from sandbox.configuration import Configuration
from sandbox.older_versions import render
from sandbox.store import Store
from sandbox.transaction import Transaction

TIMEOUT_SECONDS = 10.0
PAUSES = (1, 2, 5, 15, 60, 300, 1800, 3600, 7200, 14400)  # seconds before the next try; after the last the delivery has failed
MAX_ANSWER = 500
MIXED = 100  # due deliveries that are mixed up with each other
RESENT_AFTER = 60  # seconds until a delivered event is sent again, when the switches say so

log = logging.getLogger("sandbox")


@dataclass(frozen=True)
class Due:
    """An event whose delivery is due: its body as it is sent, and how often it was tried."""

    event: str
    kind: str
    body: str
    tries: int


@dataclass(frozen=True)
class Outcome:
    """What one attempt came to. `status` is None when nobody answered."""

    status: int | None
    answer: str
    milliseconds: int

    @property
    def delivered(self) -> bool:
        """Say whether the endpoint answered 2xx."""
        return self.status is not None and 200 <= self.status < 300


def signature(secret: str, body: str, at: int) -> str:
    """Return the Stripe-Signature header for a body sent at a time (UTC seconds)."""
    digest = hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


class Delivery:
    """Sends what is due. Only `send_next` talks to the endpoint, and only one of them runs at a time."""

    def __init__(self, configuration: Configuration, clock: Clock, store: Store) -> None:
        self._configuration, self._clock, self._store = configuration, clock, store
        self._client = httpx.AsyncClient(timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def send_next(self) -> bool:
        """Send the oldest due event (any of them when the switches say so) and keep what came of it; return False when nothing is due."""
        now = self._clock.now()
        due = await self._store.transact(lambda connection: _next(Transaction(connection, self._configuration, now)))
        if due is None or self._configuration.webhook_url is None:
            return False
        chaos = self._configuration.chaos
        for _ in range(chaos.copies()):
            outcome = await self._send(self._configuration.webhook_url, due)
        at, again = self._clock.now(), chaos.again() and due.tries == 0
        await self._store.transact(lambda connection: _record(connection, due, outcome, at, again=again))
        return True

    async def next_at(self) -> int | None:
        """Return when the next delivery is due (UTC seconds of the sandbox), None when none is waiting."""
        return await self._store.transact(_next_at)

    async def _send(self, url: str, due: Due) -> Outcome:
        started = time.monotonic()
        at = int(time.time())
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (billgraph sandbox)",
            "Stripe-Signature": signature(self._configuration.webhook_secret or "", due.body, at),
            "Stripe-Sandbox": "billgraph",
        }
        status: int | None = None
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                response = await self._client.post(url, content=due.body.encode(), headers=headers)
            status, answer = response.status_code, response.text[:MAX_ANSWER]
        except (httpx.HTTPError, TimeoutError) as error:
            answer = f"{type(error).__name__}: no answer from the endpoint"
        outcome = Outcome(status, answer, int((time.monotonic() - started) * 1000))
        log.info("webhook sent", extra={"event": due.event, "type": due.kind, "status": status})
        return outcome


def _next(tx: Transaction) -> Due | None:
    rows = tx.connection.execute(
        "SELECT d.event, d.tries, o.body FROM deliveries d JOIN objects o ON o.id = d.event"
        " WHERE d.state = 'pending' AND d.next_at <= ? ORDER BY d.seq LIMIT ?",
        (tx.now, MIXED if tx.configuration.chaos.switches.shuffled else 1),
    ).fetchall()
    if not rows:
        return None
    row = tx.configuration.chaos.pick(rows)
    event = json.loads(row["body"])
    if event["object"] == "event":
        event = render(tx, event, tx.configuration.chaos.switches.version)
    return Due(row["event"], event["type"], json.dumps(event, indent=2), row["tries"])


def _record(connection: sqlite3.Connection, due: Due, outcome: Outcome, at: int, *, again: bool) -> None:
    connection.execute(
        "INSERT INTO attempts (event, at, status, answer, milliseconds) VALUES (?, ?, ?, ?, ?)",
        (due.event, at, outcome.status, outcome.answer, outcome.milliseconds),
    )
    state = "delivered" if outcome.delivered else "failed" if due.tries >= len(PAUSES) else "pending"
    pause = PAUSES[due.tries] if state == "pending" else 0
    if again and outcome.delivered:
        state, pause = "pending", RESENT_AFTER
    connection.execute("UPDATE deliveries SET state = ?, tries = tries + 1, next_at = ? WHERE event = ?", (state, at + pause, due.event))
    if state != "pending":
        connection.execute(
            "UPDATE objects SET body = json_set(body, '$.pending_webhooks', 0) WHERE id = ? AND kind = 'event'", (due.event,)
        )


def _next_at(connection: sqlite3.Connection) -> int | None:
    row = connection.execute("SELECT min(next_at) AS at FROM deliveries WHERE state = 'pending'").fetchone()
    return None if row["at"] is None else int(row["at"])
