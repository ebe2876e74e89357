"""Time passing: what is due by the sandbox's clock happens (sessions expire, refunds settle, periods end)."""

from sandbox import completion, dunning, pausing, subscribing
from sandbox.payments import settle_debit
from sandbox.periods import end_of_period, plan_ahead
from sandbox.resources.coupons import expire
from sandbox.resources.refunds import settle
from sandbox.shapes import Json
from sandbox.transaction import Transaction

MAX_STEPS = 200


def advance(tx: Transaction) -> int | None:
    """Do everything that is due, oldest first and each as of the second it was due at: at most MAX_STEPS in one transaction.

    Returns that second (UTC) of the last step when something may be left for the next pass, None when nothing is.
    """
    at: int | None = None
    for _ in range(MAX_STEPS):
        row = tx.connection.execute("SELECT id, at FROM due WHERE at <= ? ORDER BY at LIMIT 1", (tx.now,)).fetchone()
        if row is None:
            return None
        at = int(row["at"])
        step(Transaction(tx.connection, tx.configuration, at), row["id"])
    return at


def step(tx: Transaction, due: str) -> None:
    """Do what is due for one object: `due` is its id, or its id and the notice to be given of it (`sub_…/upcoming`)."""
    tx.schedule(due, None)
    object_id, _, notice = due.partition("/")
    kind = tx.kind(object_id) or ""
    found = tx.find(kind, object_id)
    if found is None:
        return
    if notice:
        pausing.announce(tx, found, notice)
    elif kind == "checkout.session" and found["status"] == "open":
        completion.expire(tx, found)
    elif kind in _STEPS:
        _STEPS[kind](tx, found)


def _subscription(tx: Transaction, subscription: Json) -> None:
    if subscription["status"] in subscribing.ENDED:
        return
    if subscription["status"] == "incomplete":
        completion.abandon(tx, subscription)
        return
    resumes = (subscription["pause_collection"] or {}).get("resumes_at")
    if subscription["cancel_at"] is not None and subscription["cancel_at"] <= tx.now:
        subscribing.cancel(tx, subscribing.settle_pending(tx, subscription))
    elif resumes is not None and resumes <= tx.now:
        pausing.resume_collection(tx, subscription)
    elif end_of_period(subscription) <= tx.now:
        _end_period(tx, subscription)
    later = tx.get("subscription", subscription["id"])
    if later["status"] not in subscribing.ENDED:
        plan_ahead(tx, later)


def _end_period(tx: Transaction, subscription: Json) -> None:
    missing = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    if subscription["status"] == "trialing" and missing != "create_invoice" and subscribing.default_method(tx, subscription) is None:
        subscribing.cancel(tx, subscription) if missing == "cancel" else pausing.pause(tx, subscription, credited=False)
    else:
        subscribing.renew(tx, subscription)


def _expire_code(tx: Transaction, code: Json) -> None:
    if code["active"]:
        tx.save(code | {"active": False}, "promotion_code.updated")


_STEPS = {
    "payment_intent": settle_debit, "refund": settle, "subscription": _subscription, "coupon": expire, "promotion_code": _expire_code,
    "invoice": dunning.retry,
}  # fmt: skip
"""What an object of a kind does when its time has come."""
