"""The address of a receipt's PDF, made for whoever asks."""

from models.rows import Row
from resolvers.context import Context
from resolvers.permissions import is_staff, require_viewer
from services.receipts.links import EVERYTHING, audience_of, link_to


def pdf_url(row: Row, context: Context) -> str:
    """An address that is good for minutes; what it shows of the customer, it shows to staff and the customer themselves alone."""
    viewer, settings = require_viewer(context), context.billing.settings
    audience = EVERYTHING if is_staff(viewer) else audience_of(settings, viewer.external_id)
    return link_to(settings, row.id, audience)
