"""The host's back end and administrators give and use credits."""

from collections.abc import Awaitable
from typing import Any

from models import CreditEntry
from models import Customer as CustomerRow
from resolvers.mutations.payload import Payload, caller_of, refused
from resolvers.permissions import HOSTS, require_roles
from resolvers.planner import load
from services import credits as credit_service
from services.credits import Booking
from services.errors import Refusal
from services.idempotency import Done


async def grant_credits(info: Any, booking: Booking, key: str) -> Payload:
    """SERVICE and ADMIN."""
    caller = caller_of(info.context, require_roles(info.context, *HOSTS))
    return await _booked(info, credit_service.grant_credits(caller, booking, key))


async def use_credits(info: Any, booking: Booking, key: str) -> Payload:
    """SERVICE and ADMIN."""
    caller = caller_of(info.context, require_roles(info.context, *HOSTS))
    return await _booked(info, credit_service.use_credits(caller, booking, key))


async def _booked(info: Any, work: Awaitable[Done[None]]) -> Payload:
    try:
        done = await work
    except Refusal as refusal:
        return refused(refusal)
    customer_id = (await CreditEntry.get(id=done.object_id)).customer_id
    entry = await load(info, CreditEntry, done.object_id, "entry")
    return Payload([], entry=entry, customer=await load(info, CustomerRow, customer_id, "customer"))
