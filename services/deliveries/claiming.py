"""Which destinations something is due for, and how their deliveries are claimed."""

from datetime import UTC, datetime, timedelta

from models import Delivery
from models.database import client
from services.claiming import Queue

DELIVERIES = Queue(Delivery, "destination_id", lease=timedelta(seconds=30))
"""The lease is three times what an attempt may take."""

_DUE_DESTINATIONS = """SELECT "id" FROM "event_destination" AS "of" WHERE "active" AND "deleted_at" IS NULL
    AND EXISTS (SELECT 1 FROM "delivery" WHERE "destination_id" = "of"."id" AND "next_attempt_at" <= {0}) ORDER BY "id" """

MARKS = {"sqlite": "?", "postgres": "$1"}


async def due_destinations() -> list[str]:
    """Ids of the active destinations that something is due for."""
    connection = client()
    text = _DUE_DESTINATIONS.format(MARKS[connection.capabilities.dialect])
    return [str(row_id) for (row_id,) in await connection.read(text, [datetime.now(UTC)])]
