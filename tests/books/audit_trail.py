"""The audit log tells of every row one beginning, and of every change of what it watches one entry, without a gap."""

from collections import Counter
from typing import Any

from models import (
    AuditEntry,
    CheckoutSession,
    CheckoutStatus,
    CreditEntry,
    Dispute,
    Entitlement,
    Invoice,
    InvoiceStatus,
    Payment,
    PaymentStatus,
    PromotionCode,
    Refund,
    RefundRequest,
    RefundRequestStatus,
    RefundStatus,
    Subscription,
)
from models.record import Record
from services.journal import TOLD, plain

FIRST: dict[type[Record], str | None] = {
    Payment: PaymentStatus.PENDING.value,
    CheckoutSession: CheckoutStatus.OPEN.value,
    Refund: RefundStatus.PENDING.value,
    Invoice: InvoiceStatus.OPEN.value,
    RefundRequest: RefundRequestStatus.PENDING.value,
    Subscription: None,
    Dispute: None,
}
"""Rows with a status -> the one that a row has whose beginning is told without it; others are told of with their first status."""

WATCHED: tuple[type[Record], ...] = (CreditEntry, Entitlement, PromotionCode)
"""Rows without a status, of which the journal watches columns."""

Trail = dict[str, list[AuditEntry]]
"""Our id -> the entries about it, in order."""


async def check_audit() -> None:
    trail: Trail = {}
    for entry in await AuditEntry.all().order_by("id"):
        trail.setdefault(entry.object_id, []).append(entry)
    with_pages = {entry.changes.get("payment") for row in trail.values() for entry in row if entry.action == "checkout_session.create"}
    for model, first in FIRST.items():
        for row in await model.all():
            entries = trail.get(row.id, [])
            _check_beginning(row, entries, told_elsewhere=row.id in with_pages)
            _check_chain(row, "status", entries, first)
    for model in WATCHED:
        for row in await model.all():
            entries = trail.get(row.id, [])
            _check_beginning(row, entries)
            for column in TOLD[model._meta.db_table]:
                _check_chain(row, column, entries, None if model is not PromotionCode else _UNTOLD)
    await _check_counts(trail)


_UNTOLD = object()


def _check_beginning(row: Record, entries: list[AuditEntry], *, told_elsewhere: bool = False) -> None:
    """One entry says that the row was made; of a payment that was begun with a page, the page's does."""
    made = [entry for entry in entries if entry.action.endswith(".create") or (entry.changes.get("status") or [""])[0] is None]
    assert len(made) + told_elsewhere == 1, (row.id, [(entry.action, entry.changes) for entry in entries])
    assert not made or made[0] is entries[0]


def _check_chain(row: Record, column: str, entries: list[AuditEntry], first: Any) -> None:
    """What one entry leaves is what the next begins with; nothing changes into itself; the last is what is."""
    moves = [entry.changes[column] for entry in entries if isinstance(entry.changes.get(column), list)]
    told = [(entry.action, entry.changes) for entry in entries]
    if first is _UNTOLD:
        if not moves:
            return
        first = moves[0][0]
    if moves and moves[0][0] is None:
        first = None
    for before, after in moves:
        assert before == first, (row.id, column, told)
        assert before != after or before is None, (row.id, column, told)
        first = after
    assert first == plain(getattr(row, column)), (row.id, column, told)


async def _check_counts(trail: Trail) -> None:
    """Nothing is told of rows that are not there, and what people asked for is told once."""
    kinds = Counter(entry.action for entries in trail.values() for entry in entries)
    assert kinds["credit_entry.create"] == await CreditEntry.all().count()
    assert kinds["entitlement.create"] == await Entitlement.all().count()
    assert kinds["invoice.create"] == await Invoice.filter(origin="ISSUED").count()
    assert kinds["refund_request.create"] == await RefundRequest.all().count()
    for status, verb in (("APPROVED", "approve"), ("REJECTED", "reject"), ("WITHDRAWN", "withdraw")):
        assert kinds[f"refund_request.{verb}"] == await RefundRequest.filter(status=status).count()
    assert kinds["invoice.void"] == await Invoice.filter(status="VOID").count()
    begun = {name for name, entries in trail.items() if any(entry.action == "refund.create" for entry in entries)}
    assert len(begun) == kinds["refund.create"] == await Refund.filter(id__in=sorted(begun)).count()
    assert set(await Refund.filter(automatic=True).values_list("id", flat=True)) <= begun
