"""What an operator's machines ask: is it alive, is it ready, and its figures."""

import asyncio
import hmac
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from models.database import pending_migrations, ping
from services import metrics, outbox
from services.deliveries import keeping as deliveries
from services.emails import keeping as emails
from services.endpoint_check import EndpointCheck
from services.erasure.overdue import count_overdue
from services.event_backlog import event_backlog
from settings import Settings

READY_LIMIT = 3.0
"""Longest that /readyz takes, in seconds."""

UNKNOWN: dict[str, Any] = {"events": "unknown", "outbox": "unknown", "deliveries": "unknown", "emails": "unknown", "erasures": "unknown"}
"""What is told of work that waits while the database cannot say."""

_log = structlog.get_logger(__name__)


class Operations:
    """The endpoints /healthz, /readyz and /metrics over one set of settings."""

    def __init__(self, settings: Settings, endpoint: EndpointCheck) -> None:
        self._settings, self._endpoint = settings, endpoint
        self._migrated = False

    async def healthz(self, _: Request) -> Response:
        """200 as long as the process answers at all; a failing one should be restarted."""
        return JSONResponse({"status": "ok"})

    async def readyz(self, _: Request) -> Response:
        """200 when the database answers and is migrated, else 503: send no requests here. Stripe is not asked.

        `details` change nothing of that: the latest word on the webhook endpoint, the events that could not be applied, and how much of the
        outbox, of the outgoing events and of the e-mails was given up, and the erasures that do not come to an end.
        """
        checks = {"database": await self._database(), "migrations": "unknown"}
        if checks["database"] == "ok":
            checks["migrations"] = await self._migrations()
        ready = set(checks.values()) == {"ok"}
        details = {"webhooks": self._endpoint.found, **(await self._waiting() if ready else UNKNOWN)}
        body = {"status": "ready" if ready else "not ready", "checks": checks, "details": details}
        return JSONResponse(body, status_code=200 if ready else 503)

    async def metrics(self, request: Request) -> Response:
        """Prometheus' text; asks for METRICS_TOKEN when there is one, and is not there in production without."""
        token = self._settings.metrics_token
        if token is None:
            return _not_found() if self._settings.production else _exposition()
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.get_secret_value().encode()):
            return _exposition()
        return JSONResponse({"error": "Send METRICS_TOKEN as a bearer token."}, 401, {"www-authenticate": "Bearer"})

    async def _database(self) -> str:
        try:
            async with asyncio.timeout(READY_LIMIT):
                await ping()
        except Exception as error:  # noqa: BLE001 - whatever the driver raises, the answer is: not ready
            _log.warning("not_ready", check="database", reason=type(error).__name__)
            return "unreachable"
        return "ok"

    async def _migrations(self) -> str:
        if not self._migrated:
            try:
                async with asyncio.timeout(READY_LIMIT):
                    self._migrated = not await pending_migrations(_url(self._settings))
            except Exception as error:  # noqa: BLE001 - as above
                _log.warning("not_ready", check="migrations", reason=type(error).__name__)
                return "unknown"
        return "ok" if self._migrated else "pending"

    async def _waiting(self) -> dict[str, Any]:
        try:
            async with asyncio.timeout(READY_LIMIT):
                backlog, given_up = await event_backlog(), await outbox.given_up()
                dead = {"deliveries": {"dead": await deliveries.count_dead()}, "emails": {"dead": await emails.count_dead()}}
                erasures = {"overdue": await count_overdue()}
        except Exception as error:  # noqa: BLE001 - as above, and a detail is no reason to be not ready
            _log.warning("backlog_unknown", reason=type(error).__name__)
            return UNKNOWN
        events = {"failed": backlog.failed, "overdue_seconds": backlog.overdue}
        return {"events": events, "outbox": {"given_up": given_up}, **dead, "erasures": erasures}


def _url(settings: Settings) -> str:
    return settings.database_url.get_secret_value() if settings.database_url else ""


def _exposition() -> Response:
    return PlainTextResponse(metrics.exposition(), media_type=metrics.CONTENT_TYPE)


def _not_found() -> Response:
    return JSONResponse({"error": "Not found"}, status_code=404)
