"""The row of a subscription's invoice, with its lines: Stripe's own, mirrored whole."""

from models import Invoice, InvoiceLine, InvoiceOrigin, InvoiceStatus, Subscription
from models.persistence import insert, lock, new
from services import stripe_fields as fields
from services import stripe_shapes as shapes
from services.erasure.personal import impersonal, is_erased
from services.journal import Facts, change, create
from services.mirror.guard import renew
from services.mirror.known import LINES_OF_INVOICE, Known
from services.mirror.moves import INVOICE, may_move
from services.mirror.outcome import Outcome
from services.mirror.price import price_of
from services.snapshot import Snapshot
from services.stripe_fields import Json
from services.stripe_shapes import Line

STATUSES = {
    "draft": InvoiceStatus.DRAFT,
    "open": InvoiceStatus.OPEN,
    "paid": InvoiceStatus.PAID,
    "void": InvoiceStatus.VOID,
    "uncollectible": InvoiceStatus.UNCOLLECTIBLE,
}
"""Invoice.status -> ours (docs.stripe.com/api/invoices/object); before 2018-11 `paid` says it."""


async def mirror_invoice_row(snapshot: Snapshot, subscription: Subscription, known: Known) -> tuple[Invoice, Outcome]:
    """Write an invoice of the subscription, and its lines; the row is locked."""
    row = await lock(Invoice, stripe_invoice_id=fields.identifier(snapshot.object))
    if row is None:
        return await _made(snapshot, subscription, known), Outcome.PROCESSED
    believed = snapshot.object

    async def facts_of(invoice: Json) -> Facts | None:
        nonlocal believed
        believed = invoice
        return _content(invoice) if may_move(INVOICE, InvoiceStatus(row.status), status_of(invoice)) else None

    outcome = await renew(row, snapshot, known, facts_of)
    if outcome is Outcome.PROCESSED:
        await _write_lines(row, believed, known)
    return row, outcome


def status_of(invoice: Json) -> InvoiceStatus:
    """Our word for an invoice's status; one that is open and paid in part is PARTIALLY_PAID. A word that nobody knows asks for nothing."""
    told = fields.optional_text(invoice, "status") or ("paid" if invoice.get("paid") else "open")
    status = STATUSES.get(told, InvoiceStatus.DRAFT)
    return InvoiceStatus.PARTIALLY_PAID if status is InvoiceStatus.OPEN and _paid(invoice) else status


async def _made(snapshot: Snapshot, subscription: Subscription, known: Known) -> Invoice:
    invoice = snapshot.object
    owners = {"customer_id": subscription.customer_id, "subscription_id": subscription.id, "seller_id": subscription.seller_id}
    began, origin = fields.moment(invoice, "created"), InvoiceOrigin.SUBSCRIPTION.value
    row = new(Invoice, **owners, origin=origin, created_at=began, stripe_version=snapshot.version)
    for column, value in (await impersonal(row, _content(invoice))).items():
        setattr(row, column, value)
    await create(row)
    await _write_lines(row, invoice, known)
    return row


def _content(invoice: Json) -> Facts:
    return {
        "stripe_invoice_id": fields.identifier(invoice),
        "number": fields.optional_word(invoice, "number", 64),
        "status": status_of(invoice).value,
        "currency": fields.currency(invoice),
        "total": fields.signed_integer(invoice, "total"),
        "amount_paid": _paid(invoice),
        "credit_applied": shapes.credit_applied(invoice),
        "tax": shapes.tax(invoice),
        "billing_reason": fields.optional_word(invoice, "billing_reason", 64),
        "period_start": fields.optional_moment(invoice, "period_start"),
        "period_end": fields.optional_moment(invoice, "period_end"),
        "attempts": fields.optional_integer(invoice, "attempt_count") or 0,
        "next_attempt_at": fields.optional_moment(invoice, "next_payment_attempt"),
        "paid_at": shapes.paid_at(invoice) if status_of(invoice) is InvoiceStatus.PAID else None,
        "due_at": fields.optional_moment(invoice, "due_date"),
        "hosted_url": fields.optional_text(invoice, "hosted_invoice_url"),
        "pdf_url": fields.optional_text(invoice, "invoice_pdf"),
    }


def _paid(invoice: Json) -> int:
    """Minor units that were paid, at Stripe or outside of it."""
    return max(fields.optional_integer(invoice, "amount_paid") or 0, fields.optional_integer(invoice, "amount_paid_off_stripe") or 0)


async def _write_lines(row: Invoice, invoice: Json, known: Known) -> None:
    """The lines as Stripe has them; a draft's may have come, gone or changed places since."""
    whole = known.require(LINES_OF_INVOICE, str(row.stripe_invoice_id)) if shapes.lacks_lines(invoice) else None
    lines = shapes.invoice_lines(whole.object if whole else invoice)
    contents = [await _line_content(row, place, line) for place, line in enumerate(lines, 1)]
    held = await InvoiceLine.filter(invoice_id=row.id).order_by("position")
    if [line.stripe_line_id for line in held] == [line.line_id for line in lines]:
        for line, content in zip(held, contents, strict=True):
            await change(line, await _unnamed(line, content))
        return
    await InvoiceLine.filter(invoice_id=row.id).delete()
    owners = {"invoice_id": row.id, "customer_id": row.customer_id, "seller_id": row.seller_id, "created_at": row.created_at}
    await insert([new(InvoiceLine, **owners, **content) for content in contents])


async def _unnamed(line: InvoiceLine, content: Facts) -> Facts:
    """What a line of somebody who was erased said of them stays blotted out."""
    renamed = content["description"] != line.description and await is_erased(line.customer_id)
    return content | {"description": line.description} if renamed else content


async def _line_content(row: Invoice, place: int, line: Line) -> Facts:
    price = await price_of(line.item)
    net = line.amount - line.discount
    return {
        "stripe_line_id": line.line_id,
        "position": place,
        "price_id": price and price.id,
        "description": line.description,
        "quantity": max(line.item.quantity, 1),
        "unit_amount": line.unit_amount,
        "amount": line.amount,
        "discount": line.discount,
        "amount_paid": max(net, 0) if row.status == InvoiceStatus.PAID else 0,
        "proration": line.proration,
        "currency": row.currency,
        "period_start": line.start,
        "period_end": line.end,
    }
