"""How many events wait in vain: what a health check tells before anyone misses them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from models.database import client

MOST_COUNTED = 1000
"""Failed events are counted up to one more than this, so that the question costs the same whatever there is."""

_STATEMENT = f"""
SELECT (SELECT count(*) FROM (SELECT 1 FROM webhook_event WHERE status = 'FAILED' LIMIT {MOST_COUNTED + 1}) AS failed),
       (SELECT min(next_attempt_at) FROM webhook_event WHERE status = 'FAILED')
"""  # noqa: S608 - a number of ours


@dataclass(frozen=True, slots=True)
class EventBacklog:
    """`failed` events, MOST_COUNTED + 1 standing for more; `overdue` seconds since the oldest of them was to be tried again, 0 for none."""

    failed: int
    overdue: int


async def event_backlog() -> EventBacklog:
    """The backlog now; one statement over an index. Raises what the driver raises."""
    [(failed, due)] = await client().read(_STATEMENT, [])
    return EventBacklog(int(failed), _seconds_since(due))


def _seconds_since(due: Any) -> int:
    """SQLite gives a time as text, in UTC."""
    if due is None:
        return 0
    moment = due if isinstance(due, datetime) else datetime.fromisoformat(due)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0, int((datetime.now(UTC) - moment).total_seconds()))
