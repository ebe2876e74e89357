"""/v1/test_helpers/test_clocks: Stripe's test clocks. Here one clock is everybody's, and a test clock steers it: at most one at a time."""

from stripe.params import test_helpers as params

from sandbox import steering
from sandbox.errors import InvalidParameters, Refusal
from sandbox.pagination import Where, page
from sandbox.routing import Call, Route
from sandbox.shapes import Json
from sandbox.transaction import Transaction

KEPT_SECONDS = 30 * 86400
BEHIND = 60
"""Seconds that a new clock may be behind the sandbox's, which runs while a call is written."""


def create(tx: Transaction, call: Call) -> Json:
    """Make the test clock; where it is ahead, time is moved there. Time that has passed does not come back."""
    for other in tx.matching(steering.KIND, "livemode", 0):
        raise Refusal(f"The sandbox has one clock for everything, and {other['id']} steers it: delete that one first.")
    at = call.params["frozen_time"]
    if at < tx.now - BEHIND:
        raise Refusal(f"The sandbox's time does not go back: it is {tx.now} there already.", param="frozen_time")
    made = tx.new(steering.KIND, name=call.given("name"), frozen_time=at, deletes_after=tx.now + KEPT_SECONDS, status="ready")
    made = tx.add(made, event=f"{steering.KIND}.created")
    if call.given("customer"):
        customer = tx.get("customer", call.given("customer"), "customer")
        tx.save(customer | {"test_clock": made["id"]})
    return _advance(tx, made, at) if at > tx.now else made


def advance(tx: Transaction, call: Call) -> Json:
    """Begin to move time; `ready` says that it is done. `frozen_time` is where time was sent last, from there on it runs."""
    found, at = tx.get(steering.KIND, call.id), call.params["frozen_time"]
    if at <= found["frozen_time"]:
        raise InvalidParameters("The time to advance to must be after the test clock's current frozen time.", param="frozen_time")
    return _advance(tx, found, at)


def _advance(tx: Transaction, clock: Json, at: int) -> Json:
    steering.aim(tx, at)
    changed = clock | {"status": "advancing", "status_details": {"advancing": {"target_frozen_time": at}}}
    return tx.save(changed, f"{steering.KIND}.advancing")


def retrieve(tx: Transaction, call: Call) -> Json:
    """Return the test clock."""
    return tx.get(steering.KIND, call.id)


def listing(tx: Transaction, call: Call) -> Json:
    """List the test clock, if there is one."""
    return page(tx, call, steering.KIND, "/v1/test_helpers/test_clocks", Where())


def delete(tx: Transaction, call: Call) -> Json:
    """Delete the test clock: time stays where it is, and so do customers, whom Stripe would delete with it."""
    found = tx.get(steering.KIND, call.id)
    if found["status"] == "advancing":
        raise Refusal("Time is being moved already: wait until that is done.")
    return tx.remove(found, f"{steering.KIND}.deleted")


ROUTES = [
    Route("POST", "/v1/test_helpers/test_clocks", create, params.TestClockCreateParams),
    Route("GET", "/v1/test_helpers/test_clocks", listing, params.TestClockListParams),
    Route("GET", "/v1/test_helpers/test_clocks/{id}", retrieve, params.TestClockRetrieveParams),
    Route("DELETE", "/v1/test_helpers/test_clocks/{id}", delete, params.TestClockDeleteParams),
    Route("POST", "/v1/test_helpers/test_clocks/{id}/advance", advance, params.TestClockAdvanceParams),
]
