"""Sending what is staged: at least once, in order for each object, with growing pauses over three days, until it is given up.

A crash between sending and marking sends again, under the same message id.
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import structlog

from models import Delivery, DeliveryStatus, EventDestination
from models.database import transaction
from services.claiming import claim, put_off
from services.deliveries.claiming import DELIVERIES, due_destinations, let_wait
from services.deliveries.posting import NotTaken, Poster
from services.deliveries.signing import headers_of
from services.emails.staging import stage_given_up
from settings import Settings

AT_ONCE = 16
"""Deliveries to one destination under way at the same time, each about another object."""

Begin = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]

_log = structlog.get_logger(__name__)


class Sending:
    """Sends for every destination beside each other, so that a slow one holds up none but itself.

    `begin` starts a task and sees to it that it ends; no new delivery is taken up once `stop` is set.
    """

    def __init__(self, settings: Settings, poster: Poster, begin: Begin, stop: asyncio.Event) -> None:
        self._settings, self._poster, self._begin, self._stop = settings, poster, begin, stop
        self._running: dict[str, asyncio.Task[None]] = {}

    async def round(self) -> int:
        """Start sending to each destination that something is due for and that is not being sent to; how many."""
        self._running = {name: task for name, task in self._running.items() if not task.done()}
        begun = [name for name in await due_destinations() if name not in self._running]
        for name in begun:
            self._running[name] = self._begin(self._drain(name))
        return len(begun)

    async def _drain(self, destination_id: str) -> None:
        try:
            while not self._stop.is_set() and await send_due(self._settings, self._poster, destination_id):
                pass
        except Exception:  # noqa: BLE001 - the next round begins anew; it is logged whole
            _log.exception("deliveries_interrupted", destination=destination_id)


async def send_due(settings: Settings, poster: Poster, destination_id: str) -> int:
    """Send what is due for one destination, AT_ONCE at most; how many were tried."""
    destination = await EventDestination.get_or_none(id=destination_id, active=True, deleted_at=None)
    claimed = await claim(DELIVERIES, AT_ONCE, destination_id) if destination else []
    if destination is not None:
        await asyncio.gather(*(_send(settings, poster, one, destination) for one in claimed))
        if not claimed:
            await let_wait(destination_id)
    return len(claimed)


async def _send(settings: Settings, poster: Poster, delivery: Delivery, destination: EventDestination) -> None:
    try:
        code = await _post(poster, delivery, destination)
    except NotTaken as failure:
        await _put_off(settings, delivery, failure)
    else:
        taken = {"status": DeliveryStatus.DELIVERED.value, "response_code": code, "error": None, "next_attempt_at": None}
        await Delivery.filter(id=delivery.id).update(**taken, delivered_at=datetime.now(UTC))


async def _post(poster: Poster, delivery: Delivery, destination: EventDestination) -> int:
    """Raises NotTaken, also for what nobody foresaw: else its pauses would not grow, nor would it ever be given up."""
    try:
        return await poster.post(destination.url, delivery.payload.encode(), headers_of(delivery, destination))
    except NotTaken:
        raise
    except Exception as error:
        _log.exception("delivery_not_posted", delivery=delivery.id)
        raise NotTaken(f"It could not be posted ({type(error).__name__}).") from error


async def _put_off(settings: Settings, delivery: Delivery, failure: NotTaken) -> None:
    async with transaction():
        dead = await put_off(delivery, failure.message, response_code=failure.code)
        if dead:
            await stage_given_up(settings, delivery)
    told = {"delivery": delivery.id, "event_type": delivery.event_type, "attempts": delivery.attempts, "reason": failure.message}
    _log.warning("delivery_dead" if dead else "delivery_failed", **told)
