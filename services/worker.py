"""What goes on without anyone asking: failed events tried again, half-done work finished, rows that wait too long read again."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from services.billing import Billing
from services.credits import expire_due
from services.deliveries.keeping import prune_deliveries
from services.deliveries.posting import Poster
from services.deliveries.sending import Sending
from services.emails import sending as emails
from services.emails.configuration import target_of
from services.emails.messages import message_of
from services.event_retention import prune_payloads
from services.idempotency import forget_old_keys
from services.inbox import Handlers, retry_due
from services.outbox_tasks import TASKS
from services.outbox_worker import drain
from services.recovery import finish_pending
from services.statistics.folding import fold_due
from services.waiting_rows import BATCH, CHECKOUT_SESSIONS, DISPUTES, INVOICES, PAYMENTS, REFUNDS, SUBSCRIPTIONS, WaitingRows

EVENTS_EVERY = 5.0
OUTBOX_EVERY = 2.0
DELIVERIES_EVERY = 1.0
EMAILS_EVERY = 1.0
UNFINISHED_EVERY = 15.0
WAITING_EVERY = 60.0
DISPUTES_EVERY = 86_400.0
FORGETTING_EVERY = 3600.0
"""Seconds between two rounds of each task."""

WAITING = (PAYMENTS, INVOICES, REFUNDS, CHECKOUT_SESSIONS, SUBSCRIPTIONS)
"""What is read again every WAITING_EVERY seconds, a batch at a time; disputes take weeks, so all of them once a day."""

SHORTEST_PAUSE = 0.1
"""Seconds between two rounds that follow each other at once."""

UNFINISHED_AFTER = timedelta(minutes=2)
"""Work that began so long ago is not being done by its own request any more (Stripe is given 25 seconds a call)."""

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
    tasks = [
        Task("retry_webhook_events", EVENTS_EVERY, lambda: retry_due(billing, handlers, BATCH)),
        Task("drain_outbox", OUTBOX_EVERY, lambda: drain(billing, TASKS, BATCH)),
        Task("fold_statistics", OUTBOX_EVERY, lambda: fold_due(billing)),
        Task("expire_credits", FORGETTING_EVERY, lambda: expire_due(BATCH)),
        Task("finish_pending", UNFINISHED_EVERY, lambda: finish_pending(billing, UNFINISHED_AFTER)),
        *(Task(f"read_waiting_{kind.name}", WAITING_EVERY, WaitingRows(billing, kind).round, hurries=False) for kind in WAITING),
        Task("read_open_disputes", DISPUTES_EVERY, WaitingRows(billing, DISPUTES).round),
        Task("prune_webhook_payloads", FORGETTING_EVERY, lambda: prune_payloads(billing)),
        Task("prune_deliveries", FORGETTING_EVERY, lambda: prune_deliveries(billing)),
        Task("forget_idempotency_keys", FORGETTING_EVERY, forget_old_keys),
    ]
    if target := target_of(billing.settings):
        mailing = emails.Sending(billing.settings, target, message_of, stop)
        tasks.append(Task("send_emails", EMAILS_EVERY, mailing.round, hurries=False))
    async with Poster(private=billing.settings.event_destinations_private) as poster, asyncio.TaskGroup() as group:
        sending = Sending(billing.settings, poster, group.create_task, stop)
        for task in [*tasks, Task("send_deliveries", DELIVERIES_EVERY, sending.round, hurries=False)]:
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
