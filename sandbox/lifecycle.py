"""Time passing: what is due by the sandbox's clock happens (sessions expire, refunds settle, periods end)."""

from sandbox import completion, subscribing
from sandbox.identifiers import kind_of
from sandbox.periods import next_change
from sandbox.resources.refunds import settle
from sandbox.shapes import Json
from sandbox.transaction import Transaction

MAX_STEPS = 200


def advance(tx: Transaction) -> bool:
    """Do everything that is due, oldest first and each as of the second it was due at: at most 200 steps in one transaction.

    Returns whether something is left for the next pass.
    """
    for _ in range(MAX_STEPS):
        row = tx.connection.execute("SELECT id, at FROM due WHERE at <= ? ORDER BY at LIMIT 1", (tx.now,)).fetchone()
        if row is None:
            return False
        step(Transaction(tx.connection, tx.configuration, row["at"]), row["id"])
    return True


def step(tx: Transaction, object_id: str) -> None:
    """Do what is due for one object."""
    tx.schedule(object_id, None)
    kind = kind_of(object_id) or ""
    found = tx.find(kind, object_id)
    if found is None:
        return
    if kind == "checkout.session" and found["status"] == "open":
        completion.expire(tx, found)
    elif kind == "refund":
        settle(tx, found)
    elif kind == "subscription":
        _subscription(tx, found)


def _subscription(tx: Transaction, subscription: Json) -> None:
    if subscription["status"] in subscribing.ENDED:
        return
    if subscription["status"] == "incomplete":
        completion.abandon(tx, subscription)
    elif subscription["cancel_at"] is not None and subscription["cancel_at"] <= tx.now:
        subscribing.cancel(tx, subscription)
    elif subscribing.end_of_period(subscription) <= tx.now:
        subscribing.renew(tx, subscription)
    later = tx.get("subscription", subscription["id"])
    tx.schedule(later["id"], None if later["status"] in subscribing.ENDED else next_change(later))
