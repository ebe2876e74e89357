"""POST /graphql: GraphQL over HTTP (graphql.github.io/graphql-over-http/draft), as a plain ASGI application.

An answer in application/graphql-response+json has status 400 when the operation did not run, and 200 when it did, whatever became of its
fields; in application/json both are 200. What is no GraphQL request at all is 4xx in either.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Generic, TypeVar
from uuid import uuid4

import structlog
from graphql import GraphQLError
from starlette.requests import Request
from starlette.types import Receive, Scope, Send
from strawberry import Schema

from schema.documents import Documents
from schema.error_codes import ErrorCode
from schema.execution import Executor
from schema.limits import Limits
from schema.masking import internal, present
from schema.negotiation import MediaType, accepts_html, is_json, preferred
from schema.request_body import GraphQLRequest, RequestRefused, decode, read_body
from services.authentication import InvalidToken, KeysUnavailable

C = TypeVar("C")
_log = structlog.get_logger(__name__)
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: `body` is a JSON value, or None for none."""

    status: int
    body: dict[str, Any] | None
    media_type: MediaType = MediaType.JSON
    headers: Mapping[str, str] | None = None


def graphql_endpoint(
    schema: Schema,
    make_context: Callable[[Request], Awaitable[C]],
    *,
    introspection: Callable[[C], bool],
    max_body_bytes: int = 262_144,
    operation_seconds: float = 30.0,
    limits: Limits | None = None,
    graphiql_path: str | None = "/graphiql",
) -> "GraphQLEndpoint[C]":
    """The application to mount at /graphql.

    `make_context` may raise InvalidToken (401) and RequestRefused; `introspection` says whether a caller may ask for the schema and be told
    names similar to a wrong one; a browser's GET is sent to `graphiql_path`.
    """
    executor = Executor(schema, operation_seconds)
    core = schema._schema  # noqa: SLF001 - Strawberry offers its graphql-core schema under no public name
    documents = {allowed: Documents(core, limits or Limits(), introspection=allowed) for allowed in (True, False)}
    return GraphQLEndpoint(executor, documents, make_context, introspection, max_body_bytes, graphiql_path)


class GraphQLEndpoint(Generic[C]):
    """Answers operations; made by `graphql_endpoint`."""

    def __init__(
        self,
        executor: Executor,
        documents: dict[bool, Documents],
        make_context: Callable[[Request], Awaitable[C]],
        introspection: Callable[[C], bool],
        max_body_bytes: int,
        graphiql_path: str | None,
    ) -> None:
        self.executor = executor
        self._documents = documents
        self._make_context = make_context
        self._introspection = introspection
        self._max_body_bytes = max_body_bytes
        self._graphiql_path = graphiql_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        request = Request(scope, receive)
        request_id = str(scope.setdefault("state", {}).setdefault("request_id", uuid4().hex))
        await send_answer(send, await self._answer(request, request_id), request_id)

    async def _answer(self, request: Request, request_id: str) -> Answer:
        accept = ",".join(request.headers.getlist("accept")) or None
        media_type = preferred(accept)
        try:
            self._check(request, accept, media_type)
            operation = decode(await read_body(request, self._max_body_bytes))
            return await self._run(operation, await self._context(request), request_id, media_type or MediaType.JSON)
        except RequestRefused as refused:
            return refusal(refused, media_type or MediaType.JSON, request_id)
        except Exception:  # noqa: BLE001 - the last line of defence: logged, and answered without its text
            _log.exception("request_failed", request_id=request_id)
            return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, {"errors": [internal(request_id)]}, media_type or MediaType.JSON)

    def _check(self, request: Request, accept: str | None, media_type: MediaType | None) -> None:
        if request.method != "POST":
            if request.method == "GET" and self._graphiql_path and accepts_html(accept):
                raise RequestRefused(HTTPStatus.SEE_OTHER, "GraphiQL is elsewhere.", headers={"location": self._graphiql_path})
            raise RequestRefused(HTTPStatus.METHOD_NOT_ALLOWED, "Send operations by POST.", headers={"allow": "POST"})
        if media_type is None:
            raise RequestRefused(HTTPStatus.NOT_ACCEPTABLE, f"Answers are {MediaType.GRAPHQL} or {MediaType.JSON}.")
        if not is_json(request.headers.get("content-type")):
            raise RequestRefused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The Content-Type must be application/json, in UTF-8.")
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise RequestRefused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The body must not be compressed.")

    async def _context(self, request: Request) -> C:
        try:
            return await self._make_context(request)
        except KeysUnavailable as error:
            raise RequestRefused(HTTPStatus.SERVICE_UNAVAILABLE, str(error), ErrorCode.INTERNAL, {"retry-after": "5"}) from None
        except InvalidToken as error:
            challenge = {"www-authenticate": 'Bearer error="invalid_token"'}
            raise RequestRefused(HTTPStatus.UNAUTHORIZED, str(error), ErrorCode.UNAUTHENTICATED, challenge) from None

    async def _run(self, asked: GraphQLRequest, context: C, request_id: str, media_type: MediaType) -> Answer:
        allowed = self._introspection(context)
        documents = self._documents[allowed]
        document = documents.prepare(asked.query)
        if document.node is None:
            return not_run(document.errors, request_id, media_type)
        try:
            operation = document.operation(asked.operation_name)
            if document.errors:
                return not_run(document.errors, request_id, media_type)
            documents.check_cost(document, operation, asked.variables)
            result = await self.executor.run(document.node, operation, asked.variables, context, suggestions=allowed)
        except GraphQLError as error:
            return not_run((error,), request_id, media_type)
        except TimeoutError:
            _log.error("operation_timed_out", request_id=request_id, operation=asked.operation_name)
            return timed_out(request_id, media_type)
        if result.data is None and result.errors and all(error.path is None for error in result.errors):
            return not_run(tuple(result.errors), request_id, media_type)
        entry = {"errors": present(result.errors, request_id, asked.operation_name)} if result.errors else {}
        return Answer(HTTPStatus.OK, {**entry, "data": result.data}, media_type)


