"""Changes of when a subscription's trial, its period or it itself ends: worked out, without being stored yet."""

from sandbox import subscribing
from sandbox.errors import InvalidParameters
from sandbox.periods import end_of_period, period_end
from sandbox.routing import Call
from sandbox.shapes import Json
from sandbox.transaction import Transaction


def plan_end(tx: Transaction, subscription: Json, call: Call) -> Json:
    """Return the subscription with its planned end as a call's `cancel_at_period_end` or `cancel_at` says."""
    wanted, at = call.given("cancel_at_period_end"), call.params.get("cancel_at")
    if wanted is not None and at is not None:
        raise InvalidParameters(
            "You may only specify one of these parameters: cancel_at_period_end, cancel_at.", code="parameters_exclusive"
        )
    if wanted is not None and wanted != subscription["cancel_at_period_end"]:
        return subscribing.cancel_at_period_end(tx, subscription, wanted=wanted)
    if wanted is False or at == "":
        return subscription | {"cancel_at": None, "canceled_at": None, "cancel_at_period_end": False}
    if at is None or wanted:
        return subscription
    end = at if isinstance(at, int) else end_of_period(subscription)
    if end <= tx.now:
        raise InvalidParameters("`cancel_at` must be in the future.", param="cancel_at")
    return subscription | {"cancel_at": end, "canceled_at": tx.now, "cancel_at_period_end": False}


def begin_period(tx: Transaction, subscription: Json) -> None:
    """Let a period begin now, which the following ones are counted from."""
    subscription["billing_cycle_anchor"] = tx.now
    for sold in subscription["items"]["data"]:
        sold["current_period_start"], sold["current_period_end"] = tx.now, period_end(tx.now, sold["price"]["recurring"], tx.now)
    follow_period(subscription)


def change_trial(tx: Transaction, subscription: Json, call: Call) -> None:
    """Begin a trial, or move its end."""
    now = call.given("trial_end") == "now"
    at = tx.now if now else call.given("trial_end")
    if at <= tx.now and not now:
        raise InvalidParameters("Invalid timestamp: must be an integer Unix timestamp in the future.", param="trial_end")
    if not now:
        subscription |= {"status": "trialing", "trial_start": subscription["trial_start"] or tx.now}
    subscription |= {"trial_end": at, "billing_cycle_anchor": at}
    for sold in subscription["items"]["data"]:
        sold["current_period_end"] = at
    follow_period(subscription)


def trial_is_billed_now(tx: Transaction, subscription: Json, call: Call) -> bool:
    """Say whether a trial ends now into a period that is billed; where a card is missing `trial_settings` may say otherwise."""
    missing = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    billed = missing == "create_invoice" or subscribing.default_method(tx, subscription) is not None
    return bool(call.given("trial_end") == "now" and billed)


def follow_period(subscription: Json) -> None:
    """Let an end that was planned for the period's end move with it."""
    if subscription["cancel_at_period_end"]:
        subscription["cancel_at"] = end_of_period(subscription)
