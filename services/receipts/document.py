"""What a receipt or credit note says, read from the rows as they are now; amounts in minor units of one currency."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from models import (
    PAID,
    PAYABLE,
    Allocation,
    Customer,
    Invoice,
    InvoiceLine,
    InvoiceOrigin,
    Payment,
    Plan,
    Price,
    PromotionCode,
    Receipt,
    ReceiptKind,
    Refund,
    RefundStatus,
    Seller,
)
from models.persistence import find
from services.locales import is_known
from settings import Settings


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was sold; `unit` and `quantity` multiply to `amount` except where Stripe rounded or prorated."""

    description: str
    quantity: int
    unit: int
    amount: int


@dataclass(frozen=True, slots=True)
class Returned:
    """Money back: the credit note's number, when it was issued, how much."""

    number: str
    issued_at: datetime
    amount: int


@dataclass(frozen=True, slots=True)
class Bill:
    """Lines, and what makes their sum the `total`; `tax_included` when the lines hold the tax already, `other` is what no line tells.

    `credit` with Stripe paid a part; less than nothing is what earlier invoices left, such as those too small to be charged. Of an invoice
    that is paid in parts `besides` is what other payments paid of it, and `due` what nobody has paid yet.
    """

    lines: tuple[Line, ...]
    total: int
    discount: int = 0
    code: str | None = None
    tax: int = 0
    tax_included: bool = False
    other: int = 0
    credit: int = 0
    besides: int = 0
    due: int = 0
    reference: str | None = None

    @property
    def subtotal(self) -> int:
        """The sum of the lines."""
        return sum(line.amount for line in self.lines)


@dataclass(frozen=True, slots=True)
class House:
    """Who issues."""

    name: str
    address: tuple[str, ...]
    tax_number: str


@dataclass(frozen=True, slots=True)
class Document:
    """A receipt or, with `refunded`, a credit note of the receipt `original`; `void` when the refund did not go through after all.

    Of a customer who was `erased` nothing is told.
    """

    kind: ReceiptKind
    locale: str
    number: str
    issued_at: datetime
    house: House
    seller: str | None
    customer: tuple[str, ...]
    currency: str
    paid_at: datetime
    paid: int
    method: tuple[str, str | None, str | None]
    bill: Bill
    returned: tuple[Returned, ...] = ()
    gone_back: int = 0
    refunded: int | None = None
    original: str | None = None
    void: bool = False
    erased: bool = False


async def document_of(settings: Settings, receipt: Receipt, *, personal: bool) -> Document:
    """What the receipt says now; without `personal` it names the customer by their external id alone, as sellers know them.

    LookupError when its payment is gone.
    """
    payment = await _payment(receipt)
    customer = await find(Customer, id=payment.customer_id) if payment.customer_id else None
    seller = await find(Seller, id=receipt.seller_id) if receipt.seller_id else None
    refund = await find(Refund, id=receipt.refund_id) if receipt.refund_id else None
    receipts = await Receipt.filter(payment_id=payment.id).order_by("id")
    return Document(
        kind=ReceiptKind(receipt.kind),
        locale=customer.locale if customer and customer.locale and is_known(customer.locale) else settings.receipt_locale,
        number=receipt.number,
        issued_at=receipt.created_at,
        house=house_of(settings),
        seller=seller.name if seller else None,
        customer=_named(customer, personal=personal) if customer else (),
        currency=payment.currency,
        paid_at=payment.succeeded_at or payment.created_at,
        paid=payment.amount,
        method=(payment.method_type or "", payment.method_brand, payment.method_last4),
        bill=await bill_of(payment),
        returned=await _returned(receipts) if refund is None else (),
        gone_back=payment.amount_refunded,
        refunded=refund.amount if refund else None,
        original=next((row.number for row in receipts if row.refund_id is None), None) if refund else None,
        void=refund is not None and refund.status != RefundStatus.SUCCEEDED,
        erased=customer is not None and customer.erased_at is not None,
    )


def house_of(settings: Settings) -> House:
    """Who sells here."""
    lines = (line.strip() for line in settings.business_address.split("|"))
    name = settings.business_name or urlsplit(settings.public_url or "").hostname or ""
    return House(name, tuple(line for line in lines if line), settings.business_tax_number)


async def bill_of(payment: Payment) -> Bill:
    """What a payment is for, whether it was paid or not."""
    invoice = await find(Invoice, id=payment.invoice_id) if payment.invoice_id else None
    if invoice is not None and invoice.currency == payment.currency:
        return await _of_invoice(invoice, payment)
    return await _of_plan(payment)


async def _payment(receipt: Receipt) -> Payment:
    payment = await find(Payment, id=receipt.payment_id)
    if payment is None or payment.status not in PAID:
        raise LookupError(receipt.payment_id)
    return payment


def _named(customer: Customer, *, personal: bool) -> tuple[str, ...]:
    if customer.erased_at is not None:
        return ()
    told = tuple(text for text in (customer.name, customer.email) if text) if personal else ()
    return told or (customer.external_id,)


async def _returned(receipts: list[Receipt]) -> tuple[Returned, ...]:
    """Refunds that stand, in the order of their credit notes."""
    notes = {row.refund_id: row for row in receipts if row.refund_id}
    refunds = await Refund.filter(id__in=sorted(filter(None, notes)), status=RefundStatus.SUCCEEDED.value)
    found = [(notes[row.id], row.amount) for row in refunds]
    return tuple(Returned(note.number, note.created_at, amount) for note, amount in sorted(found, key=lambda pair: pair[0].id))


async def _of_invoice(invoice: Invoice, payment: Payment) -> Bill:
    rows = await InvoiceLine.filter(invoice_id=invoice.id).order_by("position")
    lines = tuple(Line(row.description, row.quantity, row.unit_amount, row.amount) for row in rows)
    discount = sum(row.discount for row in rows)
    net = sum(line.amount for line in lines) - discount
    included = net + invoice.tax != invoice.total
    return Bill(
        lines=lines,
        total=invoice.total,
        discount=discount,
        tax=invoice.tax,
        tax_included=included,
        other=invoice.total - net if included else 0,
        credit=invoice.credit_applied,
        besides=await _besides(invoice, payment),
        due=invoice.total - invoice.amount_paid if _is_issued(invoice) and invoice.status in PAYABLE else 0,
        reference=invoice.number or invoice.reference,
    )


def _is_issued(invoice: Invoice) -> bool:
    return invoice.origin == InvoiceOrigin.ISSUED


async def _besides(invoice: Invoice, payment: Payment) -> int:
    """What other payments paid of an invoice that was issued here; Stripe's own are paid by one."""
    if not _is_issued(invoice):
        return 0
    own = await Allocation.filter(payment_id=payment.id).values_list("amount", flat=True)
    return int(invoice.amount_paid) - sum(int(str(amount)) for amount in own)


async def _of_plan(payment: Payment) -> Bill:
    """Of a package: what it costs, and what was taken off. What no price explains is one line of what was paid."""
    plan = await find(Plan, id=payment.plan_id) if payment.plan_id else None
    price = await find(Price, id=payment.price_id) if payment.price_id else None
    code = await find(PromotionCode, id=payment.promotion_code_id) if payment.promotion_code_id else None
    name = (plan.name if plan else payment.description) or ""
    full = price.unit_amount * payment.quantity if price and price.currency == payment.currency else 0
    if price is None or full < payment.amount:
        return Bill((Line(name, 1, payment.amount, payment.amount),), payment.amount)
    line = Line(name, payment.quantity, price.unit_amount, full)
    return Bill((line,), payment.amount, discount=full - payment.amount, code=code.code if code else None)
