"""Whose sale it is: the seller of the plan or invoice, else whoever gave the promotion code that was used. Set once, and never changed."""

from models import CheckoutSession, Dispute, Invoice, InvoiceLine, Payment, Plan, PromotionCode, Refund, RefundRequest, Subscription
from models.persistence import find, lock_id
from services.journal import change


async def attribute_session(session: CheckoutSession) -> None:
    """What was sold with a promotion code is attributed to its seller, unless it is somebody else's."""
    code = await find(PromotionCode, id=session.promotion_code_id) if session.promotion_code_id else None
    if code is None:
        return
    if session.payment_id:
        payment = await lock_id(Payment, session.payment_id)
        await change(payment, {"promotion_code_id": code.id, "seller_id": payment.seller_id or code.seller_id})
        await _pass_on(payment)
    if session.subscription_id and code.seller_id:
        subscription = await lock_id(Subscription, session.subscription_id)
        if subscription.seller_id is None:
            await change(subscription, {"seller_id": code.seller_id})
            await attribute_subscription(subscription)


async def attribute_subscription(subscription: Subscription) -> None:
    """A new subscription is its plan's seller's; its payments and invoices are whose it is."""
    if subscription.seller_id is None:
        plan = await find(Plan, id=subscription.plan_id) if subscription.plan_id else None
        await change(subscription, {"seller_id": plan and plan.seller_id})
    if subscription.seller_id is not None:
        for payment in await Payment.filter(subscription_id=subscription.id, seller_id=None).select_for_update(no_key=True):
            await change(payment, {"seller_id": subscription.seller_id})
            await _pass_on(payment)
        for invoice in await Invoice.filter(subscription_id=subscription.id, seller_id=None).select_for_update(no_key=True):
            await _attribute_invoice(invoice, subscription.seller_id)


async def attribute_dependent(row: Payment | Invoice | Refund | Dispute) -> None:
    """A new payment or invoice of a subscription is its seller's, a refund or dispute its payment's."""
    if row.seller_id is not None:
        return
    if isinstance(row, Payment | Invoice):
        parent = await find(Subscription, id=row.subscription_id) if row.subscription_id else None
        seller_id = parent.seller_id if parent else None
        await (_attribute_invoice(row, seller_id) if isinstance(row, Invoice) else change(row, {"seller_id": seller_id}))
    else:
        payment = await find(Payment, id=row.payment_id)
        await change(row, {"seller_id": payment and payment.seller_id})


async def _attribute_invoice(invoice: Invoice, seller_id: str | None) -> None:
    if await change(invoice, {"seller_id": seller_id}):
        await InvoiceLine.filter(invoice_id=invoice.id).update(seller_id=seller_id)


async def _pass_on(payment: Payment) -> None:
    if payment.seller_id is None:
        return
    for kind in (Refund, Dispute, RefundRequest):
        for row in await kind.filter(payment_id=payment.id, seller_id=None).select_for_update(no_key=True):
            await change(row, {"seller_id": payment.seller_id})
