"""Erasures that do not come to an end: what a health check tells, for the person is still known while one is under way."""

from datetime import UTC, datetime, timedelta

from models import Erasure, ErasureStatus

OVERDUE = timedelta(hours=1)
"""What the worker tries every few seconds is done long before."""

MOST_COUNTED = 1000
"""Erasures are counted up to one more than this."""


async def count_overdue() -> int:
    """How many were begun longer ago than OVERDUE and are not done, MOST_COUNTED + 1 standing for more."""
    late = Erasure.filter(status=ErasureStatus.PENDING.value, created_at__lt=datetime.now(UTC) - OVERDUE)
    return len(await late.limit(MOST_COUNTED + 1).values_list("id", flat=True))
