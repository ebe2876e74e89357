"""The one way to Stripe: an async client with a pinned API version, time limits, bounded retries, and every call counted and timed."""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime
from typing import Any, cast
from urllib.parse import quote

import stripe
import structlog
from prometheus_client import Histogram

from services.errors import StripeRejected
from services.snapshot import Snapshot
from services.stripe_refusals import is_missing, is_passing, refusal_of
from settings import Settings

API_VERSION = "2026-10-28.endive"
"""The version of Stripe's API whose shapes this code is written for."""

TRY_LIMIT = 10.0
"""Seconds that one request may take."""

CALL_LIMIT = 25.0
"""Seconds that one call may take with all its tries."""

MAX_TRIES = 4
"""Requests that one call may cost."""

FIRST_PAUSE = 0.25
"""Seconds before the second try at most; each further one doubles it. Drawn at random, so that callers do not return in step."""

SECONDS = Histogram("billgraph_stripe_call_seconds", "Calls to Stripe, with all their tries.", ["operation", "outcome"])

Request = Callable[[stripe.StripeClient], Awaitable[Any]]
"""What to ask: must carry an idempotency key in its options when it makes or moves something, or a second try would do it twice."""

PATHS = {
    "billing_portal.configuration": "billing_portal/configurations",
    "charge": "charges",
    "checkout.session": "checkout/sessions",
    "coupon": "coupons",
    "customer": "customers",
    "dispute": "disputes",
    "event": "events",
    "invoice": "invoices",
    "invoice_payment": "invoice_payments",
    "payment_intent": "payment_intents",
    "payment_method": "payment_methods",
    "price": "prices",
    "product": "products",
    "promotion_code": "promotion_codes",
    "refund": "refunds",
    "subscription": "subscriptions",
}
"""Stripe's word for an object (its `object` attribute) and where such objects are read."""

EXPANSIONS = {
    "billing_portal.configuration": ["features.subscription_update.products"],
    "coupon": ["applies_to"],
    "invoice": ["payments"],
    "payment_intent": ["latest_charge"],
    "refund": ["charge"],
}
"""Fields that Stripe leaves out of an object unless asked for."""

_log = structlog.get_logger(__name__)
_random = secrets.SystemRandom()


