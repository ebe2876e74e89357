"""How many rows of which table go, counted with each batch; and beginning a batch again that another transaction got in the way of."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from tortoise.exceptions import IntegrityError, OperationalError

from models import RetentionRun
from models.database import transaction

Counts = Counter[str]
"""Table -> rows."""

MAX_COLLISIONS = 5
"""Times that one batch is begun again."""


class Tally:
    """Without a run nothing is deleted and nothing kept: then it only counts. `told` is told of each batch."""

    def __init__(self, run: RetentionRun | None, stop: asyncio.Event, told: Callable[["Tally"], None]) -> None:
        self._run, self._stop, self._told = run, stop, told
        self.counts: Counts = Counter(run.counts if run else {})

    @property
    def dry(self) -> bool:
        """Whether it only counts."""
        return self._run is None

    def is_stopped(self) -> bool:
        """Whether no further batch is to be begun."""
        return self._stop.is_set()

    async def batch(self, work: Callable[[], Awaitable[Counts]]) -> None:
        """Do one batch in a transaction of its own, and count what it says; with its counts it stays, or not at all.

        Raises IntegrityError and OperationalError after MAX_COLLISIONS with whoever writes at the same time.
        """
        for collisions in range(MAX_COLLISIONS + 1):
            try:
                counts = await (work() if self._run is None else self._kept(self._run, work))
            except (IntegrityError, OperationalError):
                if collisions == MAX_COLLISIONS:
                    raise
            else:
                self.counts = self.counts + counts
                self._told(self)
                return

    async def _kept(self, run: RetentionRun, work: Callable[[], Awaitable[Counts]]) -> Counts:
        async with transaction():
            counts = await work()
            await RetentionRun.filter(id=run.id).update(counts=dict(self.counts + counts))
        return counts
