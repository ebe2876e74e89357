"""What the engine tells the pages: views of objects, and what came of a payment."""

import json
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from sandbox.errors import CardRefusal, missing
from sandbox.shapes import Json
from sandbox.transaction import Transaction

SHOWN = 50
"""Objects that a page of the seller's shows."""


@dataclass(frozen=True)
class CheckoutView:
    """A checkout session with its line items; `cancel_url` and the rest are fields of the session."""

    session: Json
    line_items: list[Json]


@dataclass(frozen=True)
class PaymentResult:
    """What came of a payment. `status` is succeeded, processing (a bank debit), declined or requires_action.

    `redirect_url` is where the browser goes next: the shop's success page, or the 3-D Secure page; None after a decline.
    `code`, `decline_code`, `message` and `param` (number, exp_year, cvc …) say what was wrong with the card.
    """

    status: str
    redirect_url: str | None = None
    code: str | None = None
    decline_code: str | None = None
    message: str | None = None
    param: str | None = None
    payment_intent: Json | None = field(default=None, repr=False)


@dataclass(frozen=True)
class EventView:
    """An event and its delivery: `state` is pending, delivered, failed, dropped, or stored when nothing is to be sent.

    An attempt is {at, status (None: no answer), answer, milliseconds}.
    """

    event: Json
    state: str
    tries: int
    next_at: int | None
    attempts: list[Json]


async def or_declined(paying: Awaitable[PaymentResult]) -> PaymentResult:
    """Return the result of a payment; a refused card is a result too."""
    try:
        return await paying
    except CardRefusal as refusal:
        details: dict[str, Any] = refusal.details
        return PaymentResult(
            "declined",
            code=refusal.code,
            decline_code=details.get("decline_code"),
            message=refusal.message,
            param=refusal.param,
            payment_intent=details.get("payment_intent"),
        )


def success_url(session: Json) -> str | None:
    """Return where a completed session sends the browser."""
    url = session["success_url"] or session["return_url"]
    return None if url is None else url.replace("{CHECKOUT_SESSION_ID}", session["id"])


def result(tx: Transaction, intent: Json | None, done_url: str | None = None) -> PaymentResult:
    """Return how a payment stands and where the browser goes next; None for an intent means that nothing was due."""
    if intent is None:
        return PaymentResult("succeeded", done_url)
    if intent["status"] == "requires_action":
        return PaymentResult("requires_action", intent["next_action"]["redirect_to_url"]["url"], payment_intent=intent)
    url = done_url or _next_url(tx, intent)
    if intent["status"] in {"succeeded", "processing"}:
        return PaymentResult(intent["status"], url, payment_intent=intent)
    error = intent["last_payment_error"] or {}
    return PaymentResult("declined", url, error.get("code"), error.get("decline_code"), error.get("message"), payment_intent=intent)


def _next_url(tx: Transaction, intent: Json) -> str | None:
    known = tx.private(intent["id"])
    session = tx.find("checkout.session", known.get("session"))
    if session is not None:
        return session["url"] if session["status"] == "open" else success_url(session)
    url: str | None = known.get("return_url")
    if known.get("invoice"):
        return url or tx.get("invoice", known["invoice"])["hosted_invoice_url"]
    if url is None:
        return None
    status = {"succeeded": "succeeded", "processing": "processing"}.get(intent["status"], "failed")
    told = {"payment_intent": intent["id"], "payment_intent_client_secret": intent["client_secret"], "redirect_status": status}
    return f"{url}{'&' if '?' in url else '?'}{urlencode(told)}"


def intent_of(tx: Transaction, intent_id: str, client_secret: str) -> Json:
    """Return a payment intent to who knows its client secret."""
    intent = tx.get("payment_intent", intent_id)
    if intent["client_secret"] != client_secret:
        raise missing("payment_intent", intent_id)
    return intent


def newest(tx: Transaction, kind: str, condition: str) -> list[Json]:
    """Return the newest objects of a kind that a fixed SQL condition holds for, at most SHOWN."""
    sql = f"SELECT body FROM objects WHERE kind = ? AND deleted = 0 AND {condition} ORDER BY seq DESC LIMIT ?"  # noqa: S608 fixed text
    return [json.loads(row["body"]) for row in tx.connection.execute(sql, (kind, SHOWN))]


def event_views(tx: Transaction, limit: int, before: str | None) -> list[EventView]:
    """Return the newest events before one, with their deliveries."""
    rows = tx.connection.execute(
        "SELECT o.id, o.body, d.state, d.tries, d.next_at FROM objects o LEFT JOIN deliveries d ON d.event = o.id"
        " WHERE o.kind IN ('event', 'v2.core.event')"
        " AND o.seq < coalesce((SELECT seq FROM objects WHERE id = ?), 9223372036854775807) ORDER BY o.seq DESC LIMIT ?",
        (before, limit),
    ).fetchall()
    return [
        EventView(
            event=json.loads(row["body"]),
            state=row["state"] or "stored",
            tries=row["tries"] or 0,
            next_at=row["next_at"] if row["state"] == "pending" else None,
            attempts=[dict(attempt) for attempt in _attempts(tx, row["id"])],
        )
        for row in rows
    ]


def _attempts(tx: Transaction, event: str) -> list[Any]:
    return tx.connection.execute("SELECT at, status, answer, milliseconds FROM attempts WHERE event = ? ORDER BY seq", (event,)).fetchall()
