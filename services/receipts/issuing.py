"""Issuing: every paid payment gets a receipt, every refund that succeeded a credit note, in the transaction that makes it so.

What is counted is locked last and for every transaction in the same order, so that nobody waits long and nobody for each other.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import groupby

from models import PAID, Payment, Receipt, ReceiptKind, Refund, RefundStatus, Seller
from models.database import transaction
from models.persistence import find, insert, lock, new
from models.receipt import HOUSE, take
from models.rows import fetch
from models.selects import Comparison, Condition, Select
from services.row_change import Change
from services.time_zones import zone_of
from settings import Settings

MARKS = {ReceiptKind.RECEIPT: "", ReceiptKind.CREDIT_NOTE: "CN-"}
"""What tells the numbers of the kinds apart."""


async def issue_receipts(settings: Settings, made: Iterable[Change], payments: Iterable[Payment]) -> None:
    """Issue what these paid payments lack, and the payments of refunds that the transaction has changed; anew, nothing happens.

    IntegrityError when another transaction did it just now: begin the work again.
    """
    concerned = {payment.id: payment for payment in payments}
    for one in made:
        if isinstance(one.row, Refund) and one.row.status == RefundStatus.SUCCEEDED and one.row.payment_id not in concerned:
            payment = await find(Payment, id=one.row.payment_id)
            concerned |= {payment.id: payment} if payment and payment.status in PAID else {}
    if concerned:
        await _number(settings, await _lacking(concerned))


async def issue_missing(settings: Settings, payment_id: str) -> None:
    """Issue what a payment lacks that was paid before there were receipts; not inside a transaction. For one that is not paid, nothing."""
    async with transaction():
        payment = await lock(Payment, id=payment_id)
        if payment is not None and payment.status in PAID:
            await _number(settings, await _lacking({payment.id: payment}))


def now() -> datetime:
    """When something is issued."""
    return datetime.now(UTC)


async def _lacking(payments: dict[str, Payment]) -> list[Receipt]:
    """What is to be issued, receipts before credit notes, without numbers; a credit note is of its receipt's series."""
    theirs = Condition("payment_id", Comparison.ONE_OF, sorted(payments))
    back = Condition("status", Comparison.EQUAL, RefundStatus.SUCCEEDED.value, residual=True)
    sellers = {row.cause_id: row.seller_id for row in await fetch(Select(Receipt, ("id", "cause_id", "seller_id"), (theirs,)))}
    refunds = await fetch(Select(Refund, ("id", "payment_id"), (theirs, back), newest_first=False))
    found: list[Receipt] = []
    for payment in sorted(payments.values(), key=lambda row: (row.succeeded_at or row.created_at, row.id)):
        if payment.id not in sellers:
            sellers[payment.id] = payment.seller_id
            found.append(_draft(payment, payment.seller_id, None))
    found += [_draft(payments[row.payment_id], sellers[row.payment_id], row.id) for row in refunds if row.id not in sellers]
    return found


def _draft(payment: Payment, seller_id: str | None, refund_id: str | None) -> Receipt:
    return new(
        Receipt,
        kind=(ReceiptKind.CREDIT_NOTE if refund_id else ReceiptKind.RECEIPT).value,
        series=seller_id or HOUSE,
        cause_id=refund_id or payment.id,
        payment_id=payment.id,
        refund_id=refund_id,
        customer_id=payment.customer_id,
        seller_id=seller_id,
    )


async def _number(settings: Settings, drafts: list[Receipt]) -> None:
    """The time of issue is looked up once the counters are ours, so that a higher number is never of an earlier time."""
    begun, ordered = now(), sorted(drafts, key=_series)
    year = _year(settings, begun)
    prefixes = {series: await _prefix(settings, series) for series in {row.series for row in ordered}}
    for (series, kind), group in groupby(ordered, key=_series):
        rows = list(group)
        taken = await take(series, ReceiptKind(kind), year, len(rows))
        for row, sequence in zip(rows, taken, strict=True):
            row.year, row.sequence = year, sequence
            row.number = f"{prefixes[series]}{MARKS[ReceiptKind(kind)]}{year}-{sequence:06d}"
    counted = now()
    for row in drafts:
        row.created_at = counted if _year(settings, counted) == year else begun
    await insert(drafts)


def _year(settings: Settings, moment: datetime) -> int:
    return moment.astimezone(zone_of(settings.receipt_time_zone)).year


def _series(row: Receipt) -> tuple[str, str]:
    return row.series, row.kind


async def _prefix(settings: Settings, series: str) -> str:
    """What the numbers of a series begin with; of a seller without a prefix, so much of their id that no two of many have the same."""
    if series == HOUSE:
        return settings.receipt_prefix
    seller = await find(Seller, id=series)
    return (seller.receipt_prefix if seller else None) or f"{series[-11:-1].upper()}-"
