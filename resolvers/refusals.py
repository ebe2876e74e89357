"""A refusal as data: the one place where what a service refused becomes an entry of `userErrors`, or the error of a query."""

from dataclasses import dataclass

from graphql import GraphQLError

from services.errors import Refusal, RefusalCode


@dataclass(frozen=True, slots=True)
class UserError:
    """The contract's UserError; `field` is the path of the input at fault from the argument on, or None."""

    code: RefusalCode
    message: str
    field: list[str] | None
    retryable: bool


def user_error(refusal: Refusal) -> UserError:
    """What the client is told of a refusal: `NotFound("No such payment.", "paymentId")` names ["input", "paymentId"]."""
    field = ["input", *refusal.field] if refusal.field else None
    return UserError(refusal.code, refusal.message, field, refusal.retryable)


def refused_query(refusal: Refusal) -> GraphQLError:
    """The error of a query that was refused: the refusal's code, and whether the same may be asked again, as its extensions."""
    extensions = {"code": refusal.code.value, "retryable": refusal.retryable}
    return GraphQLError(refusal.message, extensions=extensions | ({"field": list(refusal.field)} if refusal.field else {}))
