"""Subscriptions: 2025-03-31.basil moved their period to the items."""

from datetime import datetime
from typing import NamedTuple

from services.stripe_fields import (
    Json,
    integer,
    metadata,
    moment,
    optional_integer,
    optional_moment,
    optional_text,
    part,
    reference,
    rows,
)


class Item(NamedTuple):
    """What is bought: the id of a Stripe price (or of an old plan), the metadata of it, and how many."""

    price: str | None
    metadata: Json
    quantity: int


class Recurring(NamedTuple):
    """What an item brings: `unit_amount` minor units times `quantity` for every `interval_count` of `interval` (Stripe's word)."""

    unit_amount: int
    quantity: int
    interval: str
    interval_count: int


def items(subscription: Json) -> list[Item]:
    """What is subscribed to, first item first; before 2018 one `plan` and `quantity` at the top."""
    found = [item_of(row) for row in rows(subscription, "items")]
    return found or ([item_of(subscription)] if subscription.get("plan") else [])


def item_of(row: Json) -> Item:
    """An item, or a line of an invoice before basil."""
    field = "price" if row.get("price") else "plan"
    quantity = optional_integer(row, "quantity")
    return Item(reference(row, field), metadata(part(row, field)), 1 if quantity is None else quantity)


def period(subscription: Json) -> tuple[datetime, datetime]:
    """The running period: on the items since 2025-03-31.basil (the one that ends first), at the top before."""
    places = [row for row in rows(subscription, "items") if row.get("current_period_end") is not None]
    place = min(places, key=lambda row: integer(row, "current_period_end"), default=subscription)
    return moment(place, "current_period_start"), moment(place, "current_period_end")


def ends_at(subscription: Json) -> datetime | None:
    """When a scheduled cancellation takes effect: `cancel_at` (all that the portal sets), or the end of the period."""
    at = optional_moment(subscription, "cancel_at")
    return at if at or not subscription.get("cancel_at_period_end") else period(subscription)[1]


def recurring(subscription: Json) -> list[Recurring]:
    """What each item brings; those without a fixed amount, such as metered ones, are left out."""
    found = rows(subscription, "items") or ([subscription] if subscription.get("plan") else [])
    return [told for row in found if (told := _recurring(row))]


def _recurring(row: Json) -> Recurring | None:
    """`price.recurring` with `unit_amount`; before 2020 the `plan` had `interval` and `amount` itself."""
    price, plan = part(row, "price"), part(row, "plan")
    rhythm = part(price, "recurring") or plan
    amount = optional_integer(price, "unit_amount") if price else optional_integer(plan, "amount")
    interval, quantity = optional_text(rhythm, "interval"), optional_integer(row, "quantity")
    if amount is None or interval is None:
        return None
    return Recurring(amount, 1 if quantity is None else quantity, interval, optional_integer(rhythm, "interval_count") or 1)


def payment_method(thing: Json) -> str | None:
    """What is charged for a subscription, or for a customer's invoices: a payment method, or a source of before 2019."""
    chosen = part(thing, "invoice_settings") if thing.get("object") == "customer" else thing
    return reference(chosen, "default_payment_method") or reference(thing, "default_source")


def collection_paused(subscription: Json) -> bool:
    """Whether invoices are made and not charged (docs.stripe.com/billing/subscriptions/pause-payment)."""
    return bool(part(subscription, "pause_collection"))
