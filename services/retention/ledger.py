"""The ledger of credits: what is old goes, and its sum is carried forward in one entry, so that a balance stays the sum of its entries."""

from collections import Counter
from datetime import datetime
from functools import partial

from models import CreditEntry, CreditEntryKind, Customer
from models.database import client
from models.ids import Prefix, earliest_id
from models.persistence import insert, lock_id, new
from models.statements import Dialect, binder
from services.retention.tally import Counts, Tally

BATCH = 200
"""Customers that one statement finds; each has a transaction of its own."""

DESCRIPTION = "Carried forward"

TABLE = "credit_entry"


async def carry_forward(before: datetime, tally: Tally) -> None:
    """For each customer who has entries from before the moment, other than one that was carried forward."""
    found = [""]
    while found and not tally.is_stopped():
        found = await _having(before, found[-1])
        for customer_id in found:
            if not tally.is_stopped():
                await tally.batch(partial(_carry, customer_id, before, dry=tally.dry))


async def _having(before: datetime, after: str) -> list[str]:
    connection = client()
    mark = binder(Dialect(connection.capabilities.dialect))
    text = f"""SELECT DISTINCT "customer_id" FROM "{TABLE}" WHERE "customer_id" > {mark()} AND "id" < {mark()}
        AND ("cause" IS NULL OR "cause" <> 'carried-' || "customer_id") ORDER BY "customer_id" LIMIT {BATCH}"""  # noqa: S608 - our own
    return [str(row_id) for (row_id,) in await connection.read(text, [after, earliest_id(Prefix.CREDIT_ENTRY, before)])]


async def _carry(customer_id: str, before: datetime, *, dry: bool) -> Counts:
    old = CreditEntry.filter(customer_id=customer_id, created_at__lt=before)
    if not dry:
        await lock_id(Customer, customer_id)
    entries = await old.order_by("id")
    total = sum(entry.amount for entry in entries)
    if not dry:
        await old.delete()
        await insert([_carried(customer_id, total, entries[-1].created_at)] if total else [])
    return +Counter({TABLE: len(entries) - bool(total)})


def _carried(customer_id: str, total: int, at: datetime) -> CreditEntry:
    kind = CreditEntryKind.GRANT if total > 0 else CreditEntryKind.USE
    told = {"kind": kind.value, "cause": f"carried-{customer_id}", "description": DESCRIPTION, "payment_id": None}
    return new(CreditEntry, customer_id=customer_id, amount=total, balance_after=total, created_at=at, **told)
