"""Group commit: events that wait at the same time share one transaction, and each is answered when that is durable.

A durable commit costs more than applying an event, so a busy inbox is several times quicker so (docs/performance.md). What cannot be done
in a group (an object has to be read from Stripe, a failure, a collision) is done by itself, as `services.inbox.receive` does it.
"""

import asyncio
from asyncio import Future
from collections import deque
from collections.abc import Coroutine
from typing import Any

import structlog
from structlog.contextvars import clear_contextvars
from tortoise.exceptions import IntegrityError, OperationalError, TransactionManagementError

from models import WebhookEvent, WebhookEventStatus
from models.database import transaction
from models.persistence import insert
from models.rows import fetch
from models.selects import Comparison, Condition, Select
from services.billing import Billing
from services.erasure.late_events import left_of, of_erased
from services.fulfilment import fulfil
from services.inbox import EXPECTED, Handlers, apply, handled, new_row, receive
from services.journal import count, journal
from services.mirror import Known, ObjectNeeded
from services.stripe_event import StripeEvent

MAX_WAITING = 1000
"""Events under way at once; what comes beyond is refused and has to be sent again."""

MAX_GROUP = 64
"""Events of one transaction."""

MAX_ALONE = 16
"""Events that are done by themselves at the same time."""

COLLISIONS = (IntegrityError, OperationalError, TransactionManagementError)
"""What another transaction, of another process, may have done to a group."""

_log = structlog.get_logger(__name__)


class InboxFull(Exception):
    """Too many events are under way; this one was not kept."""


class GroupedInbox:
    """The inbox of one process; used in one event loop, outside of transactions."""

    def __init__(self, billing: Billing, handlers: Handlers) -> None:
        self._billing, self._handlers = billing, handlers
        self._answers: dict[str, Future[WebhookEventStatus]] = {}
        self._waiting: deque[StripeEvent] = deque()
        self._alone = asyncio.Semaphore(MAX_ALONE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._grouping = False

    async def receive(self, event: StripeEvent) -> WebhookEventStatus:
        """As services.inbox.receive: when this returns, what became of the event is durable. Raises InboxFull, and then nothing was kept.

        Copies of one event that come meanwhile get the same answer. Cancelling the caller stops nothing half way.
        """
        answer = self._answers.get(event.id)
        if answer is None:
            answer = self._enter(event)
        return await asyncio.shield(answer)

    def _enter(self, event: StripeEvent) -> Future[WebhookEventStatus]:
        if len(self._answers) >= MAX_WAITING:
            raise InboxFull(f"{MAX_WAITING} events are under way already.")
        answer: Future[WebhookEventStatus] = asyncio.get_running_loop().create_future()
        self._answers[event.id] = answer
        self._waiting.append(event)
        if not self._grouping:
            self._grouping = True
            self._begin(self._work())
        return answer

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self) -> None:
        clear_contextvars()  # what is logged here is of no single request
        try:
            while self._waiting:
                await self._settle([self._waiting.popleft() for _ in range(min(MAX_GROUP, len(self._waiting)))])
        finally:
            self._grouping = False

    async def _settle(self, group: list[StripeEvent]) -> None:
        done: dict[str, WebhookEventStatus] = {}
        try:
            done = await self._together(group)
        except (ObjectNeeded, *EXPECTED, *COLLISIONS) as error:
            _log.info("webhook_group_undone", events=len(group), reason=type(error).__name__)
        except Exception:  # noqa: BLE001 - each event meets it again by itself, and is kept there; it is logged whole
            _log.exception("webhook_group_undone", events=len(group))
        for event in group:
            if event.id in done:
                self._answers.pop(event.id).set_result(done[event.id])
            else:
                self._begin(self._by_itself(event))

    async def _together(self, group: list[StripeEvent]) -> dict[str, WebhookEventStatus]:
        """Apply the events in one transaction; those that it answers nothing for have to be done by themselves.

        A copy that was taken before is met by the unique key at the latest.
        In the order of their objects, so that two processes seldom lock rows in opposite order; others have their turn between two events.
        """
        known = Known()
        async with transaction(), journal() as kept:
            done = await _seen(group) if len(group) > 1 else {}
            rows: list[WebhookEvent] = []
            taken: list[StripeEvent] = []
            for event in sorted(group, key=lambda one: (one.object_id or "", one.created)):
                if event.id in done:
                    continue
                if rows:
                    await asyncio.sleep(0)
                before = len(kept.changes)
                try:
                    outcome = await apply(event, self._handlers, known)
                except (ObjectNeeded, *EXPECTED):
                    if len(kept.changes) > before:
                        raise
                    continue
                done[event.id] = WebhookEventStatus(outcome.value)
                taken.append(event)
                rows.append(new_row(event, attempts=1, **handled(outcome)))
            await fulfil(self._billing.settings)
            await _keep_nothing_of_erased(taken, rows)
            await insert(rows)
            for row in rows:
                count(row, None)
        return {event_id: status for event_id, status in done.items() if status is not WebhookEventStatus.FAILED}

    async def _by_itself(self, event: StripeEvent) -> None:
        try:
            async with self._alone:
                status = await receive(self._billing, event, self._handlers)
        except Exception as error:  # noqa: BLE001 - not even the failure could be written: whoever sent the event is told
            answer = self._answers.pop(event.id)
            answer.set_exception(error)
            answer.exception()
        else:
            self._answers.pop(event.id).set_result(status)


async def _keep_nothing_of_erased(events: list[StripeEvent], rows: list[WebhookEvent]) -> None:
    erased = await of_erased(events)
    for event, row in zip(events, rows, strict=True):
        if event.id in erased:
            row.update_from_dict(left_of(event))


async def _seen(group: list[StripeEvent]) -> dict[str, WebhookEventStatus]:
    taken = Condition("stripe_event_id", Comparison.ONE_OF, [event.id for event in group])
    rows = await fetch(Select(WebhookEvent, ("id", "stripe_event_id", "status"), (taken,)))
    return {row.stripe_event_id: WebhookEventStatus(row.status) for row in rows}
