"""Erasing a customer: refused while something is open; else the row is a pseudonym at once, and Stripe and the tables follow.

What was cut off anywhere goes on when it is asked again, or by the worker: every step may be done twice.
"""

import secrets
from datetime import UTC, datetime
from typing import Any, Protocol

from tortoise.exceptions import IntegrityError

from models import AuditEntry, Customer, Erasure, ErasureStatus
from models.database import transaction
from models.persistence import lock_id
from services.audit import ITSELF, Caller
from services.billing import Billing
from services.deliveries.events import customer_erased
from services.erasure.at_stripe import close_open, delete_customer
from services.erasure.ledgers import erase_actors, erase_bookings, erase_changes
from services.erasure.mails import erase_emails
from services.erasure.obstacles import refuse_open
from services.erasure.tables import erase_columns, erase_deliveries, erase_keys, erase_texts
from services.erasure.traces import Traces, digest_of
from services.erasure.webhooks import erase_events, erase_events_of_objects
from services.errors import NotFound
from services.idempotency import Call, Done, once
from services.journal import change, create, journal, tell
from services.text_input import MAX_ID, checked_text
from services.turns import turn


class Step(Protocol):
    """Lets one place forget the person; not inside a transaction, and safe to run again. An erasure keeps the names of those done."""

    __name__: str

    async def __call__(self, billing: Billing, row: Erasure, traces: Traces, /) -> None: ...  # noqa: D102 - see above


STEPS: tuple[Step, ...] = (
    close_open,
    delete_customer,
    erase_events_of_objects,
    erase_events,
    erase_texts,
    erase_columns,
    erase_deliveries,
    erase_emails,
    erase_keys,
    erase_bookings,
    erase_changes,
    erase_actors,
)
"""In this order; what finds other rows by what is erased here comes before."""

ACTION = "customer.erase"
"""The audit log's word for it."""


async def erase_customer(billing: Billing, caller: Caller, customer_id: str, key: str | None) -> Done[None]:
    """Erase; the Done's object is the customer. One who is erased already stays so.

    Raises InvalidInput, NotFound and CustomerNotErasable, and then nothing is written, and the gateway's Refusals, after which the row is a
    pseudonym already and the worker finishes the rest.
    """
    checked_text(customer_id, MAX_ID, "id")

    async def begin() -> str:
        return await _begin(billing, customer_id, caller.actor, caller.request_id)

    call = Call(caller.viewer.external_id, "eraseCustomer", key, {"id": customer_id})
    done = await once(call, begin, lambda row_id: finish(billing, row_id))
    return Done((await Erasure.get(id=done.object_id)).customer_id)


async def erase(billing: Billing, customer_id: str, actor: str) -> None:
    """As `erase_customer`, for an operator at the terminal."""
    async with transaction():
        row_id = await _begin(billing, customer_id, actor, None)
    await finish(billing, row_id)


async def _begin(billing: Billing, customer_id: str, actor: str, request_id: str | None) -> str:
    """Lock the customer so that nothing new is begun, look at what is open, and make the row a pseudonym; the erasure's id."""
    customer = await Customer.filter(id=customer_id).select_for_update().first()
    if customer is None:
        raise NotFound("There is no such customer.", "id")
    held = await Erasure.get_or_none(customer_id=customer_id)
    if held is not None:
        return str(held.id)
    if customer.stripe_customer_id is not None:
        billing.stripe.require_enabled()
    row = _intention(customer)
    await refuse_open(Traces.of(row))
    async with journal(ITSELF):
        await change(customer, pseudonym())
        await create(row)
    entry = AuditEntry(actor=actor, action=ACTION, object_id=customer_id, changes={"erasure": row.id}, request_id=request_id)
    await entry.save(force_create=True)
    return str(row.id)


def _intention(customer: Customer) -> Erasure:
    stripe_id = customer.stripe_customer_id
    known = {"external_id": customer.external_id, "email": customer.email, "name": customer.name, "stripe_customer_id": stripe_id}
    return Erasure(customer_id=customer.id, stripe_digest=digest_of(stripe_id) if stripe_id else None, **known)


def pseudonym() -> dict[str, Any]:
    """What a customer's row says once they are erased."""
    named = {"external_id": f"erased-{secrets.token_hex(16)}", "email": None, "name": None, "locale": None}
    return named | {"stripe_customer_id": None, "stripe_payment_method_id": None, "erased_at": datetime.now(UTC)}


async def finish(billing: Billing, row_id: str) -> None:
    """Do the steps that are not done; not inside a transaction. Raises the gateway's Refusals, and then the erasure stays PENDING."""
    async with turn(f"erasure-{row_id}"):
        row = await Erasure.get(id=row_id)
        if row.status == ErasureStatus.PENDING:
            await _finish(billing, row)


async def _finish(billing: Billing, row: Erasure) -> None:
    try:
        await _walk(billing, row, Traces.of(row))
    except IntegrityError:  # the ledgers are closed again, since another process has come to the end
        if not await Erasure.filter(id=row.id, status=ErasureStatus.DONE.value).exists():
            raise
    await _close(row.id)


async def _walk(billing: Billing, row: Erasure, traces: Traces) -> None:
    done: list[str] = row.position.get("done", [])
    for step in STEPS:
        if step.__name__ not in done:
            await step(billing, row, traces)
            done = [*done, step.__name__]
            row.position = {"done": done}
            await row.save(update_fields=["position"])


async def _close(row_id: str) -> None:
    """The customer is locked first, as for bookings of theirs, which are told of in the same order."""
    async with transaction(), journal(ITSELF):
        customer = await lock_id(Customer, (await Erasure.get(id=row_id)).customer_id)
        row = await lock_id(Erasure, row_id)
        if row.status == ErasureStatus.PENDING:
            forgotten: dict[str, Any] = {"external_id": None, "email": None, "name": None, "stripe_customer_id": None, "position": {}}
            await change(row, forgotten | {"status": ErasureStatus.DONE.value, "done_at": datetime.now(UTC)})
            tell(customer_erased(customer))


async def look_up(billing: Billing, row: Erasure) -> bool:
    """Erasing asks Stripe nothing that a forgotten idempotency key could do twice: it just goes on. True once it is done."""
    await finish(billing, row.id)
    return True
