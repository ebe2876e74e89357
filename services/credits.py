"""Credits granted and used by the host's back end, and what expires of them."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from models import CreditEntryKind, CreditLot, Customer
from models.database import transaction
from services import credit_ledger, customers
from services.audit import ITSELF, Caller
from services.credit_ledger import MAX_CREDITS, Gift
from services.errors import InvalidInput, NotFound
from services.idempotency import Call, Done, nothing, once
from services.journal import journal
from services.text_input import MAX_EXTERNAL_ID, checked_text

MAX_DESCRIPTION = 1000
"""Characters of an entry's description."""


@dataclass(frozen=True, slots=True)
class Booking:
    """`amount` credits, 1 or more, of the customer whom the host knows by this id, for a reason that the customer will read."""

    customer_external_id: str
    amount: int
    description: str


async def grant_credits(caller: Caller, booking: Booking, key: str) -> Done[None]:
    """Give a customer credits, who is made known now if nobody has heard of them. Raises InvalidInput, and then nothing is written."""
    _check(booking)

    async def begin() -> str:
        customer = await customers.row_for(booking.customer_external_id)
        async with journal(caller):
            held = await credit_ledger.locked(customer.id)
            if booking.amount > credit_ledger.room_of(held):
                raise InvalidInput(f"A balance may be {MAX_CREDITS} credits at most.", "amount")
            entry = await credit_ledger.grant(held, Gift(booking.amount, booking.description), CreditEntryKind.GRANT)
        return str(entry.id)

    return await once(Call(caller.viewer.external_id, "grantCredits", key, asdict(booking)), begin, nothing)


async def use_credits(caller: Caller, booking: Booking, key: str) -> Done[None]:
    """Take credits if the balance allows, all or nothing, in one step. Raises InvalidInput, NotFound and InsufficientCredits."""
    _check(booking)

    async def begin() -> str:
        customer = await Customer.get_or_none(external_id=booking.customer_external_id, erased_at=None)
        if customer is None:
            raise NotFound("There is no such customer.", "customerExternalId")
        async with journal(caller):
            entry = await credit_ledger.use(await credit_ledger.locked(customer.id), booking.amount, booking.description)
        return str(entry.id)

    return await once(Call(caller.viewer.external_id, "useCredits", key, asdict(booking)), begin, nothing)


async def expire_due(limit: int) -> int:
    """Book what has expired, of at most `limit` lots; how many customers it was of."""
    due = CreditLot.filter(expires_at__lte=datetime.now(UTC), remaining__gt=0).order_by("expires_at", "id").limit(limit)
    found = sorted({lot.customer_id for lot in await due})
    for customer_id in found:
        async with transaction(), journal(ITSELF):
            await credit_ledger.expire(await credit_ledger.locked(customer_id))
    return len(found)


def _check(booking: Booking) -> None:
    checked_text(booking.customer_external_id, MAX_EXTERNAL_ID, "customerExternalId")
    checked_text(booking.description, MAX_DESCRIPTION, "description")
    if not 1 <= booking.amount <= MAX_CREDITS:
        raise InvalidInput("The amount is at least 1 credit.", "amount")
