"""Emptying tables between the examples of a property, also those that the database itself keeps from it."""

from models import (
    Allocation,
    CreditEntry,
    CreditLot,
    Delivery,
    Email,
    EmailAddress,
    Entitlement,
    Invoice,
    InvoiceLine,
    OutboxEntry,
    Receipt,
    ReceiptCounter,
    RefundRequest,
    Seller,
    SubscriptionChange,
)
from models.database import client
from models.record import Record

FOLLOWING: tuple[type[Record], ...] = (
    *(OutboxEntry, Delivery, Allocation, CreditEntry, CreditLot, Entitlement, RefundRequest, SubscriptionChange),
    *(Receipt, ReceiptCounter, Email, EmailAddress),
)
"""What follows from payments; it goes before them."""

OWNERS: tuple[type[Record], ...] = (InvoiceLine, Invoice, Seller)
"""Whose payments are; they go after them."""

KEPT = 'SELECT "sql", "name" FROM "sqlite_master" WHERE type = \'trigger\' AND tbl_name = ?'


async def empty(*models: type[Record]) -> None:
    """Delete every row of these, in this order."""
    for model in models:
        if client().capabilities.dialect == "postgres":
            await _empty_on_postgres(model)
        else:
            await _empty_on_sqlite(model)


async def _empty_on_postgres(model: type[Record]) -> None:
    table = model._meta.db_table
    await client().execute_query(f'ALTER TABLE "{table}" DISABLE TRIGGER USER')
    await model.all().delete()
    await client().execute_query(f'ALTER TABLE "{table}" ENABLE TRIGGER USER')


async def _empty_on_sqlite(model: type[Record]) -> None:
    triggers = [tuple(row) for row in await client().read(KEPT, [model._meta.db_table])]
    for _, name in triggers:
        await client().execute_query(f'DROP TRIGGER "{name}"')
    await model.all().delete()
    for text, _ in triggers:
        await client().execute_query(text)
