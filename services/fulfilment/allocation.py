"""Which line of an issued invoice is paid by which payment: in order of both, so that refunds give back in reverse."""

from dataclasses import dataclass

from models import PAID, Allocation, Invoice, InvoiceLine, InvoiceOrigin, InvoiceStatus, OutboxKind, Payment
from models.persistence import lock_id, new
from services import outbox
from services.fulfilment.standing import kept_of
from services.journal import change, create


@dataclass(frozen=True, slots=True)
class Share:
    """So many minor units of a line are paid by a payment."""

    line_id: str
    payment_id: str
    amount: int


async def allocate(invoice_id: str) -> None:
    """Work out anew what of the invoice is paid, and by what; what is paid beyond its lines is staged to be given back.

    The invoice is locked here; its payments must have been before.
    """
    invoice = await lock_id(Invoice, invoice_id)
    if invoice.origin != InvoiceOrigin.ISSUED:
        return
    lines = await InvoiceLine.filter(invoice_id=invoice.id).order_by("position")
    payments = await Payment.filter(invoice_id=invoice.id, status__in=sorted(PAID)).order_by("succeeded_at", "id")
    kept = [(payment.id, await kept_of(payment)) for payment in payments]
    shares = [] if invoice.status == InvoiceStatus.VOID else shared(lines, kept)
    await _write(lines, shares)
    before = invoice.amount_paid
    paid = sum(share.amount for share in shares)
    await change(invoice, {"amount_paid": paid, "status": _status(invoice, paid).value})
    if paid < sum(amount for _, amount in kept):
        await outbox.stage(OutboxKind.RETURN_EXCESS, invoice.id)
    if paid > before:
        await outbox.stage(OutboxKind.CLOSE_CHECKOUTS, invoice.id)


def shared(lines: list[InvoiceLine], kept: list[tuple[str, int]]) -> list[Share]:
    """Lay each payment's minor units (by id, in order) on the lines, in order; what is beyond them is on none."""
    shares, left = [], dict(kept)
    for line in lines:
        open_amount = line.amount
        for payment_id, amount in left.items():
            if taken := min(open_amount, amount):
                shares.append(Share(line.id, payment_id, taken))
                open_amount -= taken
                left[payment_id] -= taken
    return shares


def _status(invoice: Invoice, paid: int) -> InvoiceStatus:
    if invoice.status in (InvoiceStatus.VOID, InvoiceStatus.UNCOLLECTIBLE):
        return InvoiceStatus(invoice.status)
    if paid >= invoice.total:
        return InvoiceStatus.PAID
    return InvoiceStatus.PARTIALLY_PAID if paid else InvoiceStatus.OPEN


async def _write(lines: list[InvoiceLine], shares: list[Share]) -> None:
    held = {(row.line_id, row.payment_id): row for row in await Allocation.filter(line_id__in=[line.id for line in lines])}
    for share in shares:
        row = held.pop((share.line_id, share.payment_id), None)
        if row is None:
            await create(new(Allocation, line_id=share.line_id, payment_id=share.payment_id, amount=share.amount))
        else:
            await change(row, {"amount": share.amount})
    if held:
        await Allocation.filter(id__in=[row.id for row in held.values()]).delete()
    for line in lines:
        await change(line, {"amount_paid": sum(share.amount for share in shares if share.line_id == line.id)})
