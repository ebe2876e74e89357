"""Missed events received, told to an operator: counts on stdout, everything else on stderr."""

import sys
from datetime import UTC, datetime

from models import WebhookEventStatus
from services import checkpoints
from services.backfill import KNOWN, UNREADABLE, Walk, backfill, events_since
from services.billing import Billing
from services.errors import Refusal
from services.patient_gateway import PatientGateway
from services.stripe_fields import UnknownShape
from settings import Settings
from web.processes import run, with_billing
from web.progress import Progress, going_on, stopping
from webhooks.handlers import HANDLERS

STOPPED = 130
"""Exit code of a walk that was stopped before its end."""

COUNTED = (*WebhookEventStatus, KNOWN, UNREADABLE)


def run_backfill(settings: Settings, since: str, *, undelivered: bool, anew: bool) -> int:
    """Receive what was missed since then; 1 when an event failed or Stripe refused, 130 when stopped before the end."""

    async def filled() -> int:
        progress = Progress()
        try:
            begin = events_since(since, datetime.now(UTC))
            name = f"webhooks backfill --since {since}{' --undelivered' if undelivered else ''}"
            return await with_billing(settings, lambda billing: _fill(billing, begin, name, progress, undelivered, anew), PatientGateway)
        except (Refusal, UnknownShape) as refusal:
            progress.tell(f"{refusal}")
            return 1

    return run(filled)


async def _fill(billing: Billing, since: datetime, name: str, progress: Progress, undelivered: bool, anew: bool) -> int:
    stop = stopping()
    billing.stripe.require_enabled()
    if anew:
        await checkpoints.forget(name)
    position = await checkpoints.position_of(name)
    if position is not None:
        progress.tell(f"going on where it was stopped, after {sum(position['counts'].values())} events (from the beginning: --anew)")
    with going_on(name, progress):
        walk = await backfill(
            billing, HANDLERS, since, name=name, undelivered=undelivered, stop=stop, told=lambda walk: progress.at(walk.total, _sum(walk))
        )
    progress.clear()
    for status in COUNTED:
        sys.stdout.write(f"{status:<18}{walk.counts[status]:>10}\n")
    if not walk.finished:
        progress.tell(f"stopped after {walk.total} events; go on: billgraph {name}")
        return STOPPED
    progress.tell(_sum(walk))
    return 1 if walk.counts[WebhookEventStatus.FAILED] or walk.counts[UNREADABLE] else 0


def _sum(walk: Walk) -> str:
    begin = datetime.fromtimestamp(walk.since, UTC)
    return f"{walk.total} events since {begin:%Y-%m-%d %H:%M:%SZ}, {walk.counts[WebhookEventStatus.FAILED]} failed"
