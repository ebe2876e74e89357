"""Which deliveries are to be sent now, and by whom: several workers share them, and none overtakes one about the same object."""

from datetime import UTC, datetime, timedelta

from tortoise.expressions import F

from models import Delivery
from models.database import client, transaction

LEASE = timedelta(seconds=30)
"""How long a worker has a delivery to itself: three times what an attempt may take. After a crash it is sent again then."""

_DUE_DESTINATIONS = """SELECT "id" FROM "event_destination" AS "of" WHERE "active" AND "deleted_at" IS NULL
    AND EXISTS (SELECT 1 FROM "delivery" WHERE "destination_id" = "of"."id" AND "next_attempt_at" <= {0}) ORDER BY "id" """

_DUE = """SELECT "id" FROM "delivery" AS "own" WHERE "destination_id" = {0} AND "next_attempt_at" <= {1}
    AND NOT EXISTS (SELECT 1 FROM "delivery" AS "earlier" WHERE "earlier"."object_id" = "own"."object_id"
        AND "earlier"."destination_id" = "own"."destination_id" AND "earlier"."position" < "own"."position"
        AND "earlier"."next_attempt_at" IS NOT NULL)
    ORDER BY "next_attempt_at", "id" LIMIT {2}"""

MARKS = {"sqlite": ("?", "?", "?"), "postgres": ("$1", "$2", "$3")}
ENDINGS = {"sqlite": "", "postgres": ' FOR NO KEY UPDATE OF "own" SKIP LOCKED'}
"""By engine: SQLite locks the whole file for the transaction."""


async def due_destinations() -> list[str]:
    """Ids of the active destinations that something is due for."""
    connection = client()
    text = _DUE_DESTINATIONS.format(*MARKS[connection.capabilities.dialect])
    return [str(row_id) for (row_id,) in await connection.read(text, [datetime.now(UTC)])]


async def claim(destination_id: str, most: int) -> list[Delivery]:
    """Deliveries that are due, the longest due first, for this worker alone until LEASE is over; of each object the first at most."""
    now = datetime.now(UTC)
    async with transaction():
        connection = client()
        dialect = connection.capabilities.dialect
        text = _DUE.format(*MARKS[dialect]) + ENDINGS[dialect]
        ids = [str(row_id) for (row_id,) in await connection.read(text, [destination_id, now, most])]
        if not ids:
            return []
        claimed = Delivery.filter(id__in=ids)
        await claimed.update(attempts=F("attempts") + 1, next_attempt_at=now + LEASE)
        return await claimed.order_by("id")
