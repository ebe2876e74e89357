"""Administrators erase people."""

from typing import Annotated, Any

import strawberry

from resolvers.mutations import erasing
from schema.inputs.erasing import EraseCustomerInput
from schema.mutations.given import GIVEN


async def erase_customer(info: strawberry.Info, given: Annotated[EraseCustomerInput, GIVEN]) -> Any:
    """ADMIN."""
    return await erasing.erase_customer(info, given.id, given.idempotency_key)
