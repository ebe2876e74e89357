"""The answer of a mutation: what it made, or why it was refused."""

from collections.abc import Awaitable
from typing import Any

from strawberry.utils.str_converters import to_camel_case

from models.record import Record
from resolvers.context import Context
from resolvers.planner import load
from resolvers.refusals import UserError, user_error
from services.audit import Caller
from services.authentication import Viewer
from services.errors import Refusal
from services.idempotency import Done


class Payload:
    """The fields of a payload type, by their Python names; one that was not given is null."""

    def __init__(self, user_errors: list[UserError], **results: Any) -> None:
        self.user_errors = user_errors
        self.add(**results)

    def add(self, **results: Any) -> None:
        """Give more fields."""
        self.__dict__.update(results)

    def __getattr__(self, name: str) -> None:
        return None


def caller_of(context: Context, viewer: Viewer) -> Caller:
    """Who calls, for the audit log."""
    return Caller(viewer, context.request_id)


async def made(info: Any, name: str, model: type[Record], work: Awaitable[Done[Any]]) -> tuple[Payload, Any]:
    """The payload whose field `name` is the row that the work made, and the work's extra; after a refusal userErrors alone, and None."""
    try:
        done = await work
    except Refusal as refusal:
        return refused(refusal), None
    return Payload([], **{name: await load(info, model, done.object_id, to_camel_case(name))}), done.extra


def refused(refusal: Refusal) -> Payload:
    """A payload with nothing but the refusal."""
    return Payload([user_error(refusal)])
