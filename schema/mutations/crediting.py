"""Credits are given and used."""

from typing import Annotated, Any

import strawberry

from resolvers.mutations import crediting
from schema.inputs.crediting import GrantCreditsInput, UseCreditsInput
from schema.mutations.given import GIVEN


async def grant_credits(info: strawberry.Info, given: Annotated[GrantCreditsInput, GIVEN]) -> Any:
    """The host's back end and administrators."""
    return await crediting.grant_credits(info, given.request(), given.idempotency_key)


async def use_credits(info: strawberry.Info, given: Annotated[UseCreditsInput, GIVEN]) -> Any:
    """The host's back end and administrators."""
    return await crediting.use_credits(info, given.request(), given.idempotency_key)