def not_run(errors: tuple[GraphQLError, ...], request_id: str, media_type: MediaType) -> Answer:
    """The answer to an operation that did not start."""
    status = HTTPStatus.BAD_REQUEST if media_type is MediaType.GRAPHQL else HTTPStatus.OK
    return Answer(status, {"errors": present(errors, request_id)}, media_type)


def timed_out(request_id: str, media_type: MediaType) -> Answer:
    """The answer to an operation past its time limit."""
    message = "The operation took too long. A mutation may still be done: repeat it with the same idempotencyKey."
    status = HTTPStatus.SERVICE_UNAVAILABLE if media_type is MediaType.GRAPHQL else HTTPStatus.OK
    return Answer(status, {"errors": [internal(request_id, message)]}, media_type)


def refusal(refused: RequestRefused, media_type: MediaType, request_id: str) -> Answer:
    """The answer to what is no GraphQL request, or one that is not let in."""
    if refused.status is HTTPStatus.SEE_OTHER:
        return Answer(refused.status, None, headers=refused.headers)
    entry: dict[str, Any] = {"message": refused.message, "extensions": {"code": refused.code}}
    entry = internal(request_id, refused.message) if refused.code is ErrorCode.INTERNAL else entry
    return Answer(refused.status, {"errors": [entry]}, media_type, refused.headers)


async def send_answer(send: Send, answer: Answer, request_id: str) -> None:
    """Send an answer as JSON; one that JSON cannot hold (an infinite number, half a surrogate pair) becomes a masked error."""
    status, body = answer.status, b""
    if answer.body is not None:
        try:
            body = _encode(answer.body).encode()
        except (ValueError, TypeError, RecursionError):
            _log.exception("response_not_encoded", request_id=request_id)
            status, body = HTTPStatus.INTERNAL_SERVER_ERROR, _encode({"errors": [internal(request_id)]}).encode()
    headers = {"content-length": str(len(body)), "cache-control": "no-store", "vary": "accept", **(answer.headers or {})}
    if body:
        headers["content-type"] = f"{answer.media_type}; charset=utf-8"
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": int(status), "headers": raw})
    await send({"type": "http.response.body", "body": body})
