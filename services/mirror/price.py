"""Which of our prices Stripe names."""

from models import Price
from models.ids import Prefix, prefix_of
from models.persistence import find
from services.mirror.payment import OUR_ID
from services.stripe_shapes import Item


async def price_of(item: Item | None) -> Price | None:
    """Our price of an item, by its Stripe id or by our id in its metadata; None for a price that was made elsewhere."""
    if item is None or item.price is None:
        return None
    found = await find(Price, stripe_price_id=item.price)
    row_id = item.metadata.get(OUR_ID)
    if found is None and row_id and prefix_of(row_id) is Prefix.PRICE:
        return await find(Price, id=row_id)
    return found
