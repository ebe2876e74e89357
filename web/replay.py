"""Replaying stored events for an operator: what would change, a question, and then the change."""

import sys
from collections.abc import AsyncIterator, Callable

from models import WebhookEvent, WebhookEventStatus
from services.audit import OPERATOR
from services.billing import Billing
from services.errors import Refusal
from services.inbox import EXPECTED, told
from services.replay import preview, replay
from settings import Settings
from web.processes import run, with_billing
from webhooks.handlers import HANDLERS

BATCH = 100
"""Failed events that are read at once."""

Confirm = Callable[[], bool]


def run_replay(settings: Settings, events: list[str], *, dry: bool, confirm: Confirm | None) -> int:
    """Replay the events of these ids, all failed ones when there are none, asking `confirm` before each; 1 when any fails."""

    async def replayed() -> int:
        return await with_billing(settings, lambda billing: _replay(billing, events, dry=dry, confirm=confirm))

    return run(replayed)


async def _replay(billing: Billing, events: list[str], *, dry: bool, confirm: Confirm | None) -> int:
    done = failures = 0
    async for event_id in _named(events) if events else _failed():
        succeeded = await _one(billing, event_id, dry=dry, confirm=confirm)
        done, failures = done + 1, failures + (not succeeded)
    sys.stderr.write(f"billgraph: {done} events {'looked at' if dry else 'replayed'}, {failures} failed\n")
    return 1 if failures else 0


async def _named(events: list[str]) -> AsyncIterator[str]:
    for name in events:
        row = await WebhookEvent.get_or_none(stripe_event_id=name)
        yield row.id if row else name


async def _failed() -> AsyncIterator[str]:
    """Those that were failed when they were read, each once, though a replay may leave it so."""
    after = ""
    while rows := await WebhookEvent.filter(status=WebhookEventStatus.FAILED, id__gt=after).order_by("id").limit(BATCH):
        for row in rows:
            yield row.id
        after = rows[-1].id


async def _one(billing: Billing, event_id: str, *, dry: bool, confirm: Confirm | None) -> bool:
    try:
        outcome, found = await preview(billing, HANDLERS, event_id)
    except EXPECTED as error:
        sys.stdout.write(f"{event_id}  would fail: {error.message if isinstance(error, Refusal) else told(error)}\n")
        return False
    sys.stdout.write(f"{event_id}  {outcome.value}, {len(found)} columns change\n")
    for one in found:
        sys.stdout.write(f"    {one.table} {one.row_id}  {one.column}: {one.before!r} -> {one.after!r}\n")
    if dry or (confirm is not None and not confirm()):
        return True
    result = await replay(billing, HANDLERS, event_id, OPERATOR)
    sys.stdout.write(f"{event_id}  {result.status.value}{f': {result.error}' if result.error else ''}\n")
    return result.status is not WebhookEventStatus.FAILED
