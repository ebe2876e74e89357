"""Whether Stripe's webhook endpoint is as this version needs it, looked at when a process starts and every hour, beside its work."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from services.billing import Billing
from services.errors import Refusal
from services.stripe_fields import UnknownShape
from services.webhook_endpoints import differences, endpoint_url, endpoints_at

CHECK_EVERY = 3600.0
"""Seconds between two looks."""

CHECK_LIMIT = 3.0
"""Seconds that one look may take."""

UNKNOWN = "unknown"
"""Stripe was not asked yet, did not answer, or nothing is sold."""

OK = "ok"

_log = structlog.get_logger(__name__)


class EndpointCheck:
    """Compares the endpoints of PUBLIC_URL/webhooks/stripe with the event types that are handled and the pinned API version.

    `found` is the latest word: `ok`, `unknown`, or what differs, such as `missing types: refund.created`. The sandbox, which sends
    everything to the process that serves it, is ok. A look that fails changes nothing.
    """

    def __init__(self, billing: Billing, types: frozenset[str]) -> None:
        self._billing, self._types = billing, types
        self.found = OK if billing.settings.sandbox else UNKNOWN

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look beside what happens inside, at its beginning and then every hour."""
        task = asyncio.create_task(self._run(), name="endpoint_check")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        settings = self._billing.settings
        url = endpoint_url(settings)
        if settings.sandbox or not settings.stripe_enabled or settings.stripe_secret_key is None or url is None:
            return
        while True:
            await self._look(url)
            await asyncio.sleep(CHECK_EVERY)

    async def _look(self, url: str) -> None:
        try:
            async with asyncio.timeout(CHECK_LIMIT):
                endpoints = await endpoints_at(self._billing.stripe, url)
        except (Refusal, UnknownShape, TimeoutError) as error:
            _log.info("webhook_endpoint_unknown", reason=str(error) or "no answer in time")
            return
        differing = list(differences(endpoints, self._types))
        self.found = "; ".join(differing) or OK
        if differing:
            _log.warning("webhook_endpoint_differs", url=url, differences=differing, mend="billgraph webhooks listen-setup")