class StripeGateway:
    """Made once in the event loop that uses it, closed at shutdown. httpx bounds it to 100 connections.

    `settings` are those it was made with, for the work that is done between its calls.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._enabled = settings.stripe_enabled
        self._http = stripe.HTTPXClient(timeout=TRY_LIMIT)
        key = settings.stripe_secret_key
        self._client: stripe.StripeClient | None = None
        if key is not None:
            base: Any = {"api": settings.stripe_api_base.rstrip("/")} if settings.stripe_api_base else {}
            self._client = stripe.StripeClient(
                key.get_secret_value(), stripe_version=API_VERSION, base_addresses=base, http_client=self._http, max_network_retries=0
            )

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call] # the SDK does not annotate it

    def require_enabled(self) -> stripe.StripeClient:
        """The client; StripeRejected when selling is switched off (STRIPE_ENABLED) or no key is set (STRIPE_SECRET_KEY)."""
        if not self._enabled or self._client is None:
            raise StripeRejected("Selling is switched off on this server.")
        return self._client

    async def call(self, operation: str, request: Request) -> Snapshot:
        """Ask Stripe and return what it answers, versioned by the answer's Date header. `operation` names the call in logs and metrics.

        An answer that Stripe replays for an idempotency key shows the object as it was then: it is read anew. Raises a Refusal: retryable
        (RateLimited, StripeUnavailable) when it is not known whether the work was done, CardDeclined or StripeRejected when final.
        """
        answer = _raised(await self._answer(operation, request))
        snapshot = snapshot_of(answer)
        kind, object_id = snapshot.object.get("object"), snapshot.object.get("id")
        if answer.headers.get("idempotent-replayed") == "true" and kind in PATHS and isinstance(object_id, str):
            return await self.retrieve(kind, object_id) or snapshot
        return snapshot

    async def retrieve(self, kind: str, object_id: str, *expand: str) -> Snapshot | None:
        """Read an object; `kind` is Stripe's word for it (`payment_intent`, `checkout.session`). None when Stripe has no such object.

        Fields that name other objects are given whole where `expand` says so.

        Raises KeyError for a kind that is not read here, and Refusals as `call` does.
        """
        path = f"/v1/{PATHS[kind]}/{quote(object_id, safe='')}"
        expanded = [*EXPANSIONS.get(kind, ()), *expand]
        params = {"expand": expanded} if expanded else {}
        answer = await self._answer(f"{kind}.retrieve", lambda client: client.raw_request_async("get", path, **params))
        if isinstance(answer, stripe.StripeError) and is_missing(answer):
            return None
        return snapshot_of(_raised(answer))

    async def _answer(self, operation: str, request: Request) -> stripe.StripeResponse | stripe.StripeError:
        client = self.require_enabled()
        began = time.perf_counter()
        answer: stripe.StripeResponse | stripe.StripeError = _no_answer()
        try:
            async with asyncio.timeout(CALL_LIMIT):
                answer = await _tried(client, request)
        except TimeoutError:
            pass
        finally:
            _observe(operation, answer, time.perf_counter() - began)
        return answer


async def _tried(client: stripe.StripeClient, request: Request) -> stripe.StripeResponse | stripe.StripeError:
    pause = FIRST_PAUSE
    for _ in range(MAX_TRIES - 1):
        answer = await _once(client, request)
        if isinstance(answer, stripe.StripeResponse) or not is_passing(answer):
            return answer
        await asyncio.sleep(pause * _random.uniform(0.5, 1))
        pause *= 2
    return await _once(client, request)


async def _once(client: stripe.StripeClient, request: Request) -> stripe.StripeResponse | stripe.StripeError:
    try:
        async with asyncio.timeout(TRY_LIMIT):
            answer = await request(client)
    except TimeoutError:
        return _no_answer()
    except stripe.StripeError as error:
        return error
    response = answer if isinstance(answer, stripe.StripeResponse) else getattr(answer, "last_response", None)
    if not isinstance(response, stripe.StripeResponse) or not isinstance(response.data, dict):
        return stripe.APIError("The answer is not an object.")
    return response


def snapshot_of(answer: stripe.StripeResponse) -> Snapshot:
    """The object of an answer, as plain JSON, at the second of the answer's Date header (RFC 9110 section 6.6.1).

    An answer without a usable Date counts as old as the object itself, so that it never hides anything newer.
    """
    body = cast("dict[str, Any]", answer.data)
    try:
        version = int(parsedate_to_datetime(answer.headers["date"]).timestamp())
    except (KeyError, ValueError):
        version = int(body.get("created", 0))
    return Snapshot(body, version, read=True)


def _raised(answer: stripe.StripeResponse | stripe.StripeError) -> stripe.StripeResponse:
    if isinstance(answer, stripe.StripeError):
        raise refusal_of(answer) from answer
    return answer


def _no_answer() -> stripe.StripeError:
    return stripe.APIError("No answer in time.")


def _observe(operation: str, answer: stripe.StripeResponse | stripe.StripeError, seconds: float) -> None:
    headers = answer.headers or {}
    details: dict[str, Any] = {"milliseconds": round(seconds * 1000, 1), "stripe_request_id": headers.get("request-id")}
    outcome, level = "OK", logging.INFO
    if isinstance(answer, stripe.StripeError) and is_missing(answer):
        outcome = "MISSING"
    elif isinstance(answer, stripe.StripeError):
        outcome, level = refusal_of(answer).code.value, logging.WARNING
        details |= {"status": answer.http_status, "stripe_code": answer.code, "error": type(answer).__name__}
    SECONDS.labels(operation, outcome).observe(seconds)
    _log.log(level, "stripe_call", operation=operation, outcome=outcome, **details)
