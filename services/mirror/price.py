"""A price of Stripe's: which of ours it is, and whether it is offered. What it costs never changes."""

from models import Price
from models.ids import Prefix, prefix_of
from models.persistence import find, lock
from services import stripe_fields as fields
from services.journal import Facts
from services.mirror.guard import renew
from services.mirror.known import Known
from services.mirror.our_id import OUR_ID, our_id
from services.mirror.outcome import Outcome
from services.snapshot import Snapshot
from services.stripe_fields import Json
from services.stripe_shapes import Item


async def price_of(item: Item | None) -> Price | None:
    """Our price of an item, by its Stripe id or by our id in its metadata; None for a price that was made elsewhere.

    A row that has another Stripe price is not the one meant: metadata can be copied, also to a cheaper price.
    """
    if item is None or item.price is None:
        return None
    found = await find(Price, stripe_price_id=item.price)
    row_id = item.metadata.get(OUR_ID)
    if found is None and row_id and prefix_of(row_id) is Prefix.PRICE:
        return await find(Price, id=row_id, stripe_price_id=None)
    return found


async def mirror_price(snapshot: Snapshot, known: Known) -> Outcome:
    """Write whether a price is offered; IGNORED when it is none of ours, STALE while a change of ours is on its way to Stripe."""
    row = await _locked(snapshot.object)
    if row is None:
        return Outcome.IGNORED
    return await renew(row, snapshot, known, lambda told: _facts(row, told)) if row.published else Outcome.STALE


async def retire_price(snapshot: Snapshot, known: Known) -> Outcome:
    """Offer a price no more that was deleted."""
    return await mirror_price(snapshot.ended(), known)


async def _locked(price: Json) -> Price | None:
    row = await lock(Price, stripe_price_id=fields.identifier(price))
    row_id = our_id(price, Prefix.PRICE)
    return row or (await lock(Price, id=row_id, stripe_price_id=None) if row_id else None)


async def _facts(row: Price, price: Json) -> Facts:
    if price.get("deleted"):
        return {"active": False}
    if row.stripe_price_id is None:  # made just now by us, who may have withdrawn it since
        return {"stripe_price_id": fields.identifier(price), "published": False}
    offered = price.get("active") is not False and (row.active or not await _is_taken(row))
    return {"stripe_price_id": fields.identifier(price), "active": offered}


async def _is_taken(row: Price) -> bool:
    """Whether the plan offers another price in the currency and rhythm of this one, beside which it cannot be told apart."""
    rhythm = {"currency": row.currency, "interval": row.interval, "interval_count": row.interval_count}
    return await Price.filter(plan_id=row.plan_id, active=True, **rhythm).exclude(id=row.id).exists()
