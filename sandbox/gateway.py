"""The API over HTTP: read the call, check key, version and parameters, run it once, answer as Stripe does."""

import asyncio
import json
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sandbox import idempotency
from sandbox.authentication import authenticate
from sandbox.clock import Clock
from sandbox.configuration import Configuration
from sandbox.errors import InvalidParameters, Refusal
from sandbox.expansion import expand
from sandbox.forms import decode
from sandbox.idempotency import Answer
from sandbox.identifiers import random_text
from sandbox.parameters import check
from sandbox.resources import ROUTES
from sandbox.routing import Call, Route
from sandbox.shapes import API_VERSION, Json
from sandbox.transaction import Transaction

MAX_BODY = 1_000_000
_FORM = "application/x-www-form-urlencoded"

log = logging.getLogger("sandbox")

Work = Callable[[sqlite3.Connection], Answer]


REFUSED = {
    "rate_limited": Refusal("Request rate limit exceeded.", code="rate_limit", status=429),
    "conflicted": idempotency.in_use("of another request"),
    "failed": Refusal("An unknown error occurred.", status=500, kind="api_error"),
}
"""Faults that are answered before anything is done (sandbox.chaos)."""

LOOKED_EVERY = 0.2
"""Seconds between looks at whether a caller still waits for a late answer."""


class Cut(Response):
    """An answer that ends before its body: the server closes the connection, and the caller learns nothing."""

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send headers that promise a body, and no body."""
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})


async def _linger(request: Request, seconds: int) -> None:
    """Wait, though not longer than the caller does."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and not await request.is_disconnected():  # noqa: ASYNC110 - a caller that leaves sets no event
        await asyncio.sleep(LOOKED_EVERY)


class Gateway:
    """The endpoint for everything under /v1. `transact` runs work in the store and wakes the delivery afterwards."""

    def __init__(self, configuration: Configuration, clock: Clock, transact: Callable[[Work], Awaitable[Answer]]) -> None:
        self._configuration, self._clock, self._transact = configuration, clock, transact
        self._running: set[str] = set()

    async def __call__(self, request: Request) -> Response:
        """Answer one call; every refusal is Stripe's `{"error": …}` with its status, never a traceback. Faults come by sandbox.chaos."""
        fault = None if "/test_helpers/" in request.url.path else self._configuration.chaos.fault()
        if fault == "reset":
            return Cut()
        if fault in REFUSED:
            refusal = REFUSED[fault]
            return _response(Answer(refusal.status, "", refusal.body()), f"req_{random_text(14)}", None)
        answer = await self._told(request)
        if fault == "timed_out":
            await _linger(request, self._configuration.chaos.switches.timeout)
        return Cut() if fault == "half_way" else answer

    async def _told(self, request: Request) -> Response:
        request_id = f"req_{random_text(14)}"
        try:
            answer = await self._answer(request, request_id)
        except Refusal as refusal:
            answer = Answer(refusal.status, request_id, refusal.body())
        except Exception:
            log.exception("the sandbox failed", extra={"request_id": request_id})
            answer = Answer(500, request_id, {"error": {"type": "api_error", "message": f"An unknown error occurred ({request_id})."}})
        return _response(answer, request_id, request.headers.get("idempotency-key"))

    async def _answer(self, request: Request, request_id: str) -> Answer:
        path = request.url.path[len(request.scope.get("root_path", "")) :]
        found = _route(request.method, path)
        text = await _text(request)
        form = decode(text)
        publishable = authenticate(
            self._configuration, request.headers.get("authorization"), _pop(form, "key"), found is not None and found[0].public
        )
        _check_version(request.headers.get("stripe-version") or _pop(form, "_stripe_version"))
        if found is None:
            raise Refusal(f"Unrecognized request URL ({request.method}: {path[:200]}). Please see https://stripe.com/docs", status=404)
        return await self._once(request, request_id, found[0], found[1], form, publishable)

    async def _once(self, request: Request, request_id: str, route: Route, ids: dict[str, str], form: Json, publishable: bool) -> Answer:
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        digest = idempotency.fingerprint(request.method, request.url.path, form)
        run = _Run(self._configuration, self._clock, request_id, key, digest, route, ids, form, publishable)
        if key is None:
            return await self._transact(run)
        idempotency.check_key(key)
        if key in self._running:
            raise idempotency.in_use(key)
        self._running.add(key)
        try:
            return await self._transact(run)
        finally:
            self._running.discard(key)


class _Run:
    """One call inside the store's transaction."""

    def __init__(self, configuration: Configuration, clock: Clock, request_id: str, key: str | None, digest: str, *call: Any) -> None:
        self._configuration, self._clock, self._request_id, self._key, self._digest = configuration, clock, request_id, key, digest
        self._route, self._ids, self._form, self._publishable = call

    def __call__(self, connection: sqlite3.Connection) -> Answer:
        now = self._clock.now()
        if self._key is None:
            return self._run(connection, now)[0]
        kept = idempotency.recall(connection, self._key, self._digest, now)
        if kept is not None:
            return kept
        answer, lasting = self._run(connection, now)
        if lasting:
            idempotency.remember(connection, self._key, self._digest, answer, now)
        return answer

    def _run(self, connection: sqlite3.Connection, now: int) -> tuple[Answer, bool]:
        tx = Transaction(connection, self._configuration, now)
        tx.request = {"id": self._request_id, "idempotency_key": self._key}
        connection.execute("SAVEPOINT call")
        try:
            body = self._handle(tx)
        except Refusal as refusal:
            if not refusal.keep:
                connection.execute("ROLLBACK TO call")
            return Answer(refusal.status, self._request_id, refusal.body()), not isinstance(refusal, InvalidParameters)
        return Answer(200, self._request_id, body), True

    def _handle(self, tx: Transaction) -> Json:
        route: Route = self._route
        params = check(route.accepts, self._form, route.extra if self._publishable else None)
        paths = params.pop("expand", [])
        return expand(tx, route.handler(tx, Call(self._ids, params, self._publishable)), paths)


def _route(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    for route in ROUTES:
        ids = route.match(method, path)
        if ids is not None:
            return route, ids
    return None


async def _text(request: Request) -> str:
    if request.method == "GET":
        return request.url.query
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise Refusal(f"The request is larger than {MAX_BODY} bytes.", status=413)
    if body and request.headers.get("content-type", "").split(";")[0].strip().lower() != _FORM:
        raise InvalidParameters(f"Invalid request (check that your POST content type is {_FORM}).")
    try:
        return body.decode() or request.url.query
    except UnicodeDecodeError:
        raise InvalidParameters("Invalid UTF-8 in the request's body.") from None


def _pop(form: Json, name: str) -> str | None:
    value = form.get(name)
    return form.pop(name) if isinstance(value, str) else None


def _check_version(version: str | None) -> None:
    if version is not None and version != API_VERSION:
        raise Refusal(f"Invalid Stripe API version: {version[:40]}. The sandbox speaks {API_VERSION} only.")


def _response(answer: Answer, request_id: str, key: str | None) -> Response:
    headers = {
        "Request-Id": request_id,
        "Stripe-Version": API_VERSION,
        "Stripe-Sandbox": "billgraph",
        "Cache-Control": "no-cache, no-store",
    }
    if key is not None and len(key) <= idempotency.MAX_KEY and key.isascii():
        headers["Idempotency-Key"] = key
        headers["Original-Request"] = answer.request_id
    if answer.replayed:
        headers["Idempotent-Replayed"] = "true"
    return Response(json.dumps(answer.body, indent=2), answer.status, headers, "application/json")
