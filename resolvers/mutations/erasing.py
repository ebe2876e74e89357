"""Administrators erase people."""

from typing import Any

from models import Customer
from resolvers.mutations.payload import Payload, caller_of, made
from resolvers.permissions import require_roles
from services.authentication import Role
from services.erasure import erasing


async def erase_customer(info: Any, customer_id: str, key: str | None) -> Payload:
    """ADMIN."""
    caller = caller_of(info.context, require_roles(info.context, Role.ADMIN))
    payload, _ = await made(info, "customer", Customer, erasing.erase_customer(info.context.billing, caller, customer_id, key))
    return payload
