"""The sandbox's time moved for a developer, who sees how far it is and when all that happened has been told."""

import asyncio
import sys
from datetime import datetime, timedelta

from services.billing import Billing
from services.errors import InvalidInput, Refusal, StripeUnavailable
from services.sandbox_time import SandboxTime, look, move, parse_span
from services.stripe_gateway import StripeGateway
from settings import Settings
from web.processes import run
from web.progress import Progress

LOOK_EVERY = 0.2
"""Seconds between two looks at how far it is."""


def run_advance(settings: Settings, text: str) -> int:
    """Move the time, wait until it is there and its events are sent, and print what time it is; 1 when it cannot be moved."""

    async def advanced() -> int:
        billing = Billing(settings=settings, stripe=StripeGateway(settings))
        try:
            return await _advance(billing, parse_span(text))
        except InvalidInput as refusal:
            _tell(refusal.message)
            return 2
        finally:
            await billing.stripe.close()

    return run(advanced)


async def _advance(billing: Billing, span: timedelta) -> int:
    progress = Progress()
    try:
        before = await look(billing)
        last = await _arrived(billing, before, await move(billing, span), progress)
    except StripeUnavailable:
        _tell("The sandbox does not answer: run billgraph serve with the same settings.")
        return 1
    except Refusal as refusal:
        _tell(refusal.message)
        return 1
    progress.clear()
    sys.stdout.write(f"{_written(last.now)}  {last.events - before.events} events\n")
    return 0


async def _arrived(billing: Billing, before: SandboxTime, now: SandboxTime, progress: Progress) -> SandboxTime:
    while now.target is not None or now.unsent:
        events = now.events - before.events
        progress.at(events - now.unsent, f"{_written(now.now)}  {events} events, {now.unsent} to be sent")
        await asyncio.sleep(LOOK_EVERY)
        now = await look(billing)
    return now


def _written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def _tell(line: str) -> None:
    sys.stderr.write(f"billgraph: {line}\n")
