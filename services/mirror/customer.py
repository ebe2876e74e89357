"""A customer of Stripe's: how they are reached, and which of ours they are."""

from models import Customer
from models.ids import Prefix
from models.persistence import find, lock
from services import stripe_fields as fields
from services import stripe_shapes as shapes
from services.journal import Facts
from services.mirror.guard import renew
from services.mirror.known import Known
from services.mirror.our_id import our_id
from services.mirror.outcome import Outcome
from services.snapshot import Snapshot
from services.stripe_fields import Json


async def mirror_customer(snapshot: Snapshot, known: Known) -> Outcome:
    """Write how a customer is called and reached; IGNORED when not ours, or erased here."""
    row = await _locked(snapshot.object)
    if row is None or row.erased_at is not None:
        return Outcome.IGNORED
    return await renew(row, snapshot, known, _facts)


async def forget_customer(snapshot: Snapshot, known: Known) -> Outcome:
    """Unlink a customer who was deleted at Stripe, so that the next purchase makes a new one there; IGNORED when not ours.

    The event of a deletion still shows them as they were.
    """
    return await mirror_customer(snapshot.ended(), known)


async def known_customer(thing: Json) -> Customer | None:
    """Our customer whom an object of Stripe's names in its `customer`; None for a stranger."""
    stripe_id = fields.reference(thing, "customer")
    return await find(Customer, stripe_customer_id=stripe_id) if stripe_id else None


async def customer_of(thing: Json, known: Known) -> Customer | None:
    """Our customer whom an object names in its `customer`; a stranger is read, since Stripe may know them as ours before we do."""
    if found := await known_customer(thing):
        return found
    stripe_id = fields.reference(thing, "customer")
    customer = known.require("customer", stripe_id) if stripe_id else None
    if customer is None or await mirror_customer(customer, known) is Outcome.IGNORED:
        return None
    return await known_customer(thing)


async def is_theirs(thing: Json, customer_id: str | None, known: Known) -> bool:
    """Whether an object may be of that customer of ours, whom its metadata name: these can be copied, but not its `customer`.

    It may while Stripe's customer is none, is theirs, or is gone; one whom we do not know is read.
    """
    stripe_id = fields.reference(thing, "customer")
    if stripe_id is None or customer_id is None:
        return True
    if found := await known_customer(thing):
        return found.id == customer_id
    reading = known.require("customer", stripe_id)
    return reading is None or reading.gone or our_id(reading.object, Prefix.CUSTOMER) == customer_id


async def _locked(customer: Json) -> Customer | None:
    stripe_id = fields.identifier(customer)
    row = await lock(Customer, stripe_customer_id=stripe_id)
    row_id = our_id(customer, Prefix.CUSTOMER)
    if row is None and row_id:
        row = await lock(Customer, id=row_id, stripe_customer_id=None)
    return row


async def _facts(customer: Json) -> Facts:
    if customer.get("deleted"):
        return {"stripe_customer_id": None, "stripe_payment_method_id": None}
    return {
        "stripe_customer_id": fields.identifier(customer),
        "email": fields.optional_word(customer, "email", 320),
        "name": fields.optional_word(customer, "name", 255),
        "stripe_payment_method_id": shapes.payment_method(customer),
    }
