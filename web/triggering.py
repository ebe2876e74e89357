"""An event of the sandbox caused, and what the service made of it, told to a developer."""

import asyncio
import sys

from models import WebhookEvent
from services.billing import Billing
from services.errors import Refusal, StripeUnavailable
from services.triggering import trigger
from settings import Settings
from web.processes import run, with_billing
from webhooks.handlers import HANDLERS

ARRIVAL_LIMIT = 10.0
"""Seconds that the event is waited for."""

LOOK_EVERY = 0.05


def run_trigger(settings: Settings, kind: str, external_id: str) -> int:
    """Cause the event and print its id, its type and what became of it; 1 when it is refused or does not arrive."""

    async def triggered() -> int:
        return await with_billing(settings, lambda billing: _trigger(billing, kind, external_id))

    return run(triggered)


async def _trigger(billing: Billing, kind: str, external_id: str) -> int:
    try:
        event = await trigger(billing, frozenset(HANDLERS), kind, external_id)
    except StripeUnavailable:
        sys.stderr.write("billgraph: The sandbox does not answer: run billgraph serve with the same settings.\n")
        return 1
    except Refusal as refusal:
        sys.stderr.write(f"billgraph: {refusal.message}\n")
        return 1
    status = await _arrived(event["id"])
    sys.stdout.write(f"{event['id']}  {kind}  {status or 'not delivered yet'}\n")
    return 0 if status else 1


async def _arrived(event_id: str) -> str | None:
    try:
        async with asyncio.timeout(ARRIVAL_LIMIT):
            while (row := await WebhookEvent.get_or_none(stripe_event_id=event_id)) is None:  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(LOOK_EVERY)
    except TimeoutError:
        return None
    return str(row.status)
