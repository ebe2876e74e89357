"""A product of Stripe's: how the plan is called that it is of, and whether it is sold."""

from models import Plan
from models.ids import Prefix
from models.persistence import lock
from services import stripe_fields as fields
from services.journal import Facts
from services.mirror.guard import renew
from services.mirror.known import Known
from services.mirror.our_id import our_id
from services.mirror.outcome import Outcome
from services.snapshot import Snapshot
from services.stripe_fields import Json

LONGEST_NAME = 250
"""Characters of a plan's name."""


async def mirror_product(snapshot: Snapshot, known: Known) -> Outcome:
    """Write a product's name, description and whether it is sold into its plan; IGNORED when it is of none of ours.

    STALE while a change of ours is on its way to Stripe, which it would undo.
    """
    row = await _locked(snapshot.object)
    if row is None:
        return Outcome.IGNORED
    return await renew(row, snapshot, known, _facts) if row.published else Outcome.STALE


async def retire_product(snapshot: Snapshot, known: Known) -> Outcome:
    """Sell no more of the plan whose product was deleted."""
    return await mirror_product(snapshot.ended(), known)


async def _locked(product: Json) -> Plan | None:
    row = await lock(Plan, stripe_product_id=fields.identifier(product))
    row_id = our_id(product, Prefix.PLAN)
    return row or (await lock(Plan, id=row_id, stripe_product_id=None) if row_id else None)


async def _facts(product: Json) -> Facts:
    if product.get("deleted"):
        return {"active": False, "stripe_product_id": None}
    return {
        "stripe_product_id": fields.identifier(product),
        "name": fields.text(product, "name")[:LONGEST_NAME],
        "description": fields.optional_text(product, "description"),
        "active": product.get("active") is not False,
    }
