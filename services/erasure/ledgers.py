"""The ledgers that only grow: what names the person is blotted out, as far as their triggers let go of it while somebody is erased."""

from collections.abc import AsyncIterator
from typing import Any

from tortoise import Tortoise

from models import AuditEntry, CreditEntry, Customer, Erasure, Seller
from models.record import Record
from services.audit import OPERATOR
from services.authentication import Role
from services.billing import Billing
from services.erasure.personal import ERASED, NAMING, PERSONAL
from services.erasure.tables import PAGE, rows_of
from services.erasure.traces import Traces, wiped

SAID: dict[str, frozenset[str]] = {"subscription.cancel": frozenset({"reason"})}
"""What people wrote themselves, by the action that it is kept with."""

DISCARDED = "outbox_entry.discard"
"""An operator's entries that have an error's text in them, which may be Stripe's."""


async def erase_bookings(_billing: Billing, _row: Erasure, traces: Traces) -> None:
    """What the host wrote beside a booking of credits, where it names the person."""
    async for row in rows_of(CreditEntry, traces):
        if row.description not in (None, ERASED) and traces.named_in(row.description):
            await CreditEntry.filter(id=row.id).update(description=ERASED)


async def erase_changes(_billing: Billing, _row: Erasure, traces: Traces) -> None:
    """Values in the audit log's entries about the customer and their rows, and in errors of work that was dropped, whosever it was."""
    async for model, ids in _objects(traces):
        columns = PERSONAL.get(model, {}).keys() | (NAMING if model is Customer else frozenset())
        async for entry in _entries(object_id__in=ids):
            await _erase(entry, columns | SAID.get(entry.action, frozenset()), traces)
    async for entry in _entries(actor=OPERATOR, action=DISCARDED):
        await _erase(entry, frozenset(), traces)


async def _entries(**which: Any) -> AsyncIterator[AuditEntry]:
    after = ""
    while page := await AuditEntry.filter(**which, id__gt=after).order_by("id").limit(PAGE):
        for entry in page:
            yield entry
        after = page[-1].id


async def _objects(traces: Traces) -> AsyncIterator[tuple[type[Record], list[str]]]:
    """The customer and the ids of all their rows, in pages of one kind."""
    yield Customer, [traces.customer_id]
    for model in kinds_of_customers():
        ids: list[str] = []
        async for row in rows_of(model, traces):
            ids.append(row.id)
            if len(ids) == PAGE:
                yield model, ids
                ids = []
        yield model, ids


def kinds_of_customers() -> list[type[Record]]:
    """Every kind of row that belongs to a customer."""
    apps: Any = Tortoise.apps
    return [model for model in apps["models"].values() if "customer_id" in model._meta.db_fields]  # noqa: SLF001 - it is nowhere else


async def _erase(entry: AuditEntry, columns: frozenset[str] | set[str], traces: Traces) -> None:
    told = {key: wiped(value) if key in columns else traces.blotted_json(value) for key, value in entry.changes.items()}
    if told != entry.changes:
        await AuditEntry.filter(id=entry.id).update(changes=told)


async def erase_actors(_billing: Billing, _row: Erasure, traces: Traces) -> None:
    """The person as who acted, for themselves; what somebody did as staff stays theirs, and a seller's while they are one."""
    pseudonym = (await Customer.get(id=traces.customer_id)).external_id
    sells = await Seller.filter(external_id=traces.external_id).exists()
    for role in (Role.CUSTOMER,) if sells else (Role.CUSTOMER, Role.SELLER):
        named = AuditEntry.filter(actor=f"{role}:{traces.external_id}").limit(PAGE)
        while ids := await named.values_list("id", flat=True):
            await AuditEntry.filter(id__in=ids).update(actor=f"{role}:{pseudonym}")
