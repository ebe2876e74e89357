"""The way to Stripe for long walks: told to slow down it waits and asks again, where a request of a caller's would be refused."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from services.errors import RateLimited
from services.snapshot import Snapshot
from services.stripe_gateway import Request, StripeGateway

Answer = TypeVar("Answer")

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0
"""Seconds waited at most before the first and before each later repetition; each pause is twice the one before, drawn at random from its
upper half."""

MAX_PAUSES = 20
"""So often one call waits, nine minutes in all; then RateLimited is raised."""

_random = secrets.SystemRandom()
_log = structlog.get_logger(__name__)


class PatientGateway(StripeGateway):
    """As StripeGateway, but RateLimited is raised only when Stripe says so for minutes (docs.stripe.com/rate-limits)."""

    async def call(self, operation: str, request: Request) -> Snapshot:
        """As StripeGateway's, after as many pauses as Stripe wants."""
        ask = super().call
        return await _patiently(operation, lambda: ask(operation, request))

    async def retrieve(self, kind: str, object_id: str, *expand: str) -> Snapshot | None:
        """As StripeGateway's, after as many pauses as Stripe wants."""
        ask = super().retrieve
        return await _patiently(f"{kind}.retrieve", lambda: ask(kind, object_id, *expand))


async def _patiently(operation: str, ask: Callable[[], Awaitable[Answer]]) -> Answer:
    pause = FIRST_PAUSE
    for _ in range(MAX_PAUSES):
        try:
            return await ask()
        except RateLimited:
            _log.info("stripe_rate_limited", operation=operation, pause=pause)
        await asyncio.sleep(pause * _random.uniform(0.5, 1))
        pause = min(pause * 2, LONGEST_PAUSE)
    return await ask()
