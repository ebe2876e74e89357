"""POST /v1/test_helpers/events: not Stripe's, but the sandbox's own way to cause an event of a type."""

from typing import NotRequired, TypedDict

from sandbox import triggering
from sandbox.routing import Call, Route
from sandbox.shapes import Json
from sandbox.transaction import Transaction


class TriggerParams(TypedDict):
    """The event's type, and whom or what it is to be about."""

    type: str
    customer: NotRequired[str]
    checkout_session: NotRequired[str]
    payment_intent: NotRequired[str]


def trigger(tx: Transaction, call: Call) -> Json:
    """Do the business that causes such an event, and return the event."""
    return triggering.trigger(tx, call.params["type"], call.params)


ROUTES = [Route("POST", "/v1/test_helpers/events", trigger, TriggerParams)]
