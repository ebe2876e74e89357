"""Credits of a payment: granted once, taken back as far as the money is."""

from datetime import datetime, timedelta

import structlog

from models import ENDLESS, CreditEntryKind, CreditLot, Customer, Payment, Plan
from models.persistence import find
from services import credit_ledger
from services.fulfilment.standing import kept_of

_log = structlog.get_logger(__name__)


async def credit(payment: Payment) -> None:
    """Grant what the payment's plan gives, unless that was done, and take back pro rata, rounded down, what did not stay of the payment.

    A renewal of nothing, such as a trial, grants nothing, nor does what a change within a period costs. What has expired is not taken back.
    """
    plan = await find(Plan, id=payment.plan_id) if payment.plan_id and payment.customer_id and not payment.invoice_id else None
    if plan is None:
        return
    lot = await find(CreditLot, payment_id=payment.id)
    if lot is None and (not plan.credits or payment.prorated or (payment.subscription_id and not payment.amount)):
        return
    customer = await credit_ledger.locked(str(payment.customer_id))
    if await find(CreditLot, payment_id=payment.id) is None:
        await _grant(customer, payment, plan)
    lot = await find(CreditLot, payment_id=payment.id)
    if lot is not None:
        await credit_ledger.withdraw(customer, lot, await _withdrawn(payment, lot))


async def _grant(customer: Customer, payment: Payment, plan: Plan) -> None:
    kind, bought = CreditEntryKind.RENEWAL if payment.subscription_id else CreditEntryKind.PURCHASE, plan.credits * payment.quantity
    amount = min(bought, credit_ledger.room_of(customer))
    if amount < bought:
        _log.warning("credits_beyond_the_bound", payment=payment.id, bought=bought, granted=amount)
    if not amount:
        return
    await credit_ledger.grant(
        customer,
        amount,
        kind,
        cause=f"{kind.value.lower()}-{payment.id}",
        description=plan.name,
        payment=payment,
        expires_at=_expiry(payment, plan),
    )


def _expiry(payment: Payment, plan: Plan) -> datetime:
    paid_at: datetime = payment.succeeded_at or payment.created_at
    return paid_at + timedelta(days=plan.credit_days) if plan.credit_days else ENDLESS


async def _withdrawn(payment: Payment, lot: CreditLot) -> int:
    gone = payment.amount - await kept_of(payment)
    share = lot.granted * gone // payment.amount if payment.amount else 0
    return int(min(share, lot.granted - lot.expired))
