"""Who may have which statistics: staff of all sales and of anybody's, sellers of their own."""

from typing import Any

from models import EVERYBODY, Seller
from resolvers.context import Context
from resolvers.permissions import forbidden, is_seller, is_staff, require_viewer
from resolvers.refusals import refused_query
from services import sellers
from services.authentication import Viewer
from services.errors import InvalidInput
from services.statistics.report import report, span_of
from services.statistics.results import CurrencyStatistics, Statistics, StatisticsPoint, WebhookDelivery
from services.time_zones import zone_of

MAX_POINTS = 400
"""Days of a range of which a series is told."""

NOBODY = "nobody"
"""In place of a seller's id: somebody who may sell, and has sold nothing."""


async def statistics_of(context: Context, arguments: dict[str, Any], names: frozenset[str]) -> Statistics:
    """For staff and sellers. Raises InvalidInput for a range that cannot be told of, NotFound for a seller that is not there."""
    viewer, given = require_viewer(context), arguments["filter"]
    seller = await _seller(viewer, given.get("sellerId"))
    zone = zone_of(context.billing.settings.statistics_time_zone)
    span = span_of(given["range"].get("since"), given["range"].get("until"), zone)
    return await report(span, zone, seller, by_day="series" in names)


async def _seller(viewer: Viewer, asked: str | None) -> str:
    if is_staff(viewer):
        return EVERYBODY if asked is None else str((await sellers.require(asked, "filter", "sellerId")).id)
    if not is_seller(viewer):
        raise forbidden()
    row = await Seller.get_or_none(external_id=viewer.external_id)
    own = str(row.id) if row else NOBODY
    if asked not in (None, own):
        raise forbidden()
    return own


def series(currency: CurrencyStatistics) -> list[StatisticsPoint]:
    """The days on which anything was counted, in order. Raises the error of InvalidInput for a range of more than MAX_POINTS days."""
    if currency.length > MAX_POINTS:
        message = f"A series is told of {MAX_POINTS} days at most: ask for a shorter range."
        raise refused_query(InvalidInput(message, "filter", "range"))
    return [currency.days[day] for day in sorted(currency.days)]


def webhook_delivery(statistics: Statistics, context: Context) -> WebhookDelivery:
    """Of the whole service, whatever seller is asked for. Raises FORBIDDEN for others than staff."""
    if not is_staff(context.viewer):
        raise forbidden()
    return statistics.webhooks
