"""Support and administrators give money back."""

from typing import Any

from models import Refund
from resolvers.mutations.payload import Payload, caller_of, made
from resolvers.permissions import require_roles
from services.authentication import Role
from services.refunds import RefundRequest
from services.refunds import create_refund as create


async def create_refund(info: Any, request: RefundRequest, key: str) -> Payload:
    """SUPPORT and ADMIN, of anybody's payment."""
    context = info.context
    caller = caller_of(context, require_roles(context, Role.SUPPORT, Role.ADMIN))
    payload, _ = await made(info, "refund", Refund, create(context.billing, caller, request, key))
    return payload
