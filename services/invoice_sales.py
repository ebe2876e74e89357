"""Paying an issued invoice, whole or in parts."""

from dataclasses import dataclass

from models import PAYABLE, Invoice, InvoiceOrigin
from models.money import Money
from services.audit import Caller
from services.errors import AmountExceedsBalance, AmountTooSmall, InvalidInput, InvoiceNotPayable, NotFound
from services.invoices import due_of
from services.minimum_amounts import MINIMUM, check_charge, step
from services.text_input import MAX_ID, checked_text


@dataclass(frozen=True, slots=True)
class InvoicePart:
    """So many minor units of what is due of an invoice, which is locked."""

    invoice: Invoice
    amount: int

    @property
    def description(self) -> str:
        """What the payer reads."""
        return f"Invoice {self.invoice.reference or self.invoice.id}"


async def part_of(caller: Caller, invoice_id: str, amount: int | None) -> InvoicePart:
    """What the caller wants to pay of their own invoice: `amount` minor units, all that is due when None. Locks the invoice.

    Raises NotFound, InvoiceNotPayable, InvalidInput, AmountExceedsBalance, and AmountTooSmall also for what would leave less than Stripe
    charges.
    """
    own = Invoice.filter(
        id=checked_text(invoice_id, MAX_ID, "invoiceId"),
        origin=InvoiceOrigin.ISSUED.value,
        customer__external_id=caller.viewer.external_id,
    )
    if not await own.exists():
        raise NotFound("There is no such invoice of yours.", "invoiceId")
    invoice = await Invoice.filter(id=invoice_id).select_for_update(no_key=True).get()
    if invoice.status not in PAYABLE:
        raise InvoiceNotPayable(f"This invoice is {invoice.status}: nothing of it is to be paid.", "invoiceId")
    due = await due_of(invoice)
    if due <= 0:
        raise InvoiceNotPayable("All that is due of this invoice is just being paid.", "invoiceId")
    return InvoicePart(invoice, _amount(invoice, due, amount))


def _amount(invoice: Invoice, due: int, asked: int | None) -> int:
    amount, currency = due if asked is None else asked, invoice.currency
    if amount > due:
        raise AmountExceedsBalance(f"{Money(due, currency).decimal} {currency} is due of this invoice.", "amount")
    if amount % step(currency):
        raise InvalidInput(f"An amount in {currency} must be a multiple of {step(currency)} minor units.", "amount")
    check_charge(amount, currency, "amount")
    left, least = due - amount, MINIMUM.get(currency, 1)
    if 0 < left < least:
        rest, smallest = Money(left, currency).decimal, Money(least, currency).decimal
        raise AmountTooSmall(f"This would leave {rest} {currency}, and Stripe charges at least {smallest}.", "amount")
    return amount
