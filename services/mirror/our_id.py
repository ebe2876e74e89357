"""The mark of ours that an object of Stripe's carries."""

from models.ids import Prefix, prefix_of
from services.stripe_fields import Json, metadata

OUR_ID = "billgraph_id"
"""Key in Stripe's metadata under which our row's id stands."""


def our_id(thing: Json, prefix: Prefix, key: str = OUR_ID) -> str | None:
    """The id of our row of that kind which an object of Stripe's carries in its metadata; None where it carries none."""
    row_id = metadata(thing).get(key)
    return row_id if row_id and prefix_of(row_id) is prefix else None
