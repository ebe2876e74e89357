"""Folding deltas into the sums of their days: by the worker alone, so that those who append them wait for nobody."""

from datetime import UTC, datetime, tzinfo

from models import StatisticsDelta, StatisticsRollup
from models.database import client, transaction
from models.ids import Prefix, new_id
from models.statements import Dialect, binder
from services.billing import Billing
from services.statistics.cells import Cell, cells_of
from services.statistics.recounting import adopt
from services.time_zones import zone_of

FOLDED_AT_ONCE = 2000
"""Deltas of one transaction."""

TABLE = "statistics_rollup"
KEY = ", ".join(f'"{name}"' for name in StatisticsRollup._meta.unique_together[0])  # noqa: SLF001 - Tortoise names the key nowhere else

COLUMNS = ("id", "created_at", "seller_key", "measure", "day", "currency", "detail", "number", "amount")


async def fold_due(billing: Billing) -> int:
    """Fold the oldest deltas, a bounded number; how many. What was never counted in this time zone is counted first."""
    zone = zone_of(billing.settings.statistics_time_zone)
    await adopt(billing.settings.statistics_time_zone)
    return await fold(zone, FOLDED_AT_ONCE)


async def fold(zone: tzinfo, limit: int) -> int:
    """Fold deltas, the oldest first; how many. Several workers each take others."""
    async with transaction():
        deltas = await StatisticsDelta.all().order_by("id").limit(limit).select_for_update(skip_locked=True)
        cells = cells_of(deltas, zone)
        for cell in sorted(cells):
            await _add(cell, *cells[cell])
        await StatisticsDelta.filter(id__in=[delta.id for delta in deltas]).delete()
    return len(deltas)


async def _add(cell: Cell, number: int, amount: int) -> None:
    connection = client()
    dialect = Dialect(connection.capabilities.dialect)
    now = datetime.now(UTC)
    moment = str(now) if dialect is Dialect.SQLITE else now
    await connection.execute_query(_text(dialect), [new_id(Prefix.STATISTICS_ROLLUP, now), moment, *cell, number, amount])


def _text(dialect: Dialect) -> str:
    mark = binder(dialect)
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    marks = ", ".join(mark() for _ in COLUMNS)
    sums = ", ".join(f'"{name}" = "{TABLE}"."{name}" + excluded."{name}"' for name in ("number", "amount"))
    return f'INSERT INTO "{TABLE}" ({names}) VALUES ({marks}) ON CONFLICT ({KEY}) DO UPDATE SET {sums}'  # noqa: S608 - our own names
