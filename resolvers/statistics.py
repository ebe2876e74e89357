"""Who may have which statistics: staff of all sales and of anybody's, sellers of their own."""

from typing import Any

from models import EVERYBODY, Seller
from resolvers.context import Context
from resolvers.permissions import forbidden, is_seller, is_staff, require_viewer
from services import sellers
from services.authentication import Viewer
from services.statistics.days import zone_of
from services.statistics.report import report, span_of
from services.statistics.results import Statistics, WebhookDelivery

NOBODY = "nobody"
"""In place of a seller's id: somebody who may sell, and has sold nothing."""


async def statistics_of(context: Context, arguments: dict[str, Any]) -> Statistics:
    """For staff and sellers. Raises InvalidInput for a range that cannot be told of, NotFound for a seller that is not there."""
    viewer, given = require_viewer(context), arguments["filter"]
    seller = await _seller(viewer, given.get("sellerId"))
    zone = zone_of(context.billing.settings.statistics_time_zone)
    span = span_of(given["range"].get("since"), given["range"].get("until"), zone)
    return await report(span, zone, seller)


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


def webhook_delivery(statistics: Statistics, context: Context) -> WebhookDelivery:
    """Of the whole service, whatever seller is asked for. Raises FORBIDDEN for others than staff."""
    if not is_staff(context.viewer):
        raise forbidden()
    return statistics.webhooks
