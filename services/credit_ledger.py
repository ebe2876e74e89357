"""The ledger of credits: every booking changes the customer's balance and the lots under one lock.

All of it runs inside a transaction with a journal, and begins by locking the customer. Of the lots those that expire first are used first;
what is taken back beyond the lots makes the balance negative, and the next grant pays for that.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from models import ENDLESS, CreditEntry, CreditEntryKind, CreditLot, Customer, Invoice, Payment
from models.persistence import lock_id, new
from services.errors import InsufficientCredits
from services.journal import change, create

MAX_CREDITS = 2**31 - 1
"""Credits of one booking at most, and of a balance or a debt: what GraphQL's Int holds."""


class Gift(NamedTuple):
    """So many credits that are granted, for a payment, for the periods of a subscription's invoice, or for neither."""

    amount: int
    description: str
    expires_at: datetime = ENDLESS
    payment: Payment | None = None
    invoice: Invoice | None = None


async def grant(customer: Customer, gift: Gift, kind: CreditEntryKind, cause: str | None = None) -> CreditEntry:
    """Book credits that were granted, and make their lot; a debt is paid first. The customer must be locked."""
    owed = max(0, -customer.credit_balance)
    payment_id = gift.payment.id if gift.payment else None
    invoice_id = gift.invoice.id if gift.invoice else None
    entry = await _book(customer, gift.amount, kind, cause=cause, description=gift.description, payment_id=payment_id)
    source = {"invoice_id": invoice_id, "payment_id": None if invoice_id else payment_id}
    lot = new(CreditLot, customer_id=customer.id, **source, granted=gift.amount, remaining=max(0, gift.amount - owed))
    lot.expires_at = gift.expires_at
    await create(lot)
    return entry


async def use(customer: Customer, amount: int, description: str) -> CreditEntry:
    """Book a use of credits, all or nothing. The customer must be locked. Raises InsufficientCredits, and then nothing is booked."""
    await expire(customer)
    if amount > customer.credit_balance:
        raise InsufficientCredits(f"The balance is {customer.credit_balance} credits.", "amount")
    await _take(await _lots(customer), amount)
    return await _book(customer, -amount, CreditEntryKind.USE, description=description)


async def withdraw(customer: Customer, lot: CreditLot, withdrawn: int) -> None:
    """Let so many of a lot's credits be taken back in all: book what is lacking, or what was taken too much; the customer is locked.

    What would lead beyond MAX_CREDITS is left for the next time.
    """
    more = max(min(withdrawn - lot.withdrawn, MAX_CREDITS + customer.credit_balance), customer.credit_balance - MAX_CREDITS)
    if not more:
        return
    if more > 0:
        others = [other for other in await _lots(customer) if other.id != lot.id]
        await _take([lot, *others], min(more, max(0, customer.credit_balance)))
    else:
        again = max(0, customer.credit_balance - more) - max(0, customer.credit_balance)
        await change(lot, {"remaining": lot.remaining + again})
    await change(lot, {"withdrawn": lot.withdrawn + more})
    await _book(customer, -more, CreditEntryKind.REFUND, payment_id=lot.payment_id)


async def expire(customer: Customer) -> int:
    """Book what has expired of a customer, who must be locked; how many lots."""
    now = datetime.now(UTC)
    due = [lot for lot in await _lots(customer) if lot.expires_at <= now]
    for lot in due:
        lost = lot.remaining
        await change(lot, {"remaining": 0, "expired": lot.expired + lost})
        await _book(customer, -lost, CreditEntryKind.EXPIRY, payment_id=lot.payment_id)
    return len(due)


def room_of(customer: Customer) -> int:
    """Credits that can be granted at most to a customer, who must be locked."""
    return int(min(MAX_CREDITS, MAX_CREDITS - customer.credit_balance))


async def locked(customer_id: str) -> Customer:
    """The customer, locked."""
    return await lock_id(Customer, customer_id)


async def _lots(customer: Customer) -> list[CreditLot]:
    return await CreditLot.filter(customer_id=customer.id, remaining__gt=0).order_by("expires_at", "id")


async def _take(lots: Iterable[CreditLot], amount: int) -> None:
    for lot in lots:
        taken = min(lot.remaining, amount)
        await change(lot, {"remaining": lot.remaining - taken})
        amount -= taken


async def _book(
    customer: Customer,
    amount: int,
    kind: CreditEntryKind,
    *,
    cause: str | None = None,
    description: str | None = None,
    payment_id: str | None = None,
) -> CreditEntry:
    balance = customer.credit_balance + amount
    told = {"kind": kind.value, "cause": cause, "description": description, "payment_id": payment_id}
    entry = new(CreditEntry, customer_id=customer.id, amount=amount, balance_after=balance, **told)
    await create(entry)
    await change(customer, {"credit_balance": balance})
    return entry
