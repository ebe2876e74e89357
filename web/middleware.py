"""What every request passes: an id and a line in the log, and headers that keep browsers careful. Plain ASGI."""

import re
import time
import uuid
from email.utils import formatdate

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.metrics import REQUEST_SECONDS

REQUEST_ID_HEADER = "x-request-id"
"""Header that names a request, taken over from a proxy when it is well-formed, and always answered."""

_REQUEST_ID = re.compile(r"[\w.-]{8,128}", re.ASCII)
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
_log = structlog.get_logger("http")


def request_id_of(scope: Scope) -> str:
    """The request's id; empty outside of RequestLog."""
    return str(scope.get("state", {}).get("request_id", ""))


class RequestLog:
    """Gives each request an id, binds it to every log line below, and tells method, path, status and milliseconds at its end.

    An exception that nothing below has answered becomes a 500 that says nothing but the id, and one log entry with the traceback.
    """

    def __init__(self, app: ASGIApp, *, declared: frozenset[str], enabled: bool = True) -> None:
        """`declared`: paths that the figures are kept by; `/x/` stands for all below it, and what is not declared counts as `other`."""
        self._app = app
        self._declared = declared
        self._enabled = enabled

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Frame an HTTP request; let everything else pass."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _identify(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        answer = _Answer(send, request_id)
        started = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, answer.send)
            except Exception:  # noqa: BLE001 - the last line of defence: logged, and answered without its text
                _log.exception("request_failed")
                await answer.fail(scope, receive)
            self._finish(scope, answer.status, time.perf_counter() - started)

    def _finish(self, scope: Scope, status: int, seconds: float) -> None:
        REQUEST_SECONDS.labels(self._route(scope["path"]), status).observe(seconds)
        if self._enabled and scope["path"] not in _PROBES:
            _log.info("request", method=scope["method"], path=scope["path"], status=status, milliseconds=round(seconds * 1000, 2))

    def _route(self, path: str) -> str:
        above = f"/{path[1:].partition('/')[0]}/"
        return path if path in self._declared else above if above in self._declared else "other"


class _Answer:
    """What went out so far: the status, and whether it can still be replaced."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)[REQUEST_ID_HEADER] = self._request_id
        await self._send(message)

    async def fail(self, scope: Scope, receive: Receive) -> None:
        if self.status == 0:
            body = {"error": "Internal error", "requestId": self._request_id}
            await JSONResponse(body, status_code=500)(scope, receive, self.send)


class Dated:
    """Adds `Date` to each answer that has none, where the server leaves its own out (RFC 9110, 6.6.1)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, what comes back dated."""

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).setdefault("date", formatdate(usegmt=True))
            await send(message)

        await self._app(scope, receive, dated)


class SecurityHeaders:
    """Adds to each answer what it has not said itself. The sandbox's pages speak for themselves, being another application."""

    def __init__(self, app: ASGIApp, *, https: bool, apart: str) -> None:
        self._app = app
        self._apart = apart
        self._headers = {
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "x-frame-options": "DENY",
            "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        } | ({"strict-transport-security": "max-age=63072000"} if https else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, the headers added to what comes back."""
        if scope["type"] != "http" or scope["path"].startswith(self._apart):
            await self._app(scope, receive, send)
            return

        async def careful(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add(MutableHeaders(scope=message))
            await send(message)

        await self._app(scope, receive, careful)

    def _add(self, headers: MutableHeaders) -> None:
        for name, value in self._headers.items():
            headers.setdefault(name, value)
        if "etag" not in headers:
            headers.setdefault("cache-control", "no-store")


def _identify(scope: Scope) -> str:
    given = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
