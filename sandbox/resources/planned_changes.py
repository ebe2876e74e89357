"""A change of what a subscription sells and when it bills: worked out, without being done yet, so that it can be previewed too."""

import copy
from dataclasses import dataclass

from sandbox import prorating, subscribing
from sandbox.errors import InvalidParameters, Refusal, missing
from sandbox.identifiers import new_id
from sandbox.invoice_lines import lines
from sandbox.resources.subscription_items import check_together, item, quantity_of
from sandbox.resources.term_changes import begin_period, change_trial, plan_end, trial_is_billed_now
from sandbox.routing import Call
from sandbox.shapes import Json
from sandbox.transaction import Transaction


@dataclass(frozen=True)
class Change:
    """A subscription as it will be, what the change costs within the period, and whether that is billed now.

    `restarts` when a new period begins now, whose lines are billed with it.
    """

    subscription: Json
    prorations: list[Json]
    bills_now: bool
    restarts: bool

    def billed_now(self, tx: Transaction) -> list[Json]:
        """The lines of the invoice that is made now, beside what waits and the prorations."""
        return lines(tx, self.subscription) if self.restarts else []


def planned(tx: Transaction, subscription: Json, call: Call) -> Change:
    """Return what a call's items, end, trial and billing cycle anchor change. Refusals as Stripe's."""
    at, behaviour = proration_date(tx, subscription, call), call.given("proration_behavior") or "create_prorations"
    after = plan_end(tx, copy.deepcopy(subscription), call)
    if call.given("items"):
        _change_items(tx, after, call)
    trial = _trial(subscription, call)
    ends_trial = trial and trial_is_billed_now(tx, subscription, call)
    restarts = ends_trial or (not trial and subscription["status"] in prorating.BILLED and _restarts(subscription, after, call))
    if trial:
        change_trial(tx, after, call)
    if ends_trial:
        after["status"] = "active"
    if restarts:
        begin_period(tx, after)
    closes = restarts or trial
    found = [] if behaviour == "none" else prorating.prorations(tx, subscription, after, at, closes=closes)
    bills_now = restarts or (behaviour == "always_invoice" and bool(found))
    if bills_now:
        after["latest_invoice"] = new_id("invoice")
    return Change(after, found, bills_now, restarts)


def proration_date(tx: Transaction, subscription: Json, call: Call) -> int:
    """Return as of when a change is prorated (UTC seconds): the date that a call gives, else now."""
    at: int | None = call.given("proration_date")
    if at is None:
        return tx.now
    if call.given("proration_behavior") == "none":
        raise InvalidParameters("Cannot specify a proration date without creating prorations.", param="proration_date")
    for sold in subscription["items"]["data"]:
        if not sold["current_period_start"] <= at <= sold["current_period_end"]:
            raise InvalidParameters("The proration date must be within the subscription's current period.", param="proration_date")
    return at


def _trial(subscription: Json, call: Call) -> bool:
    """Whether a trial begins or its end moves; where there is none, none ends now."""
    given = call.given("trial_end")
    return given is not None and (given != "now" or subscription["status"] == "trialing")


def _restarts(before: Json, after: Json, call: Call) -> bool:
    """Whether a new period begins now: asked for, with another interval, or when what was free costs something."""
    anchor = (call.given("billing_cycle_anchor") or {}).get("type")
    return anchor == "now" or _rhythm(before) != _rhythm(after) or (_free(before) and not _free(after))


def _rhythm(subscription: Json) -> tuple[str, int]:
    recurring = subscription["items"]["data"][0]["price"]["recurring"]
    return recurring["interval"], recurring["interval_count"]


def _free(subscription: Json) -> bool:
    return not any(sold["price"]["unit_amount"] for sold in subscription["items"]["data"])


def _change_items(tx: Transaction, subscription: Json, call: Call) -> None:
    data: list[Json] = subscription["items"]["data"]
    for index, entry in enumerate(call.params["items"]):
        _change_item(tx, subscription, data, entry, f"items[{index}]")
    if not data:
        raise Refusal("A subscription must have at least one active plan.", param="items")
    check_together([sold["price"] for sold in data])
    if data[0]["price"]["currency"] != subscription["currency"]:
        raise Refusal(
            f"The price specified only supports `{data[0]['price']['currency']}`. This doesn't match the expected currency: "
            f"`{subscription['currency']}`.",
            param="items",
        )


def _change_item(tx: Transaction, subscription: Json, data: list[Json], entry: Json, param: str) -> None:
    if not entry.get("id"):
        price, quantity = item(tx, entry, param)
        data.append(_beside(data, subscribing.item(tx, subscription, price, quantity)))
        return
    found = next((sold for sold in data if sold["id"] == entry["id"]), None)
    if found is None:
        raise missing("subscription_item", entry["id"], f"{param}[id]")
    if entry.get("deleted"):
        data.remove(found)
        return
    if entry.get("price") or entry.get("price_data"):
        found["price"], _ = item(tx, {"quantity": 1} | entry, param)
        found["plan"] = subscribing.plan(found["price"])
    found["quantity"] = quantity_of(entry, param, found["quantity"])
    found["metadata"] |= entry.get("metadata") or {}


def _beside(data: list[Json], made: Json) -> Json:
    """A new item ends its first period with those that are there."""
    return made | {name: data[0][name] for name in ("current_period_start", "current_period_end")} if data else made
