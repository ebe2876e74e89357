"""Outgoing events as an operator sees them: what waits, what was given up, and having it sent again."""

import sys

from models import Delivery, DeliveryStatus
from services.deliveries import keeping
from settings import Settings
from web.processes import run, with_billing
from web.sending_again import GivenUp, sent_again

LEFT = [DeliveryStatus.PENDING.value, DeliveryStatus.FAILED.value, DeliveryStatus.DEAD.value]

GIVEN_UP = GivenUp(keeping.dead, keeping.send_again, "There is no such delivery.", "deliveries")


def run_list(settings: Settings, limit: int, *, only_dead: bool) -> int:
    """Print a line for each delivery that was not taken, the newest first, at most `limit`; 1 when any was given up."""

    async def listed() -> int:
        return await with_billing(settings, lambda _: _list(limit, only_dead))

    return run(listed)


def run_redeliver(settings: Settings, names: list[str]) -> int:
    """Let the deliveries be sent again, all that were given up when none is named; 1 when one cannot be."""

    async def redelivered() -> int:
        return await with_billing(settings, lambda _: sent_again(GIVEN_UP, names))

    return run(redelivered)


async def _list(limit: int, only_dead: bool) -> int:
    left = keeping.dead() if only_dead else Delivery.filter(status__in=LEFT, destination__deleted_at=None)
    rows = await left.order_by("-id").limit(limit).prefetch_related("destination")
    for row in rows:
        next_try = f"next {row.next_attempt_at:%Y-%m-%d %H:%M:%SZ}" if row.next_attempt_at else "given up"
        told = f"{row.id}  {row.event_type}  {row.object_id}  {row.destination.url}  {row.status}  attempts {row.attempts}  {next_try}"
        sys.stdout.write(f"{told}\n" + (f"    {row.error}\n" if row.error else ""))
    stuck = await keeping.count_dead()
    _tell(f"{len(rows)} deliveries listed, {stuck} given up")
    return 1 if stuck else 0


def _tell(line: str) -> None:
    sys.stderr.write(f"billgraph: {line}\n")
