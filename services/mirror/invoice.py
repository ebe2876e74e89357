"""An invoice of a subscription of ours: its row, and the payment that it asks for."""

from typing import NamedTuple

from models import PAID, Invoice, Payment, PaymentStatus, Subscription
from models.persistence import find
from services import stripe_fields as fields
from services import stripe_shapes as shapes
from services.journal import Facts, create
from services.mirror.guard import FactsOf, renew
from services.mirror.invoice_row import mirror_invoice_row
from services.mirror.known import Known
from services.mirror.outcome import Outcome
from services.mirror.payment import locked_payment, settled
from services.mirror.payment_intent import mirror_payment_intent
from services.mirror.price import price_of
from services.mirror.subscription import subscription_of
from services.snapshot import Snapshot
from services.stripe_fields import Json
from services.stripe_shapes import Settlement


class Bill(NamedTuple):
    """An invoice's row, and the subscription that it is of."""

    subscription: Subscription
    record: Invoice


async def mirror_invoice(snapshot: Snapshot, known: Known) -> Outcome:
    """Write a subscription's invoice, and the payment that it asks for: none yet for a draft, canceled when the invoice is void.

    There is no payment for invoices of nothing: free trials, and what credit at Stripe has paid (after it was asked for, that cancels the
    payment). What pays an invoice is read from Stripe when we first hear of it, and when it is paid but its payment intent did not say so
    yet. IGNORED are invoices without a subscription of ours.
    """
    invoice = snapshot.object
    subscription_id = shapes.invoice_subscription(invoice)
    subscription = await subscription_of(subscription_id, known) if subscription_id else None
    if subscription is None:
        return Outcome.IGNORED
    row = await locked_payment({}, known, stripe_invoice_id=fields.identifier(invoice))
    told = _told(snapshot, known) if _asks(row, invoice) else None
    record, written = await mirror_invoice_row(told or snapshot, subscription, known)
    outcome = await _pay(row, snapshot, told, Bill(subscription, record), known)
    return Outcome.PROCESSED if Outcome.PROCESSED in {written, outcome} else Outcome.STALE


def _asks(row: Payment | None, invoice: Json) -> bool:
    """Whether what pays the invoice has to be known."""
    if shapes.is_draft(invoice):
        return False
    return _lags(row, invoice) if row is not None else bool(asked(invoice))


async def _pay(row: Payment | None, snapshot: Snapshot, told: Snapshot | None, bill: Bill, known: Known) -> Outcome:
    """Write the payment of an invoice whose row is written already; `told` says what pays it, None where that was not asked or is gone."""
    if told is not None:
        old = row is not None and told.version < row.invoice_version
        return Outcome.STALE if old else await _follow(row, told, bill, known)
    if row is None or shapes.is_draft(snapshot.object) or _lags(row, snapshot.object):
        return Outcome.STALE
    return await renew(row, snapshot, known, _facts_of(row, bill), "invoice_version")


async def mirror_invoice_payment(snapshot: Snapshot, known: Known) -> Outcome:
    """Read the invoice that a payment is of, and write it as any other; IGNORED when Stripe has no such invoice, or it is not ours."""
    invoice_id = fields.reference(snapshot.object, "invoice")
    invoice = known.require("invoice", invoice_id) if invoice_id else None
    return await mirror_invoice(invoice, known) if invoice else Outcome.IGNORED


async def expect_renewal(snapshot: Snapshot, known: Known) -> Outcome:
    """Read the subscription that is about to be billed, if we have missed it; IGNORED when it is known or not ours.

    An upcoming invoice has no id and nothing to keep.
    """
    subscription_id = shapes.invoice_subscription(snapshot.object)
    if subscription_id is None or await find(Subscription, stripe_subscription_id=subscription_id):
        return Outcome.IGNORED
    return Outcome.PROCESSED if await subscription_of(subscription_id, known) else Outcome.IGNORED


def asked(invoice: Json) -> int:
    """Minor units that were or are to be paid: nothing when the invoice is of nothing or was paid from credit."""
    if invoice.get("status") != "paid":
        return fields.integer(invoice, "amount_due")
    return max(fields.integer(invoice, "amount_paid"), fields.optional_integer(invoice, "amount_paid_off_stripe") or 0)


def _lags(row: Payment, invoice: Json) -> bool:
    return invoice.get("status") == "paid" and row.stripe_status != "succeeded" and not row.charge_version


def _told(snapshot: Snapshot, known: Known) -> Snapshot | None:
    """The snapshot if it says what pays the invoice, else a reading that does; None when Stripe has no such invoice any more."""
    if shapes.settlement(snapshot.object) is not None:
        return snapshot
    return known.require("invoice", fields.identifier(snapshot.object))


async def _follow(row: Payment | None, told: Snapshot, bill: Bill, known: Known) -> Outcome:
    outcome = Outcome.PROCESSED
    if row is None and not asked(told.object):
        return Outcome.STALE
    if row is None:
        await _make(told, bill)
    else:
        outcome = await renew(row, told, known, _facts_of(row, bill), "invoice_version")
    intent_id = (shapes.settlement(told.object) or Settlement()).payment_intent
    intent = known.require("payment_intent", intent_id) if intent_id else None
    if intent is not None:
        await mirror_payment_intent(intent, known)
    return outcome


async def _make(told: Snapshot, bill: Bill) -> None:
    began = fields.moment(told.object, "created")
    row = Payment(customer_id=bill.record.customer_id, subscription_id=bill.subscription.id, created_at=began, amount=0, currency="")
    facts = await _facts_of(row, bill)(told.object) or {}
    for column, value in (facts | {"invoice_version": told.version}).items():
        setattr(row, column, value)
    await create(row)


def _facts_of(row: Payment, bill: Bill) -> FactsOf:
    async def facts_of(invoice: Json) -> Facts:
        item = shapes.invoice_item(invoice)
        price = await price_of(item)
        subscription = bill.subscription
        facts: Facts = {
            "stripe_invoice_id": fields.identifier(invoice),
            "subscription_id": subscription.id,
            "invoice_id": bill.record.id,
            "plan_id": price.plan_id if price else subscription.plan_id,
            "price_id": price.id if price else subscription.price_id,
            "quantity": max(item.quantity, 1) if item else subscription.quantity,
        }
        return facts | _paying(row, invoice)

    return facts_of


def _paying(row: Payment, invoice: Json) -> Facts:
    """What the invoice says of its payment while the payment intent says nothing better."""
    if row.intent_version and row.status in PAID:
        return {}
    owed = asked(invoice)
    facts: Facts = {"amount": owed, "currency": fields.currency(invoice)} if owed and not row.charge_version else {}
    pays = shapes.settlement(invoice)
    if pays and pays.payment_intent and pays.payment_intent != row.stripe_payment_intent_id:
        facts |= {"stripe_payment_intent_id": pays.payment_intent, "intent_version": 0}
    if invoice.get("status") == "void" or not owed:
        return settled(row, facts, PaymentStatus.CANCELED)
    if invoice.get("status") != "paid":
        return facts
    return settled(row, facts | {"succeeded_at": row.succeeded_at or shapes.paid_at(invoice)}, PaymentStatus.SUCCEEDED)
