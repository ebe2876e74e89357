"""A retention run told to an operator: rows by table on stdout, everything else on stderr."""

import sys

from models.exclusive import exclusive
from services.billing import Billing
from services.retention.running import RETENTION_LOCK, run
from services.retention.tally import Tally
from settings import Settings
from web.backfill import STOPPED
from web.processes import database_url, with_billing
from web.processes import run as run_to_its_end
from web.progress import Progress, stopping

COMMAND = "retention run"


def run_retention(settings: Settings, *, dry: bool) -> int:
    """Delete what is old, or only count it; 130 when stopped before the end."""

    async def deleted() -> int:
        return await with_billing(settings, lambda billing: _run(billing, dry=dry))

    return run_to_its_end(deleted)


async def _run(billing: Billing, *, dry: bool) -> int:
    stop, progress = stopping(), Progress()

    def begun(tally: Tally) -> None:
        if tally.counts:
            progress.tell(f"going on where it was stopped, after {tally.counts.total()} rows")

    def told(tally: Tally) -> None:
        progress.at(tally.counts.total(), _sum(tally))

    async with exclusive(database_url(billing.settings), RETENTION_LOCK, lambda: progress.tell("waiting for another run to end")):
        tally = await run(billing.settings, dry=dry, stop=stop, told=told, begun=begun)
    progress.clear()
    for table, rows in sorted(tally.counts.items()):
        sys.stdout.write(f"{table:<22}{rows:>10}\n")
    if tally.is_stopped():
        progress.tell(f"stopped: {_sum(tally)}; go on: billgraph {COMMAND}{' --dry-run' if dry else ''}")
        return STOPPED
    progress.tell(_sum(tally) + ("; nothing was changed: without --dry-run they are deleted" if dry else ""))
    return 0


def _sum(tally: Tally) -> str:
    return f"{tally.counts.total()} rows {'are older than they have to be kept' if tally.dry else 'deleted'}"
