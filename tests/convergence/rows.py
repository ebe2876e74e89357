"""Every mirrored row: kept, put back, compared, and held against what the sandbox itself has."""

from collections.abc import Set as AbstractSet
from itertools import accumulate
from typing import Any

import models
from models import (
    CONTESTED,
    ENDLESS,
    PAID,
    Allocation,
    AuditEntry,
    CheckoutSession,
    Checkpoint,
    CreditEntry,
    CreditLot,
    Customer,
    Delivery,
    Dispute,
    Email,
    EmailAddress,
    Entitlement,
    Erasure,
    EventDestination,
    IdempotencyKey,
    Invoice,
    InvoiceLine,
    OutboxEntry,
    Payment,
    Plan,
    Price,
    PromotionCode,
    Receipt,
    ReceiptCounter,
    Refund,
    RefundRequest,
    RetentionRun,
    Seller,
    StatisticsDelta,
    StatisticsRollup,
    Subscription,
    SubscriptionChange,
    WebhookEvent,
)
from models.persistence import insert
from models.record import Record
from tests.convergence.stage import Stage
from tests.emptied import empty
from tests.mirror.rows import values

MIRRORED: dict[type[Record], str] = {
    Plan: "code",
    Price: "stripe_price_id",
    Customer: "external_id",
    PromotionCode: "stripe_promotion_code_id",
    Subscription: "stripe_subscription_id",
    Invoice: "stripe_invoice_id",
    InvoiceLine: "stripe_line_id",
    Payment: "stripe_payment_intent_id",
    CheckoutSession: "stripe_session_id",
    Refund: "stripe_refund_id",
    Dispute: "stripe_dispute_id",
}
"""In an order in which they can be inserted; what tells the rows of a kind apart in whatever order they were made."""

OTHERS: tuple[type[Record], ...] = (
    *(WebhookEvent, AuditEntry, IdempotencyKey, Checkpoint, OutboxEntry, Delivery, EventDestination),
    *(StatisticsDelta, StatisticsRollup, Email, EmailAddress, Erasure, RetentionRun),
)
"""Rows that are about the work and not about the business."""

SOLD_OTHERWISE: tuple[type[Record], ...] = (Seller, Allocation, RefundRequest, SubscriptionChange)
"""Rows of what is not sold or asked for here: tests/business lets it be."""

FOLLOWED: tuple[type[Record], ...] = (CreditEntry, CreditLot, Entitlement, Receipt, ReceiptCounter)
"""What follows from payments: not mirrored but worked out, and compared as such."""

TERMINAL = {
    "payment.status": ({status.value for status in PAID}, {status.value for status in PAID}),
    "subscription.status": ({"CANCELED", "INCOMPLETE_EXPIRED"}, set()),
    "checkout_session.status": ({"COMPLETE", "EXPIRED"}, set()),
    "refund.status": ({"FAILED", "CANCELED"}, set()),
    "dispute.status": ({"WON", "WARNING_CLOSED", "PREVENTED"}, set()),
}
"""By the audit log's word: statuses that are left for certain others alone, or for none."""

Rows = dict[type[Record], list[Record]]


def every_model() -> set[type[Record]]:
    return {one for one in vars(models).values() if isinstance(one, type) and issubclass(one, Record)}


async def kept() -> Rows:
    return {model: list(await model.all().order_by("id")) for model in (*MIRRORED, *FOLLOWED)}


async def put_back(rows: Rows) -> None:
    await empty(*OTHERS, *FOLLOWED, *reversed(MIRRORED))
    for model in (*MIRRORED, *FOLLOWED):
        await insert(rows[model])


async def final_rows() -> dict[str, Any]:
    """Every mirrored row by its key, without what may differ: our own ids of rows made meanwhile, and how late they were read."""
    names = {row.id: getattr(row, key) or row.id for model, key in MIRRORED.items() for row in await model.all()}
    found: dict[str, Any] = {}
    for model in MIRRORED:
        for row in await model.all():
            columns = {name: names.get(value, value) if isinstance(value, str) else value for name, value in values(row).items()}
            shown = {name: value for name, value in columns.items() if name != "id" and not name.endswith("version")}
            found[f"{model.__name__} {names[row.id]}"] = shown
    return found | await _followed(names)


