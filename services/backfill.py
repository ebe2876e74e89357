"""Events that were missed: Stripe's own list of them, walked through the same door as those that it sends.

Stripe lists the newest first. The order does not matter, so the walk goes from the newest to the oldest, page by page, and keeps its
position after each page; what came since it was stopped is a stretch of its own when it goes on.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from models import WebhookEvent, WebhookEventStatus
from services import checkpoints
from services.abreast import abreast
from services.billing import Billing
from services.errors import InvalidInput
from services.inbox import Handlers, receive
from services.since import parse_since
from services.snapshot import Snapshot
from services.stripe_event import StripeEvent, read_event
from services.stripe_lists import list_page

KEPT_FOR = timedelta(days=30)
"""Stripe lists events of the last 30 days (docs.stripe.com/api/events)."""

MOST_TYPES = 20
"""Types that one list of events is asked for at most (docs.stripe.com/api/events/list)."""

KNOWN = "ALREADY RECEIVED"
"""What is counted of events that have come before and are done."""

UNREADABLE = "UNREADABLE"
"""What is counted of entries that are no event; Stripe sends none."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the list that is still to be walked: types, from `since` (Stripe's seconds) on, behind the event `after`."""

    types: list[str]
    since: int
    after: str | None = None


@dataclass(slots=True)
class Walk:
    """`stretches` that are left, `newest` event seen (Stripe's seconds), and how many events became what."""

    since: int
    stretches: list[Stretch]
    newest: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    resumed: bool = False

    @property
    def finished(self) -> bool:
        """Whether the end was reached."""
        return not self.stretches

    @property
    def total(self) -> int:
        """Events seen."""
        return self.counts.total()

    def position(self) -> dict[str, Any]:
        """The walk as JSON."""
        stretches = [{"types": part.types, "since": part.since, "after": part.after} for part in self.stretches]
        return {"since": self.since, "stretches": stretches, "newest": self.newest, "counts": dict(self.counts)}


def events_since(text: str, now: datetime) -> datetime:
    """As `parse_since`; InvalidInput also for more than Stripe keeps."""
    since = parse_since(text, now)
    if since < now - KEPT_FOR - timedelta(minutes=1):
        raise InvalidInput(
            "Stripe lists the events of 30 days: give --since 30d at most; what is older, `billgraph reconcile` finds.", "since"
        )
    return since


async def backfill(
    billing: Billing,
    handlers: Handlers,
    since: datetime,
    *,
    name: str,
    undelivered: bool,
    stop: asyncio.Event,
    told: Callable[[Walk], None],
) -> Walk:
    """Receive every event since then of a type that is handled, or only those that Stripe could not deliver.

    A walk of this `name` that was stopped is gone on with. `told` is called after each page; when `stop` is set the walk ends there.
    Raises the gateway's Refusals; then, too, everything up to the last page is done and its position kept.
    """
    walk = await _begun(name, int(since.timestamp()), sorted(handlers))
    filters: dict[str, Any] = {"delivery_success": False} if undelivered else {}
    while walk.stretches and not stop.is_set():
        await _page(billing, handlers, walk, filters)
        await (checkpoints.keep(name, walk.position()) if walk.stretches else checkpoints.forget(name))
        told(walk)
    return walk


async def _begun(name: str, since: int, types: list[str]) -> Walk:
    chunks = [types[start : start + MOST_TYPES] for start in range(0, len(types), MOST_TYPES)]
    position = await checkpoints.position_of(name)
    if position is None:
        return Walk(since, [Stretch(chunk, since) for chunk in chunks])
    left = [Stretch(**stretch) for stretch in position["stretches"]]
    newest: int = position["newest"]
    came_since = [Stretch(chunk, newest) for chunk in chunks] if newest else []
    return Walk(position["since"], left + came_since, newest, Counter(position["counts"]), resumed=True)


async def _page(billing: Billing, handlers: Handlers, walk: Walk, filters: dict[str, Any]) -> None:
    stretch = walk.stretches[0]
    asked = filters | {"types": stretch.types, "created": {"gte": stretch.since}}
    page = await list_page(billing.stripe, "event", asked, stretch.after)
    events = [event for thing in page.objects if (event := _read(thing)) is not None]
    walk.counts += Counter({UNREADABLE: len(page.objects) - len(events)})
    known = await _known([event.id for event in events])
    walk.counts += Counter({KNOWN: len(known)})
    statuses = await abreast([event for event in events if event.id not in known], lambda event: receive(billing, event, handlers))
    walk.counts.update(status.value for status in statuses)
    walk.newest = max([walk.newest, *(event.version for event in events)])
    left = [Stretch(stretch.types, stretch.since, page.after)] if page.after else []
    walk.stretches = left + walk.stretches[1:]


def _read(thing: Snapshot) -> StripeEvent | None:
    try:
        return read_event(json.dumps(thing.object))
    except (ValueError, RecursionError):
        return None


async def _known(ids: list[str]) -> set[str]:
    done = WebhookEvent.filter(stripe_event_id__in=ids).exclude(status=WebhookEventStatus.FAILED)
    return set(await done.values_list("stripe_event_id", flat=True))  # type: ignore[arg-type] # Tortoise types a flat list as tuples
