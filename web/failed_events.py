"""Which of Stripe's events could not be applied, told to an operator."""

import sys

from models import WebhookEvent, WebhookEventStatus
from services.inbox import MAX_ATTEMPTS
from settings import Settings
from web.processes import run, with_billing


def run_failed(settings: Settings, limit: int) -> int:
    """Print a line for each failed event, the newest first, at most `limit`; 1 when there are any."""

    async def failed() -> int:
        return await with_billing(settings, lambda _: _list(limit))

    return run(failed)


async def _list(limit: int) -> int:
    rows = await WebhookEvent.filter(status=WebhookEventStatus.FAILED).order_by("-id").limit(limit)
    for row in rows:
        next_try = f"{row.next_attempt_at:%Y-%m-%d %H:%M:%SZ}" if row.next_attempt_at else f"given up after {MAX_ATTEMPTS} attempts"
        sys.stdout.write(f"{row.id}  {row.stripe_event_id}  {row.type}  attempts {row.attempts}  next {next_try}\n    {row.error}\n")
    sys.stderr.write(f"billgraph: {len(rows)} failed events\n")
    return 1 if rows else 0
