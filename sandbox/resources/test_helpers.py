"""/v1/test_helpers/events and …/time: not Stripe's, but the sandbox's own ways to cause an event of a type and to move time."""

from typing import NotRequired, TypedDict

from sandbox import steering, triggering
from sandbox.errors import InvalidParameters
from sandbox.routing import Call, Route
from sandbox.shapes import Json
from sandbox.transaction import Transaction


class TriggerParams(TypedDict):
    """The event's type, and whom or what it is to be about."""

    type: str
    customer: NotRequired[str]
    checkout_session: NotRequired[str]
    payment_intent: NotRequired[str]


class MoveParams(TypedDict):
    """Seconds to move time forward by."""

    seconds: int


class TimeParams(TypedDict):
    """Nothing is asked for."""


def trigger(tx: Transaction, call: Call) -> Json:
    """Do the business that causes such an event, and return the event."""
    return triggering.trigger(tx, call.params["type"], call.params)


def move(tx: Transaction, call: Call) -> Json:
    """Begin to move time forward, and return where it stands."""
    seconds = call.params["seconds"]
    if not 1 <= seconds <= steering.MAX_ADVANCE:
        raise InvalidParameters(f"Time can be moved by 1 to {steering.MAX_ADVANCE} seconds.", param="seconds")
    steering.aim(tx, tx.now + seconds)
    return time(tx, call)


def time(tx: Transaction, _: Call) -> Json:
    """Return the time, where it is being moved to (null: nowhere), how many events there have been and how many are due to be sent."""
    events = tx.connection.execute("SELECT count(*) FROM objects WHERE kind = 'event'").fetchone()[0]
    unsent = tx.connection.execute("SELECT count(*) FROM deliveries WHERE state = 'pending' AND next_at <= ?", (tx.now,)).fetchone()[0]
    return {"object": "sandbox.time", "now": tx.now, "target": steering.target(tx.connection), "events": events, "unsent": unsent}


ROUTES = [
    Route("POST", "/v1/test_helpers/events", trigger, TriggerParams),
    Route("POST", "/v1/test_helpers/time", move, MoveParams),
    Route("GET", "/v1/test_helpers/time", time, TimeParams),
]
