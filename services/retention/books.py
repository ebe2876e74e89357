"""Books that are old and closed, whole: each row goes with all that hangs on it, in an order that foreign keys allow."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tortoise.queryset import QuerySet

from models import (
    Allocation,
    CheckoutSession,
    CreditLot,
    Dispute,
    Entitlement,
    Invoice,
    InvoiceLine,
    Payment,
    Receipt,
    Refund,
    RefundRequest,
    Subscription,
    SubscriptionChange,
)
from models.database import client
from models.ids import earliest_id
from models.record import Record
from models.statements import Dialect, binder, table_of
from services.retention.closed import invoice_is_closed, lot_is_closed, page_is_closed, payment_is_closed, subscription_is_closed
from services.retention.tally import Counts, Tally
from services.statistics.counting import COUNTINGS, Sums, count
from services.statistics.recording import append

BATCH = 200
"""Rows of one transaction, not counting what hangs on them."""

Rows = tuple[type[Record], QuerySet[Any]]


@dataclass(frozen=True, slots=True)
class Unit:
    """`closed` is the condition, of an alias and a moment, under which a row may go, and `whole` names it and all that goes before it."""

    model: type[Record]
    closed: Callable[[str, datetime], str]
    whole: Callable[[list[str]], Awaitable[list[Rows]]]


async def _payments(ids: list[str]) -> list[Rows]:
    hanging = (Receipt, RefundRequest, Refund, Dispute, CreditLot, Entitlement, CheckoutSession, Allocation)
    return [*((kind, kind.filter(payment_id__in=ids)) for kind in hanging), (Payment, Payment.filter(id__in=ids))]


async def _invoices(ids: list[str]) -> list[Rows]:
    paying = [str(row_id) for row_id in await Payment.filter(invoice_id__in=ids).values_list("id", flat=True)]
    return [
        *(await _payments(paying) if paying else []),
        (CreditLot, CreditLot.filter(invoice_id__in=ids, payment_id=None)),
        (CheckoutSession, CheckoutSession.filter(invoice_id__in=ids, payment_id=None)),
        (InvoiceLine, InvoiceLine.filter(invoice_id__in=ids)),
        (Invoice, Invoice.filter(id__in=ids)),
    ]


async def _subscriptions(ids: list[str]) -> list[Rows]:
    return [
        (Entitlement, Entitlement.filter(subscription_id__in=ids)),
        (SubscriptionChange, SubscriptionChange.filter(subscription_id__in=ids)),
        (CheckoutSession, CheckoutSession.filter(subscription_id__in=ids, payment_id=None)),
        (Subscription, Subscription.filter(id__in=ids)),
    ]


def _alone(kind: type[Record]) -> Callable[[list[str]], Awaitable[list[Rows]]]:
    async def rows(ids: list[str]) -> list[Rows]:
        return [(kind, kind.filter(id__in=ids))]

    return rows


UNITS = (
    Unit(Payment, lambda row, before: f'{row}."invoice_id" IS NULL AND {payment_is_closed(row, before)}', _payments),
    Unit(Invoice, invoice_is_closed, _invoices),
    Unit(Subscription, subscription_is_closed, _subscriptions),
    Unit(CheckoutSession, page_is_closed, _alone(CheckoutSession)),
    Unit(CreditLot, lot_is_closed, _alone(CreditLot)),
)
"""In this order: what pays an invoice goes with it, and a subscription once its invoices are gone."""


async def delete_books(before: datetime, tally: Tally) -> None:
    """Delete what is closed and from before the moment."""
    for unit in UNITS:
        await _delete(unit, before, tally)


async def _delete(unit: Unit, before: datetime, tally: Tally) -> None:
    after, found = "", [""]

    async def work() -> Counts:
        nonlocal found
        found = await _closed(unit, before, after, locking=not tally.dry)
        return await _remove(await unit.whole(found), dry=tally.dry) if found else Counter()

    while found and not tally.is_stopped():
        await tally.batch(work)
        after = found[-1] if found else after


async def _closed(unit: Unit, before: datetime, after: str, *, locking: bool) -> list[str]:
    connection = client()
    dialect = Dialect(connection.capabilities.dialect)
    mark = binder(dialect)
    between = f'"row"."id" > {mark()} AND "row"."id" < {mark()}'
    lock = ' FOR UPDATE OF "row"' if locking and dialect is Dialect.POSTGRES else ""
    where = f"WHERE {between} AND {unit.closed(chr(34) + 'row' + chr(34), before)}"
    text = f'SELECT "row"."id" FROM {table_of(unit.model)} AS "row" {where} ORDER BY "row"."id" LIMIT {BATCH}{lock}'  # noqa: S608 - ours
    return [str(row_id) for (row_id,) in await connection.read(text, [after, earliest_id(unit.model.prefix, before)])]


async def _remove(whole: list[Rows], *, dry: bool) -> Counts:
    counts: Counts = Counter()
    for kind, rows in whole:
        counts[kind._meta.db_table] += await rows.count() if dry else await delete(kind, rows)  # noqa: SLF001 - it is nowhere else
    return +counts


async def delete(kind: type[Record], rows: QuerySet[Any]) -> int:
    """Delete rows of one kind, and take them off the statistics, inside a transaction; how many."""
    if kind in COUNTINGS:
        sums = Sums()
        for row in await rows:
            sums.add(count(kind, row), -1)
        await append(sums)
    return int(await rows.delete())
