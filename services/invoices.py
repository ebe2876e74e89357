"""Invoices that the host issues: an order, a term's fees. What a customer owes is what the lines say."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from tortoise.exceptions import IntegrityError

from models import PAID, PAYABLE, Invoice, InvoiceLine, InvoiceOrigin, InvoiceStatus, OutboxKind, Payment, PaymentStatus
from models.database import transaction
from models.persistence import insert, new
from services import audit, customers, outbox, sellers
from services.audit import Caller
from services.deliveries.events import Event
from services.deliveries.staging import stage
from services.errors import InvalidInput, InvoiceNotPayable, NotFound
from services.fulfilment.standing import kept_of
from services.idempotency import Call, Done, nothing, once
from services.locales import tag_of
from services.minimum_amounts import check_charge, step
from services.text_input import MAX_EXTERNAL_ID, MAX_ID, checked_metadata, checked_text, optional_text

MAX_LINES = 200
MAX_QUANTITY = 1_000_000
MAX_TOTAL = 99_999_999_999
"""Lines of an invoice, pieces of a line, and minor units of the total; what is paid at once is bounded by Stripe besides."""

MAX_DESCRIPTION = 1000
MAX_REFERENCE = 200
MAX_REASON = 1000
MAX_EMAIL = 320
"""Characters."""


@dataclass(frozen=True, slots=True)
class LineTerms:
    """`unit_amount` in minor units of the invoice's currency."""

    description: str
    unit_amount: int
    quantity: int = 1


@dataclass(frozen=True, slots=True)
class InvoiceTerms:
    """Who owes what until when; `reference` is the seller's own handle, unique for each seller. `metadata` any JSON, checked here."""

    customer_external_id: str
    currency: str
    lines: tuple[LineTerms, ...]
    email: str | None = None
    reference: str | None = None
    due_at: datetime | None = None
    seller_id: str | None = None
    metadata: Any = None
    locale: str | None = None


async def create_invoice(caller: Caller, terms: InvoiceTerms, key: str | None) -> Done[None]:
    """Issue an invoice. Raises InvalidInput, AmountTooSmall and NotFound (of the seller), and then nothing is written."""
    total, metadata, locale = _checked(terms), checked_metadata(terms.metadata, "metadata"), _locale(terms)

    async def begin() -> str:
        if terms.seller_id is not None:
            await sellers.require(terms.seller_id, "sellerId")
        customer = await customers.row_for(terms.customer_external_id, terms.email, locale)
        row = Invoice(
            customer_id=customer.id,
            seller_id=terms.seller_id,
            reference=terms.reference,
            reference_key=_reference_key(terms),
            currency=terms.currency,
            total=total,
            due_at=terms.due_at,
            metadata=metadata,
        )
        await _save(row)
        await insert([_line(row, place, line) for place, line in enumerate(terms.lines, 1)])
        await audit.record(caller, "invoice.create", row.id, customer=customer.id, total=total, currency=row.currency)
        return str(row.id)

    return await once(Call(caller.viewer.external_id, "createInvoice", key, asdict(terms)), begin, nothing)


async def void_invoice(caller: Caller, invoice_id: str, reason: str | None, key: str | None) -> Done[None]:
    """Take back an invoice of which nothing is paid; pages that are open for it are closed, and what comes in late goes back.

    Raises InvalidInput, NotFound, and InvoiceNotPayable for one that is paid, even in part, being paid, or void.
    """
    checked_text(invoice_id, MAX_ID, "id")
    optional_text(reason, MAX_REASON, "reason")

    async def begin() -> str:
        row = await Invoice.filter(id=invoice_id, origin=InvoiceOrigin.ISSUED.value).select_for_update(no_key=True).first()
        if row is None:
            raise NotFound("There is no such invoice that was issued here.", "id")
        await _check_voidable(row)
        before = row.status
        row.status, row.voided_at, row.void_reason = InvoiceStatus.VOID.value, datetime.now(UTC), reason
        await row.save(update_fields=["status", "voided_at", "void_reason"])
        await audit.record(caller, "invoice.void", row.id, status=[before, row.status])
        await outbox.stage(OutboxKind.CLOSE_CHECKOUTS, row.id)
        await stage([Event("invoice.voided", row)])
        return str(row.id)

    given = {"id": invoice_id, "reason": reason}
    return await once(Call(caller.viewer.external_id, "voidInvoice", key, given), begin, nothing)


