"""Administrators make promotion codes, and end them."""

from typing import Any

from models import PromotionCode
from resolvers.mutations.payload import Payload, caller_of, made
from resolvers.permissions import require_roles
from services import promotion_codes
from services.authentication import Role
from services.promotion_codes import PromotionTerms


async def create_promotion_code(info: Any, terms: PromotionTerms, key: str | None) -> Payload:
    """ADMIN."""
    context = info.context
    caller = caller_of(context, require_roles(context, Role.ADMIN))
    work = promotion_codes.create_promotion_code(context.billing, caller, terms, key)
    payload, _ = await made(info, "promotion_code", PromotionCode, work)
    return payload


async def deactivate_promotion_code(info: Any, row_id: str, key: str | None) -> Payload:
    """ADMIN."""
    context = info.context
    caller = caller_of(context, require_roles(context, Role.ADMIN))
    work = promotion_codes.deactivate_promotion_code(context.billing, caller, row_id, key)
    payload, _ = await made(info, "promotion_code", PromotionCode, work)
    return payload
