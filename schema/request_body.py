"""The body of a GraphQL request: read up to a limit, decoded strictly, every refusal with its HTTP status."""

import asyncio
import json
import math
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request

from schema.error_codes import ErrorCode

BODY_SECONDS: Final = 15.0
"""Seconds that a client may take to send a body."""


class RequestRefused(Exception):
    """A request that is no GraphQL request: answered with `status`, `headers`, and one error with `code` and the message."""

    def __init__(
        self, status: HTTPStatus, message: str, code: ErrorCode = ErrorCode.BAD_USER_INPUT, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.headers = headers or {}


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """One operation to run, as the GraphQL-over-HTTP specification names its parts."""

    query: str
    variables: dict[str, Any]
    operation_name: str | None


async def read_body(request: Request, limit: int) -> bytes:
    """At most `limit` bytes. RequestRefused with 413 as soon as there are more, 408 when they take too long, 400 when they stop."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and (len(length) > 12 or int(length) > limit):
        raise _too_large(limit)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _joined(request, limit)
    except TimeoutError:
        raise RequestRefused(HTTPStatus.REQUEST_TIMEOUT, f"The body did not arrive within {BODY_SECONDS:.0f} seconds.") from None
    except ClientDisconnect:
        raise RequestRefused(HTTPStatus.BAD_REQUEST, "The body ended early.") from None


async def _joined(request: Request, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        parts.append(part)
    return b"".join(parts)


def _too_large(limit: int) -> RequestRefused:
    return RequestRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body is larger than {limit} bytes.", ErrorCode.QUERY_TOO_COMPLEX)


def decode(body: bytes) -> GraphQLRequest:
    """The request that a body holds. RequestRefused with 400 for what is not UTF-8, not JSON, nested too deeply or of the wrong shape."""
    try:
        text = body.decode()
        document = _decoder.decode(text)
    except (ValueError, RecursionError):
        raise _malformed("The body is not JSON in UTF-8 (RFC 8259).") from None
    if isinstance(document, list):
        raise _malformed("Batches are not answered: send one operation, as a JSON object.")
    if not isinstance(document, dict):
        raise _malformed('The body must be a JSON object such as {"query": "{ config { enabled } }"}.')
    if "\\u" in text and not _storable(document):
        raise _malformed("A string in the body holds a NUL character or half of a surrogate pair: leave it out.")
    return GraphQLRequest(_query(document), _object(document, "variables"), _operation_name(document))


def _query(document: dict[str, Any]) -> str:
    query = document.get("query")
    if not isinstance(query, str) or not query.strip():
        raise _malformed("`query` is missing: it holds the GraphQL document as a string.")
    return query


def _object(document: dict[str, Any], name: str) -> dict[str, Any]:
    value = document.get(name)
    if value is not None and not isinstance(value, dict):
        raise _malformed(f"`{name}` must be a JSON object.")
    return value or {}


def _operation_name(document: dict[str, Any]) -> str | None:
    _object(document, "extensions")
    name = document.get("operationName")
    if name is not None and not isinstance(name, str):
        raise _malformed("`operationName` must be a string.")
    return name


def _storable(value: Any) -> bool:
    """Whether every string can be written as UTF-8 and stored by every database."""
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, dict):
            left += [*item.keys(), *item.values()]
        elif isinstance(item, list):
            left += item
        elif isinstance(item, str) and ("\0" in item or any("\ud800" <= character <= "\udfff" for character in item)):
            return False
    return True


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("The number is too large")
    return value


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not JSON")


def _malformed(message: str) -> RequestRefused:
    return RequestRefused(HTTPStatus.BAD_REQUEST, message)


_decoder = json.JSONDecoder(parse_float=_finite, parse_constant=_no_constant)