async def _followed(names: dict[str, str]) -> dict[str, Any]:
    """What customers hold in the end, whatever bookings led there; and that each ledger is right in itself."""
    found: dict[str, Any] = {}
    for right in await Entitlement.all():
        source = names[str(right.payment_id or right.subscription_id)]
        grace, plan = right.past_due_since, names[str(right.plan_id)]
        assert (right.active_until == ENDLESS) == (right.revoked_reason is None)
        if right.revoked_reason is None:  # one that was closed before it was ever heard of leaves no row
            found[f"Entitlement {source} {right.feature}"] = (plan, right.disputed, grace)
    for lot in await CreditLot.all():
        found[f"CreditLot {names[str(lot.payment_id or lot.invoice_id)]}"] = (lot.granted, lot.withdrawn, lot.expired)
    for customer in await Customer.all():
        entries = await CreditEntry.filter(customer_id=customer.id).order_by("id")
        amounts = [entry.amount for entry in entries]
        assert [entry.balance_after for entry in entries] == list(accumulate(amounts))
        assert customer.credit_balance == sum(amounts)
        lots = await CreditLot.filter(customer_id=customer.id)
        assert sum(lot.remaining for lot in lots) == max(customer.credit_balance, 0)
        assert customer.credit_balance == sum(lot.granted - lot.withdrawn for lot in lots)
    return found | await _issued(names)


async def _issued(names: dict[str, str]) -> dict[str, Any]:
    """A receipt for every payment that was paid and a credit note for every refund that stands, whatever their numbers; and no gap."""
    counted: dict[tuple[str, str, int], list[int]] = {}
    for row in await Receipt.all():
        counted.setdefault((row.series, row.kind, row.year), []).append(row.sequence)
    assert {key: sorted(found) for key, found in counted.items()} == {
        (row.series, row.kind, row.year): list(range(1, row.highest + 1)) for row in await ReceiptCounter.all()
    }
    held = {str(row.cause_id) for row in await Receipt.all()}
    due = [row.id for row in await Payment.filter(status__in=sorted(PAID))]
    due += [row.id for row in await Refund.filter(status="SUCCEEDED")]
    assert set(due) <= held
    return {f"Receipt {names[cause]}": True for cause in due}


async def assert_true(stage: Stage) -> None:
    """The rows say what the sandbox's own objects say."""
    at_stripe = {kind: {one["id"]: one for one in await stage.objects(kind)} for kind in KINDS}
    for subscription in await Subscription.all():
        assert subscription.status == at_stripe["subscription"][subscription.stripe_subscription_id]["status"].upper()
    for refund in await Refund.filter(stripe_refund_id__not_isnull=True):
        assert refund.status == at_stripe["refund"][str(refund.stripe_refund_id)]["status"].upper()
    for dispute in await Dispute.all():
        assert dispute.stripe_status == at_stripe["dispute"][dispute.stripe_dispute_id]["status"]
    for session in await CheckoutSession.filter(stripe_session_id__not_isnull=True):
        assert session.status == at_stripe["checkout.session"][str(session.stripe_session_id)]["status"].upper()
    for customer in await Customer.filter(stripe_customer_id__not_isnull=True):
        assert customer.email == at_stripe["customer"][str(customer.stripe_customer_id)]["email"]
    await _assert_invoices_true(at_stripe["invoice"])
    paid = {one["payment_intent"]: one for one in at_stripe["charge"].values() if one["status"] == "succeeded"}
    for payment in await Payment.filter(stripe_payment_intent_id__not_isnull=True):
        charge = paid.pop(str(payment.stripe_payment_intent_id), None)
        assert (payment.status in PAID) == (charge is not None)
        if charge is not None:
            assert (payment.amount, payment.amount_refunded) == (charge["amount_captured"], charge["amount_refunded"])
            contested = await Dispute.filter(payment_id=payment.id, status__in=[status.value for status in CONTESTED]).exists()
            assert (payment.disputed, payment.status == "DISPUTED") == (contested, contested)
    assert paid == {}


async def _assert_invoices_true(at_stripe: dict[str, Any]) -> None:
    """All of them, with their lines."""
    rows = {str(row.stripe_invoice_id): row for row in await Invoice.filter(origin="SUBSCRIPTION")}
    assert set(rows) == set(at_stripe)
    for stripe_id, row in rows.items():
        told = at_stripe[stripe_id]
        assert (row.status, row.total, row.amount_paid) == (told["status"].upper(), told["total"], told["amount_paid"])
        lines = await InvoiceLine.filter(invoice_id=row.id).order_by("position")
        assert [(line.stripe_line_id, line.amount) for line in lines] == [(line["id"], line["amount"]) for line in told["lines"]["data"]]


KINDS = ("invoice", "subscription", "refund", "dispute", "checkout.session", "customer", "charge")


async def assert_nothing_went_back(given_up: AbstractSet[str] = frozenset()) -> None:
    """No status that is terminal was ever left, not even for a moment; but by what was given up here without Stripe's word."""
    for entry in await AuditEntry.filter(action__in=list(TERMINAL)).exclude(object_id__in=sorted(given_up)):
        before, after = entry.changes["status"]
        ended, allowed = TERMINAL[entry.action]
        assert before not in ended or after in allowed, (entry.action, before, after)
