"""What was refused, as data that a client can act on."""

import strawberry

from services.errors import RefusalCode

strawberry.enum(RefusalCode, name="UserErrorCode", description="What a mutation was refused for.")


@strawberry.type(description="One refusal of a mutation; the mutation's result is null then.")
class UserError:
    """Reads off resolvers.refusals.UserError."""

    code: RefusalCode
    message: str
    field: list[str] | None = strawberry.field(description="Path of the input field at fault, e.g. [input, amount].")
    retryable: bool = strawberry.field(description="Whether the same call may succeed later unchanged.")
