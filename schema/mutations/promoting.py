"""Promotion codes."""

from typing import Annotated, Any

import strawberry

from resolvers.mutations import promoting
from schema.inputs.promoting import CreatePromotionCodeInput, DeactivatePromotionCodeInput
from schema.mutations.given import GIVEN


async def create_promotion_code(info: strawberry.Info, given: Annotated[CreatePromotionCodeInput, GIVEN]) -> Any:
    """Administrators."""
    return await promoting.create_promotion_code(info, given.request(), given.idempotency_key)


async def deactivate_promotion_code(info: strawberry.Info, given: Annotated[DeactivatePromotionCodeInput, GIVEN]) -> Any:
    """Administrators."""
    return await promoting.deactivate_promotion_code(info, given.id, given.idempotency_key)
