"""POST /v1/subscriptions/{id}: what a running subscription may be changed to."""

from sandbox import pending, subscribing
from sandbox.errors import InvalidParameters, Refusal, missing
from sandbox.periods import plan_ahead
from sandbox.resources.assignment import assign
from sandbox.resources.planned_changes import planned
from sandbox.resources.subscription_items import check
from sandbox.routing import Call
from sandbox.shapes import Json
from sandbox.transaction import Transaction


def update(tx: Transaction, call: Call) -> Json:
    """Change a subscription; emits customer.subscription.updated, and bills what `proration_behavior` says of a change of its items."""
    check(call)
    bills = call.given("items") or call.given("billing_cycle_anchor")
    if bills and call.given("payment_behavior") in {"default_incomplete", "pending_if_incomplete"}:
        raise Refusal("The sandbox does not support this `payment_behavior` of a change; real Stripe does.", param="payment_behavior")
    subscription = tx.get("subscription", call.id)
    if not call.params.keys() <= {"metadata", "cancellation_details"}:
        subscribing.check_running(subscription)
    _method(tx, subscription, call)
    change = planned(tx, assign(subscription, call, "description"), call)
    changed = change.subscription
    _collection(tx, changed, call)
    if call.given("trial_settings"):
        changed["trial_settings"]["end_behavior"] |= call.given("trial_settings")["end_behavior"]
    changed["cancellation_details"] |= {name: value or None for name, value in (call.given("cancellation_details") or {}).items()}
    if changed["status"] not in subscribing.ENDED | {"incomplete"}:
        plan_ahead(tx, changed)
    pending.keep(tx, changed, change.prorations)
    saved = tx.save(changed, "customer.subscription.updated")
    if call.given("trial_end") not in {None, "now"}:
        subscribing.warn_of_trial_end(tx, saved)
    if change.bills_now:
        behaviour = call.given("payment_behavior") or "allow_incomplete"
        subscribing.collect(tx, saved, "subscription_update", change.billed_now(tx), behaviour)
    return tx.get("subscription", saved["id"])


def _method(tx: Transaction, subscription: Json, call: Call) -> None:
    if "default_payment_method" in call.params:
        method = call.given("default_payment_method")
        if method and tx.get("payment_method", method, "default_payment_method")["customer"] != subscription["customer"]:
            raise missing("payment_method", method, "default_payment_method")
        subscription["default_payment_method"] = method


def _collection(tx: Transaction, subscription: Json, call: Call) -> None:
    if "pause_collection" in call.params:
        given = call.given("pause_collection")
        if given and given.get("resumes_at") is not None and given["resumes_at"] <= tx.now:
            raise InvalidParameters("`resumes_at` must be in the future.", param="pause_collection[resumes_at]")
        subscription["pause_collection"] = {"behavior": given["behavior"], "resumes_at": given.get("resumes_at")} if given else None
