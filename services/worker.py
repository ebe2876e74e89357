"""What goes on without anyone asking: failed events tried again, half-done work finished, payments that wait too long read again."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from models import Payment, PaymentStatus
from services.billing import Billing
from services.inbox import Handlers, retry_due
from services.mirror import write
from services.recovery import finish_pending

BATCH = 20
"""Rows that one round of a task takes."""

SHORTEST_PAUSE = 0.1
"""Seconds between two rounds that follow each other at once."""

UNFINISHED_AFTER = timedelta(minutes=2)
"""Work that began so long ago is not being done by its own request any more (Stripe is given 25 seconds a call)."""

WAITING_AFTER = timedelta(minutes=15)
WAITING_FOR = timedelta(days=7)
"""Payments that began longer ago than the first and less long than the second, and are still open, are read again."""

WAITING = (PaymentStatus.PENDING, PaymentStatus.REQUIRES_ACTION, PaymentStatus.PROCESSING)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Task:
    """Something done in rounds, `every` seconds apart; one that `hurries` goes on at once while its rounds find full batches."""

    name: str
    every: float
    round: Callable[[], Awaitable[int]]
    hurries: bool = True


async def work(billing: Billing, stop: asyncio.Event, handlers: Handlers) -> None:
    """Do the worker's tasks until `stop` is set; a round that fails is logged and the next one comes. Several workers do no harm."""
    reader = WaitingPayments(billing)
    tasks = [
        Task("retry_webhook_events", 5.0, lambda: retry_due(billing, handlers, BATCH)),
        Task("finish_pending", 15.0, lambda: finish_pending(billing, UNFINISHED_AFTER)),
        Task("read_waiting_payments", 60.0, reader.round, hurries=False),
    ]
    async with asyncio.TaskGroup() as group:
        for task in tasks:
            group.create_task(_repeat(task, stop), name=task.name)


async def _repeat(task: Task, stop: asyncio.Event) -> None:
    while not stop.is_set():
        done = await _round(task)
        await _pause(stop, SHORTEST_PAUSE if task.hurries and done >= BATCH else task.every)


async def _round(task: Task) -> int:
    try:
        done = await task.round()
    except Exception:  # noqa: BLE001 - one round that fails, whatever of, must not end the worker; it is logged whole
        _log.exception("worker_round_failed", task=task.name)
        return 0
    if done:
        _log.info("worker_round", task=task.name, rows=done)
    return done


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


class WaitingPayments:
    """Walks the payments that wait for Stripe's word, oldest first, again and again: a webhook may have been missed."""

    def __init__(self, billing: Billing) -> None:
        self._billing = billing
        self._after = ""

    async def round(self) -> int:
        """Read the next batch from Stripe and write it; how many were read. At the end it begins anew."""
        now = datetime.now(UTC)
        waiting = Payment.filter(status__in=WAITING, id__gt=self._after, stripe_payment_intent_id__not_isnull=True)
        batch = await waiting.filter(created_at__gt=now - WAITING_FOR, created_at__lt=now - WAITING_AFTER).order_by("id").limit(BATCH)
        for row in batch:
            self._after = row.id
            await self._read(row.stripe_payment_intent_id or "")
        self._after = self._after if len(batch) == BATCH else ""
        return len(batch)

    async def _read(self, intent_id: str) -> None:
        snapshot = await self._billing.stripe.retrieve("payment_intent", intent_id)
        if snapshot is not None:
            await write(self._billing, snapshot)
