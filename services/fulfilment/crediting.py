"""Credits of a package's payment, or of a paid period: granted once, taken back as far as the money did not stay."""

from datetime import datetime, timedelta
from typing import NamedTuple

import structlog

from models import (
    ENDLESS,
    PAID,
    CreditEntryKind,
    CreditLot,
    Customer,
    Invoice,
    InvoiceLine,
    InvoiceOrigin,
    InvoiceStatus,
    Payment,
    Plan,
    Price,
)
from models.persistence import find
from services import credit_ledger
from services.credit_ledger import Gift
from services.fulfilment.standing import kept_of

_log = structlog.get_logger(__name__)


class Period(NamedTuple):
    """A paid line of an invoice, and the plan that it is of."""

    plan: Plan
    quantity: int


async def credit_payment(payment: Payment) -> None:
    """Grant what the package that was paid gives, unless that was done, and take back pro rata, rounded down, what did not stay.

    What has expired is not taken back. Of subscriptions it is the invoice that grants.
    """
    sold_once = payment.plan_id and payment.customer_id and not (payment.invoice_id or payment.subscription_id)
    plan = await find(Plan, id=payment.plan_id) if sold_once else None
    if plan is None or (not plan.credits and await find(CreditLot, payment_id=payment.id) is None):
        return
    customer = await credit_ledger.locked(str(payment.customer_id))
    if await find(CreditLot, payment_id=payment.id) is None:
        expires_at = _expiry(payment.succeeded_at or payment.created_at, plan)
        gift = Gift(plan.credits * payment.quantity, plan.name, expires_at, payment=payment)
        await _grant(customer, gift, CreditEntryKind.PURCHASE, payment.id)
    await _take_back(customer, await find(CreditLot, payment_id=payment.id), payment)


async def credit_invoice(invoice: Invoice) -> None:
    """Grant what the periods give that a subscription's invoice has paid, whatever paid it; taken back with its payment, as of a package.

    What a change within a period costs grants nothing, nor does a trial.
    """
    if invoice.origin != InvoiceOrigin.SUBSCRIPTION or invoice.status != InvoiceStatus.PAID:
        return
    payment = await Payment.filter(invoice_id=invoice.id, status__in=sorted(PAID)).first()
    gift = await _gift_of(invoice, payment)
    if gift is None and await find(CreditLot, invoice_id=invoice.id) is None:
        return
    customer = await credit_ledger.locked(invoice.customer_id)
    if gift is not None and await find(CreditLot, invoice_id=invoice.id) is None:
        await _grant(customer, gift, CreditEntryKind.RENEWAL, invoice.id)
    if payment is not None:
        await _take_back(customer, await find(CreditLot, invoice_id=invoice.id), payment)


async def _gift_of(invoice: Invoice, payment: Payment | None) -> Gift | None:
    periods = await _periods_of(invoice)
    if not periods:
        return None
    expires_at = min(_expiry(invoice.paid_at or invoice.created_at, period.plan) for period in periods)
    amount = sum(period.plan.credits * period.quantity for period in periods)
    return Gift(amount, periods[0].plan.name, expires_at, payment=payment, invoice=invoice)


async def _periods_of(invoice: Invoice) -> list[Period]:
    """What of an invoice grants credits."""
    found = []
    for line in await InvoiceLine.filter(invoice_id=invoice.id, proration=False).order_by("position"):
        price = await find(Price, id=line.price_id) if line.price_id else None
        plan = await find(Plan, id=price.plan_id) if price and not _is_trial(line, price) else None
        if plan is not None and plan.credits:
            found.append(Period(plan, line.quantity))
    return found


def _is_trial(line: InvoiceLine, price: Price) -> bool:
    return bool(not line.amount and price.unit_amount)


async def _grant(customer: Customer, gift: Gift, kind: CreditEntryKind, cause_id: str) -> None:
    amount = min(gift.amount, credit_ledger.room_of(customer))
    if amount < gift.amount:
        _log.warning("credits_beyond_the_bound", cause=cause_id, bought=gift.amount, granted=amount)
    if amount:
        await credit_ledger.grant(customer, gift._replace(amount=amount), kind, f"{kind.value.lower()}-{cause_id}")


def _expiry(paid_at: datetime, plan: Plan) -> datetime:
    return paid_at + timedelta(days=plan.credit_days) if plan.credit_days else ENDLESS


async def _take_back(customer: Customer, lot: CreditLot | None, payment: Payment) -> None:
    if lot is None:
        return
    gone = payment.amount - await kept_of(payment)
    share = lot.granted * gone // payment.amount if payment.amount else 0
    await credit_ledger.withdraw(customer, lot, int(min(share, lot.granted - lot.expired)))