async def due_of(invoice: Invoice) -> int:
    """Minor units of a locked invoice that are neither paid nor on their way from a bank."""
    processing = await Payment.filter(invoice_id=invoice.id, status=PaymentStatus.PROCESSING.value).values_list("amount", flat=True)
    return int(invoice.total - invoice.amount_paid) - sum(int(str(amount)) for amount in processing)


def _checked(terms: InvoiceTerms) -> int:
    """The total, in minor units."""
    checked_text(terms.customer_external_id, MAX_EXTERNAL_ID, "customerExternalId")
    optional_text(terms.email, MAX_EMAIL, "email")
    optional_text(terms.reference, MAX_REFERENCE, "reference")
    if not 1 <= len(terms.lines) <= MAX_LINES:
        raise InvalidInput(f"An invoice has 1 to {MAX_LINES} lines.", "lines")
    for place, line in enumerate(terms.lines):
        _check_line(line, terms.currency, str(place))
    total = sum(line.unit_amount * line.quantity for line in terms.lines)
    if total > MAX_TOTAL:
        raise InvalidInput(f"The total may be {MAX_TOTAL} minor units at most.", "lines")
    check_charge(min(total, 10_000_000), terms.currency, "lines")
    return total


def _locale(terms: InvoiceTerms) -> str | None:
    try:
        return None if terms.locale is None else tag_of(terms.locale)
    except ValueError:
        raise InvalidInput("This locale is not known: give one such as en or de-CH.", "locale") from None


def _check_line(line: LineTerms, currency: str, place: str) -> None:
    checked_text(line.description, MAX_DESCRIPTION, "lines", place, "description")
    if not 1 <= line.quantity <= MAX_QUANTITY:
        raise InvalidInput(f"The quantity is 1 to {MAX_QUANTITY}.", "lines", place, "quantity")
    if not 0 <= line.unit_amount <= MAX_TOTAL or line.unit_amount % step(currency):
        raise InvalidInput(
            f"An amount in {currency} is a multiple of {step(currency)} minor units, {MAX_TOTAL} at most.", "lines", place, "unitAmount"
        )


async def _save(row: Invoice) -> None:
    try:
        async with transaction():
            await row.save(force_create=True)
    except IntegrityError:
        raise InvalidInput("There is an invoice with this reference already: one reference is one invoice.", "reference") from None


def _reference_key(terms: InvoiceTerms) -> str | None:
    return None if terms.reference is None else f"{terms.seller_id or ''}:{terms.reference}"


def _line(invoice: Invoice, position: int, terms: LineTerms) -> InvoiceLine:
    told = {"description": terms.description, "quantity": terms.quantity, "unit_amount": terms.unit_amount}
    amount = terms.unit_amount * terms.quantity
    owners = {"invoice_id": invoice.id, "customer_id": invoice.customer_id, "seller_id": invoice.seller_id}
    return new(InvoiceLine, position=position, amount=amount, currency=invoice.currency, **owners, **told)


async def _check_voidable(row: Invoice) -> None:
    if row.status not in PAYABLE:
        raise InvoiceNotPayable(f"This invoice is {row.status}: only one that is open can be voided.", "id")
    processing = Payment.filter(invoice_id=row.id, status=PaymentStatus.PROCESSING.value)
    paid = await Payment.filter(invoice_id=row.id, status__in=sorted(PAID))
    if await processing.exists() or any([await kept_of(payment) for payment in paid]):
        raise InvoiceNotPayable("Something of this invoice is paid or being paid: give it back first.", "id")
