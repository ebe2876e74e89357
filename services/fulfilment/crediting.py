"""Credits of a payment: granted once, taken back as far as the money is."""

from datetime import datetime, timedelta

from models import ENDLESS, CreditEntryKind, CreditLot, Customer, Payment, Plan
from models.persistence import find
from services import credit_ledger
from services.fulfilment.standing import is_lost


async def credit(payment: Payment) -> None:
    """Grant what the payment's plan gives, unless that was done, and take back pro rata, rounded down, what was given back of the payment.

    A renewal of nothing, such as a trial, grants nothing. What has expired is not taken back.
    """
    plan = await find(Plan, id=payment.plan_id) if payment.plan_id and payment.customer_id and not payment.invoice_id else None
    if plan is None:
        return
    lot = await find(CreditLot, payment_id=payment.id)
    if lot is None and (not plan.credits or (payment.subscription_id and not payment.amount)):
        return
    customer = await credit_ledger.locked(str(payment.customer_id))
    if await find(CreditLot, payment_id=payment.id) is None:
        await _grant(customer, payment, plan)
    lot = await CreditLot.get(payment_id=payment.id)
    await credit_ledger.withdraw(customer, lot, await _withdrawn(payment, lot))


async def _grant(customer: Customer, payment: Payment, plan: Plan) -> None:
    kind = CreditEntryKind.RENEWAL if payment.subscription_id else CreditEntryKind.PURCHASE
    await credit_ledger.grant(
        customer,
        plan.credits * payment.quantity,
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
    gone = payment.amount if await is_lost(payment) else payment.amount_refunded
    share = lot.granted * gone // payment.amount if payment.amount else 0
    return int(min(share, lot.granted - lot.expired))
