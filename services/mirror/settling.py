"""Running a piece of work in transactions, and reading from Stripe between them what it turns out to need."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from tortoise.exceptions import IntegrityError, OperationalError

from models.database import transaction
from services import stripe_fields as fields
from services.fulfilment import fulfil
from services.journal import journal
from services.mirror.known import INVOICE_OF_PAYMENT_INTENT, LINES_OF_INVOICE, Known, ObjectNeeded
from services.snapshot import Snapshot
from services.stripe_fields import Json
from services.stripe_gateway import StripeGateway

Result = TypeVar("Result")

MAX_READINGS = 12
"""Objects that one piece of work may read: its own, its parents, and those again that changed meanwhile."""

MAX_COLLISIONS = 5
"""Times that one piece of work is begun again because another transaction made the same row or waited for us."""


MAX_LINES = 1000
"""Lines of an invoice that are read; Stripe's invoices have 250 items at most."""

LONGEST_STEP_BACK = 0.05
"""Seconds, at most, before work that collided is begun again; drawn at random, so that two do not collide in step."""

_random = secrets.SystemRandom()


class TooManyReadings(Exception):
    """The object changed at Stripe or with us each time it was read; to be tried again later."""


async def settle(stripe: StripeGateway, work: Callable[[Known], Awaitable[Result]]) -> Result:
    """Run `work` in one transaction of its own and return what it returns; nothing of it stays when it raises.

    ObjectNeeded is met by reading the object while no transaction is open, and running the work again; a collision with another transaction
    (two made the same row, a deadlock) by running it again. Raises TooManyReadings, Refusals of the gateway, and what the work raises.
    """
    known, collisions, readings = Known(), 0, 0
    while True:
        try:
            async with transaction(), journal():
                result = await work(known)
                await fulfil(stripe.settings)
                return result
        except ObjectNeeded as need:
            wanted, readings = need, readings + 1
        except (IntegrityError, OperationalError):
            if (collisions := collisions + 1) > MAX_COLLISIONS:
                raise
            await asyncio.sleep(_random.uniform(0, LONGEST_STEP_BACK))
            continue
        if readings > MAX_READINGS:
            raise TooManyReadings(str(wanted))
        known.add(wanted, await _read(stripe, wanted))


async def _read(stripe: StripeGateway, need: ObjectNeeded) -> Snapshot | None:
    if need.kind == INVOICE_OF_PAYMENT_INTENT:
        return await _invoice_of(stripe, need.object_id)
    if need.kind == LINES_OF_INVOICE:
        return await _lines_of(stripe, need.object_id)
    return await stripe.retrieve(need.kind, need.object_id)


async def _invoice_of(stripe: StripeGateway, intent_id: str) -> Snapshot | None:
    found = await stripe.call(
        "invoice_payment.list",
        lambda client: client.v1.invoice_payments.list_async(
            {"payment": {"type": "payment_intent", "payment_intent": intent_id}, "limit": 1}
        ),
    )
    invoices = [fields.reference(row, "invoice") for row in fields.rows(found.object, "data")]
    return await stripe.retrieve("invoice", invoices[0]) if invoices and invoices[0] else None


async def _lines_of(stripe: StripeGateway, invoice_id: str) -> Snapshot:
    """All lines in one list, as of the last page's date."""
    lines: list[Json] = []
    while True:
        asked: Any = {"limit": 100} | ({"starting_after": lines[-1]["id"]} if lines else {})
        page = await _line_page(stripe, invoice_id, asked)
        found = fields.rows(page.object, "data")
        lines += found
        if not found or not page.object.get("has_more") or len(lines) >= MAX_LINES:
            return Snapshot({"object": "list", "id": invoice_id, "lines": lines}, page.version, read=True)


async def _line_page(stripe: StripeGateway, invoice_id: str, asked: Any) -> Snapshot:
    return await stripe.call("invoice_line.list", lambda client: client.v1.invoices.line_items.list_async(invoice_id, asked))
