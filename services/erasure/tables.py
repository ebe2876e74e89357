"""The customer's own rows: columns that are theirs are emptied, texts that name them blotted out; amounts, dates and states stay."""

import json
from collections.abc import AsyncIterator
from typing import Any, TypeVar

from models import (
    CheckoutSession,
    Customer,
    Delivery,
    Erasure,
    IdempotencyKey,
    Invoice,
    InvoiceLine,
    OutboxEntry,
    Payment,
    PromotionCode,
    Refund,
    SubscriptionChange,
)
from models.record import Record
from services.billing import Billing
from services.erasure.personal import ERASED, PERSONAL
from services.erasure.searching import windows
from services.erasure.traces import Traces

Kind = TypeVar("Kind", bound=Record)

PAGE = 500
"""Rows read at once."""

TEXTS: dict[type[Record], tuple[str, ...]] = {
    CheckoutSession: ("failure",),
    Invoice: ("reference", "reference_key"),
    InvoiceLine: ("description",),
    Payment: ("description",),
    PromotionCode: ("failure",),
    Refund: ("failure_reason",),
    SubscriptionChange: ("failure",),
}
"""Columns that the books need, or that are Stripe's words: blotted out only where they name the person; a unique one is emptied."""


async def erase_columns(_billing: Billing, _row: Erasure, traces: Traces) -> None:
    """Empty what is personal whatever it says."""
    for kind, blank in PERSONAL.items():
        await kind.filter(customer_id=traces.customer_id).update(**blank)


async def erase_texts(_billing: Billing, _row: Erasure, traces: Traces) -> None:
    """Blot out the person's name, address and ids in what stays."""
    for kind, columns in TEXTS.items():
        async for row in rows_of(kind, traces):
            blotted = _blotted(row, columns, traces)
            if blotted:
                await kind.filter(id=row.id).update(**blotted)
    for word in traces.searched():
        await OutboxEntry.filter(error__icontains=word).update(error=ERASED)


def _blotted(row: Record, columns: tuple[str, ...], traces: Traces) -> dict[str, Any]:
    named = [column for column in columns if getattr(row, column) is not None and traces.named_in(getattr(row, column))]
    return {column: None if row._meta.fields_map[column].unique else ERASED for column in named}  # noqa: SLF001 - Tortoise says it nowhere else


async def erase_deliveries(_billing: Billing, _row: Erasure, traces: Traces) -> None:
    """Take the person out of what was told, or is still to be told, to other back ends; ids of ours, amounts and states stay in it."""
    async for row in rows_of(Delivery, traces):
        told = traces.blotted_json(json.loads(row.payload))
        told["data"]["customerExternalId"] = None
        await Delivery.filter(id=row.id).update(payload=json.dumps(told), error=traces.blotted(row.error))


async def erase_keys(_billing: Billing, _row: Erasure, traces: Traces) -> None:
    """Forget the calls that the person made, and blot them out in what others were answered.

    Calls that were made after they were erased are a new customer's, who may repeat them.
    """
    erased_at = (await Customer.get(id=traces.customer_id)).erased_at
    await IdempotencyKey.filter(actor=traces.external_id, created_at__lt=erased_at).delete()
    async for ids in windows(IdempotencyKey, "answer", traces.searched(), ""):
        for row in await IdempotencyKey.filter(id__in=ids.found):
            await IdempotencyKey.filter(id=row.id).update(answer=traces.blotted_json(row.answer))


async def rows_of(kind: type[Kind], traces: Traces) -> AsyncIterator[Kind]:
    """The customer's rows of one kind, oldest first, a page at a time."""
    after = ""
    while page := await kind.filter(customer_id=traces.customer_id, id__gt=after).order_by("id").limit(PAGE):
        for row in page:
            yield row
        after = page[-1].id
