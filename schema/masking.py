"""Errors as a client may see them: its own mistakes in full, ours by nothing but the request's id, with the traceback in the log."""

from collections.abc import Sequence
from typing import Any, Final

import structlog
from graphql import GraphQLError
from strawberry.exceptions import StrawberryGraphQLError

from schema.error_codes import ErrorCode
from services.errors import RefusalCode

MASKED: Final = "Internal error"
MAX_LOGGED: Final = 5
"""Tracebacks of one operation that are logged: a broken field of a list fails once for each row."""

MAX_ERRORS: Final = 100
"""Errors of one operation that are answered; the fields of the others are null all the same."""

_CLIENT_CODES = frozenset(ErrorCode) - {ErrorCode.INTERNAL}
_REFUSALS = frozenset(RefusalCode)
_log = structlog.get_logger(__name__)


def present(errors: Sequence[GraphQLError], request_id: str, operation: str | None = None) -> list[dict[str, Any]]:
    """The `errors` entry of a response. Internal errors are masked, and logged with their traceback."""
    answered = [(error, code_of(error)) for error in errors[:MAX_ERRORS]]
    _report([error for error, code in answered if code is ErrorCode.INTERNAL], request_id, operation)
    return [_formatted(error, code, request_id) for error, code in answered]


def internal(request_id: str, message: str = MASKED) -> dict[str, Any]:
    """An entry for something that went wrong on our side."""
    return {"message": message, "extensions": {"code": ErrorCode.INTERNAL, "requestId": request_id}}


def code_of(error: GraphQLError) -> ErrorCode | RefusalCode:
    """Whose mistake an error is. What is not known to be the client's counts as ours, since its text may tell what it should not."""
    code = (error.extensions or {}).get("code")
    if code in _CLIENT_CODES:
        return ErrorCode(code)
    if code in _REFUSALS:
        return RefusalCode(code)
    cause = error.original_error
    if error.path is None and (cause is None or isinstance(cause, GraphQLError)):
        return ErrorCode.BAD_USER_INPUT  # variables that do not fit: found before anything is run
    if isinstance(cause, StrawberryGraphQLError) or (isinstance(cause, GraphQLError) and cause.nodes):
        return ErrorCode.BAD_USER_INPUT  # an argument that does not fit: graphql-core names the node at fault
    return ErrorCode.INTERNAL


def _formatted(error: GraphQLError, code: ErrorCode | RefusalCode, request_id: str) -> dict[str, Any]:
    entry: dict[str, Any] = dict(error.formatted)
    if code is ErrorCode.INTERNAL:
        return entry | internal(request_id)
    return entry | {"extensions": {**(error.extensions or {}), "code": code}}


def _report(errors: list[GraphQLError], request_id: str, operation: str | None) -> None:
    seen: set[int] = set()
    for error in errors[:MAX_LOGGED]:
        cause = error.original_error or error
        if id(cause) not in seen:
            seen.add(id(cause))
            _log.error("operation_failed", request_id=request_id, operation=operation, path=error.path, exc_info=cause)
    if len(errors) > MAX_LOGGED:
        _log.error("operation_failed_further", request_id=request_id, operation=operation, errors=len(errors))
