"""The catalogue."""

from typing import Annotated, Any

import strawberry

from resolvers.mutations import cataloguing
from schema.inputs.cataloguing import ArchivePlanInput, SavePlanInput
from schema.mutations.given import GIVEN


async def save_plan(info: strawberry.Info, given: Annotated[SavePlanInput, GIVEN]) -> Any:
    """Administrators."""
    return await cataloguing.save_plan(info, given.request(), given.idempotency_key)


async def archive_plan(info: strawberry.Info, given: Annotated[ArchivePlanInput, GIVEN]) -> Any:
    """Administrators."""
    return await cataloguing.archive_plan(info, given.code, given.idempotency_key)
