"""Rows that are to be sent, shared by several workers: none overtakes one before it about the same object on the same way.

Each is tried with growing pauses over three days, until it is given up.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Generic, TypeVar

from tortoise.expressions import F

from models import Delivery, Email
from models.database import client, transaction
from models.statements import SHAPES_KEPT, Dialect, binder, table_of

Kind = TypeVar("Kind", Delivery, Email)

PAUSES = (
    *(timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=1), timedelta(hours=2)),
    *(timedelta(hours=4), timedelta(hours=8), timedelta(hours=14), timedelta(hours=18), timedelta(hours=24)),
)
"""After each failure, three days in all; after the one that has no pause a row is dead."""

GIVEN_UP = "DEAD"
TRIED_AGAIN = "FAILED"
"""Statuses after a failure, without a pause and with one."""


@dataclass(frozen=True, slots=True)
class Queue(Generic[Kind]):
    """Rows of one kind. `way` is the column that says where they go; an object's rows go each way in the order of `position`.

    `lease` is how long a worker has a row to itself: longer than its attempt may take. After a crash it is sent again then.
    """

    model: type[Kind]
    way: str
    lease: timedelta


async def claim(queue: Queue[Kind], most: int, way: str | None = None) -> list[Kind]:
    """Rows that are due, the longest due first, for this worker alone until the lease is over; with `way` only those that go there.

    Of each object on each way it is the first at most.
    """
    now = datetime.now(UTC)
    async with transaction():
        connection = client()
        text = _due_text(Dialect(connection.capabilities.dialect), queue, way is not None)
        values: list[Any] = [now, most] if way is None else [way, now, most]
        ids = [str(row_id) for (row_id,) in await connection.read(text, values)]
        if not ids:
            return []
        claimed = queue.model.filter(id__in=ids)
        await claimed.update(attempts=F("attempts") + 1, next_attempt_at=now + queue.lease)
        return await claimed.order_by("id")


def waiting(row: Kind) -> Any:
    """The row as it was claimed: not what somebody else has meanwhile, be it a worker whose attempt began later, or an operator."""
    return type(row).filter(id=row.id, attempts=row.attempts, next_attempt_at__not_isnull=True)


async def give_back(row: Kind) -> None:
    """Let a claimed row that was not tried be due again, as if nobody had had it."""
    await waiting(row).update(attempts=F("attempts") - 1, next_attempt_at=datetime.now(UTC))


async def put_off(row: Kind, reason: str, **columns: Any) -> bool:
    """Let a claimed row be tried again after its pause, or give it up; whether that is so. Nothing is done to what `waiting` leaves out."""
    dead = row.attempts > len(PAUSES)
    again = None if dead else datetime.now(UTC) + PAUSES[row.attempts - 1]
    status = GIVEN_UP if dead else TRIED_AGAIN
    return bool(await waiting(row).update(status=status, error=reason, next_attempt_at=again, **columns)) and dead


@lru_cache(SHAPES_KEPT)
def _due_text(dialect: Dialect, queue: Queue[Any], one_way: bool) -> str:
    """On PostgreSQL, what other workers are just claiming is passed over; SQLite locks the whole file for the transaction.

    The first of each object is looked up in an index for one row after the other, until there are enough: as a join, PostgreSQL compares
    all rows of an object with each other.
    """
    mark, table, way = binder(dialect), table_of(queue.model), queue.way
    there = f'"{way}" = {mark()} AND ' if one_way else ""
    queued = f'"first"."object_id" = "own"."object_id" AND "first"."{way}" = "own"."{way}" AND "first"."next_attempt_at" IS NOT NULL'
    first = f'SELECT MIN("position") FROM {table} AS "first" WHERE {queued}'  # noqa: S608 - names of the models' own
    return (
        f'SELECT "id" FROM {table} AS "own" WHERE {there}"next_attempt_at" <= {mark()} '  # noqa: S608 - names of the models' own
        f'AND "position" <= COALESCE(({first}), "position") ORDER BY "next_attempt_at", "id" LIMIT {mark()}'
        + (' FOR NO KEY UPDATE OF "own" SKIP LOCKED' if dialect is Dialect.POSTGRES else "")
    )
