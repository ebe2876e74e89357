"""What lets a holder in: the standing of a subscription, and the entitlements that are open."""

from datetime import UTC, datetime, timedelta
from typing import Any

from models import ENDLESS, Customer, SubscriptionStatus
from models.ids import Prefix, prefix_of
from models.rows import Row
from models.selects import Comparison, Condition, Lookup, equal
from resolvers.context import Context
from resolvers.filters import storable
from resolvers.permissions import is_staff, own, require_viewer

STANDING = ("active_until", "past_due_since", "disputed")
"""Columns that say whether an entitlement is open."""


def entitled(subscription: Row, context: Context) -> bool:
    """Trialing and active do; past due does for the settings' days of grace after `past_due_since`, or from now on if that is unknown."""
    if subscription.status in (SubscriptionStatus.TRIALING, SubscriptionStatus.ACTIVE):
        return True
    if subscription.status != SubscriptionStatus.PAST_DUE:
        return False
    since: datetime | None = subscription.past_due_since
    return since is None or datetime.now(UTC) < since + _grace(context)


def is_open(entitlement: Row, context: Context) -> bool:
    """Whether the feature may be used now."""
    now = datetime.now(UTC)
    suspended = entitlement.disputed and context.billing.settings.dispute_suspends_entitlements
    return bool(entitlement.active_until > now and entitlement.past_due_since > now - _grace(context) and not suspended)


def ends_at(entitlement: Row, context: Context) -> datetime | None:
    """When it ends or ended, as far as that is known: with the days of grace where something is due."""
    due = entitlement.past_due_since
    end: datetime = min(entitlement.active_until, ENDLESS if due == ENDLESS else due + _grace(context))
    return None if end == ENDLESS else end


def open_ones(context: Context, arguments: dict[str, Any]) -> tuple[Condition, ...]:
    """Of a customer's entitlements the open ones, unless `active` is false: then those that are closed are shown as well."""
    return _open(context, residual=True) if arguments.get("active") is not False else ()


def entitles(context: Context, arguments: dict[str, Any]) -> tuple[Condition, ...] | None:
    """Open entitlements to a feature: the viewer's own, or for staff of the customer whom they name. None when there can be none."""
    viewer = require_viewer(context)
    feature, customer_id, external_id = (arguments.get(name) for name in ("feature", "customerId", "customerExternalId"))
    if any(text is not None and not storable(text) for text in (feature, customer_id, external_id)):
        return None
    whose = own(viewer)
    if external_id is not None and (is_staff(viewer) or external_id == viewer.external_id):
        whose = equal("customer_id", Lookup(Customer, "id", "external_id", external_id))
    elif external_id is not None:
        return None
    if customer_id is not None and prefix_of(customer_id) is not Prefix.CUSTOMER:
        return None
    named = () if customer_id is None else (equal("customer_id", customer_id),)
    if named and external_id is None and is_staff(viewer):
        return (*named, equal("feature", feature), *_open(context))
    return (whose, *named, equal("feature", feature), *_open(context))


def _open(context: Context, *, residual: bool = False) -> tuple[Condition, ...]:
    now, settings = datetime.now(UTC), context.billing.settings
    current = Condition("active_until", Comparison.AFTER, now, residual=residual)
    graced = Condition("past_due_since", Comparison.AFTER, now - _grace(context), residual=True)
    undisputed = (Condition("disputed", Comparison.EQUAL, value=False, residual=True),) if settings.dispute_suspends_entitlements else ()
    return (current, graced, *undisputed)


def _grace(context: Context) -> timedelta:
    return timedelta(days=context.billing.settings.past_due_grace_days)
