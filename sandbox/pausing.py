"""Subscriptions that rest, and what is announced of those that run: paused, resumed, collected no more, about to be billed."""

from sandbox import completion, invoicing, pending, prorating, subscribing
from sandbox.errors import Refusal
from sandbox.identifiers import new_id
from sandbox.invoice_lines import lines
from sandbox.periods import period_end, plan_ahead
from sandbox.shapes import Json
from sandbox.transaction import Transaction


def pause(tx: Transaction, subscription: Json, *, credited: bool) -> Json:
    """Pause a subscription: nothing is billed until it is resumed. Emits customer.subscription.updated and .paused.

    `credited`: what was paid for and is not used waits for the next invoice, to be taken off.
    """
    if subscription["status"] not in {"active", "trialing"}:
        raise Refusal(f"Only a subscription that is active or in trial can be paused. ({subscription['id']} is {subscription['status']}.)")
    if credited and subscription["status"] in prorating.BILLED:
        pending.keep(tx, subscription, prorating.unused(tx, subscription, tx.now))
    saved = tx.save(subscription | {"status": "paused"}, "customer.subscription.updated")
    plan_ahead(tx, saved)
    tx.emit("customer.subscription.paused", saved)
    return saved


def resume(tx: Transaction, subscription: Json) -> Json:
    """Begin a new period now and bill it; once that is paid the subscription runs again (customer.subscription.resumed)."""
    if subscription["status"] != "paused":
        raise Refusal(f"Only a paused subscription can be resumed. ({subscription['id']} is {subscription['status']}.)")
    for entry in subscription["items"]["data"]:
        end = period_end(tx.now, entry["price"]["recurring"], tx.now)
        entry |= {"current_period_start": tx.now, "current_period_end": end}
    subscription |= {"billing_cycle_anchor": tx.now, "latest_invoice": new_id("invoice")}
    saved = tx.save(subscription, "customer.subscription.updated")
    subscribing.collect(tx, saved, "subscription_update", lines(tx, saved))
    return tx.get("subscription", saved["id"])


def resume_collection(tx: Transaction, subscription: Json) -> Json:
    """Charge again what falls due from now on; emits customer.subscription.updated."""
    return tx.save(subscription | {"pause_collection": None}, "customer.subscription.updated")


def withhold(tx: Transaction, subscription: Json, reason: str, billed: list[Json]) -> None:
    """Make the invoice of a period that is not collected: left a draft, void, or uncollectible (`pause_collection.behavior`)."""
    drafted = invoicing.draft(tx, subscription, reason, billed)
    behaviour = subscription["pause_collection"]["behavior"]
    if behaviour == "keep_as_draft":
        return
    made = invoicing.finalize(tx, drafted)
    if made["status"] == "open":
        completion.void(tx, made) if behaviour == "void" else completion.mark_uncollectible(tx, made)


def announce(tx: Transaction, subscription: Json, notice: str) -> None:
    """Emit what is due before a period or a trial ends: customer.subscription.trial_will_end or invoice.upcoming."""
    if notice == "trial_will_end" and subscription["status"] == "trialing":
        tx.emit("customer.subscription.trial_will_end", subscription)
    elif notice == "upcoming" and subscription["status"] not in subscribing.ENDED | {"paused"}:
        tx.emit("invoice.upcoming", invoicing.upcoming(tx, subscription))
