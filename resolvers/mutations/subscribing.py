"""Running subscriptions are changed: by whoever pays for them, and for them by staff."""

from collections.abc import Awaitable
from typing import Any

from models import Subscription
from resolvers.context import Context
from resolvers.mutations.payload import Payload, caller_of, made
from resolvers.permissions import is_staff, require_viewer
from services import subscriptions
from services.idempotency import Done
from services.plan_changes import PlanChange, change_plan
from services.subscription_changes import Asked


def asked(context: Context, subscription_id: str, key: str | None = None) -> Asked:
    """Who asks; anybody signed in may, of their own subscriptions, and staff of everybody's."""
    viewer = require_viewer(context)
    return Asked(caller_of(context, viewer), subscription_id, is_staff(viewer), key)


async def cancel_subscription(info: Any, subscription_id: str, key: str | None, *, at_period_end: bool, reason: str | None) -> Payload:
    """Its owner, and staff; so are the others."""
    who = asked(info.context, subscription_id, key)
    work = subscriptions.cancel_subscription(info.context.billing, who, at_period_end=at_period_end, reason=reason)
    return await _answer(info, work)


async def resume_subscription(info: Any, subscription_id: str, key: str | None) -> Payload:
    """Take back a planned end."""
    return await _answer(info, subscriptions.resume_subscription(info.context.billing, asked(info.context, subscription_id, key)))


async def change_subscription(info: Any, subscription_id: str, change: PlanChange, key: str | None) -> Payload:
    """Another price or quantity."""
    return await _answer(info, change_plan(info.context.billing, asked(info.context, subscription_id, key), change))


async def pause_subscription(info: Any, subscription_id: str, key: str | None) -> Payload:
    """Let it rest."""
    return await _answer(info, subscriptions.pause_subscription(info.context.billing, asked(info.context, subscription_id, key)))


async def unpause_subscription(info: Any, subscription_id: str, key: str | None) -> Payload:
    """Let it go on."""
    return await _answer(info, subscriptions.unpause_subscription(info.context.billing, asked(info.context, subscription_id, key)))


async def _answer(info: Any, work: Awaitable[Done[None]]) -> Payload:
    payload, _ = await made(info, "subscription", Subscription, work)
    return payload
