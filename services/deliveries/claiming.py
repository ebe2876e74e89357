"""Which destinations something is due for, and how their deliveries are claimed."""

from datetime import UTC, datetime, timedelta

from models import Delivery
from models.database import client
from services.claiming import Queue

DELIVERIES = Queue(Delivery, "destination_id", lease=timedelta(seconds=30))
"""The lease is three times what an attempt may take."""

_DUE_DESTINATIONS = """SELECT "id" FROM "event_destination" AS "of" WHERE "active" AND "deleted_at" IS NULL
    AND EXISTS (SELECT 1 FROM "delivery" WHERE "destination_id" = "of"."id" AND "next_attempt_at" <= {0}) ORDER BY "id" """

_FIRST = """SELECT "first"."next_attempt_at" FROM "delivery" AS "first" WHERE "first"."object_id" = "own"."object_id"
    AND "first"."destination_id" = "own"."destination_id" AND "first"."next_attempt_at" IS NOT NULL ORDER BY "first"."position" LIMIT 1"""

_LET_WAIT = f"""UPDATE "delivery" AS "own" SET "next_attempt_at" = ({_FIRST}) WHERE "id" IN (
    SELECT "id" FROM "delivery" AS "own" WHERE "destination_id" = {{0}} AND "next_attempt_at" <= {{1}} AND ({_FIRST}) > {{2}}
    LIMIT {{3}}{{4}})"""  # noqa: S608 - our own

LET_WAIT_AT_ONCE = 5000
"""Deliveries of one statement."""

MARKS = {"sqlite": ("?",) * 4, "postgres": ("$1", "$2", "$3", "$4")}
ENDINGS = {"sqlite": "", "postgres": ' FOR NO KEY UPDATE OF "own" SKIP LOCKED'}
"""By engine: SQLite locks the whole file for the statement."""


async def due_destinations() -> list[str]:
    """Ids of the active destinations that something is due for."""
    connection = client()
    text = _DUE_DESTINATIONS.format(*MARKS[connection.capabilities.dialect])
    return [str(row_id) for (row_id,) in await connection.read(text, [datetime.now(UTC)])]


async def let_wait(destination_id: str) -> None:
    """Let what stands behind a delivery that is tried again later be due no sooner than that one, a bounded number at once.

    Else every round would go through all that a destination which is down has not been sent yet.
    """
    connection, now = client(), datetime.now(UTC)
    dialect = connection.capabilities.dialect
    text = _LET_WAIT.format(*MARKS[dialect], ENDINGS[dialect])
    moments = [now, now + DELIVERIES.lease]
    await connection.execute_query(text, [destination_id, *(map(str, moments) if dialect == "sqlite" else moments), LET_WAIT_AT_ONCE])
