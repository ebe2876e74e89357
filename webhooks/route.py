"""POST /webhooks/stripe: verified, recorded and applied, committed, and only then answered 200."""

import asyncio
from typing import Any

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from models import WebhookEventStatus
from services.billing import Billing
from services.grouped_inbox import GroupedInbox, InboxFull
from services.stripe_event import StripeEvent, read_event
from webhooks.handlers import HANDLERS
from webhooks.signature import is_signed

MAX_BODY = 524_288
"""Bytes of a body; Stripe's events have a few thousand."""

BODY_LIMIT = 10.0
"""Seconds in which a body must have come."""

BUSY_PAUSE = 1
"""Seconds after which an event that was not taken may be sent again."""

_log = structlog.get_logger(__name__)


class Refused(Exception):
    """A request that is answered with `status` and kept nowhere."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class WebhookEndpoint:
    """An ASGI application for the one path; answers 404 while no signing secret is set (STRIPE_WEBHOOK_SECRET)."""

    def __init__(self, billing: Billing) -> None:
        self._secrets = billing.settings.stripe_webhook_secret
        self._inbox = GroupedInbox(billing, HANDLERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        try:
            event = await self._event(request)
            status = await self._inbox.receive(event)
        except Refused as refused:
            _log.info("webhook_refused", status=refused.status, reason=refused.message)
            return _refusal(refused)
        except InboxFull as full:
            _log.warning("webhook_inbox_full")
            return JSONResponse({"error": str(full)}, status_code=503, headers={"retry-after": str(BUSY_PAUSE)})
        except ClientDisconnect:
            return Response(status_code=400)
        failed = status is WebhookEventStatus.FAILED
        return JSONResponse({"id": event.id, "status": status.value}, status_code=500 if failed else 200)

    async def _event(self, request: Request) -> StripeEvent:
        if not self._secrets:
            raise Refused(404, "No signing secret is set (STRIPE_WEBHOOK_SECRET), so this endpoint is off.")
        if request.method != "POST":
            raise Refused(405, "Events are posted.")
        payload = _text(await _body(request))
        if not is_signed(payload, request.headers.get("stripe-signature", ""), self._secrets):
            raise Refused(400, "The signature does not verify.")
        return _parsed(payload)


def webhook_endpoint(billing: Billing) -> ASGIApp:
    """The endpoint over a billing service, to be given to a Route."""
    return WebhookEndpoint(billing)


async def _body(request: Request) -> bytes:
    """The body as it came; never holds more than MAX_BODY of it."""
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Refused(400, "A body is taken as it is, without content encoding.")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_LIMIT):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY:
                    raise Refused(413, f"A body has at most {MAX_BODY} bytes.")
    except TimeoutError:
        raise Refused(408, "The body did not come in time.") from None
    return bytes(body)


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused(400, "The body is not UTF-8.") from None


def _parsed(payload: str) -> StripeEvent:
    try:
        return read_event(payload)
    except (ValueError, RecursionError):
        raise Refused(400, "The body is no event of Stripe's.") from None


def _refusal(refused: Refused) -> Response:
    headers: dict[str, Any] = {"allow": "POST"} if refused.status == 405 else {}
    return JSONResponse({"error": refused.message}, status_code=refused.status, headers=headers)
