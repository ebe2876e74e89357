"""Events of every version of Stripe's API end in the same rows as those of the pinned one."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from models import (
    AuditEntry,
    CheckoutSession,
    Customer,
    Dispute,
    Invoice,
    InvoiceLine,
    Payment,
    Plan,
    Price,
    PromotionCode,
    Refund,
    Subscription,
    WebhookEvent,
    WebhookEventStatus,
)
from models.record import Record
from services.billing import Billing
from services.inbox import receive
from services.stripe_event import read_event
from services.stripe_gateway import API_VERSION
from tests.emptied import FOLLOWING, empty
from tests.mirror import versions
from tests.mirror.catalogue import Ids, plant
from tests.mirror.objects import MONTH, START, coupon
from tests.mirror.rows import values
from tests.mirror.shelf import Shelf
from tests.mirror.versions import VERSIONS, event
from webhooks.handlers import HANDLERS

SHOWN: tuple[type[Record], ...] = (Refund, Dispute, CheckoutSession, Payment, InvoiceLine, Invoice, Subscription, PromotionCode)
NAMED: tuple[type[Record], ...] = (*SHOWN, Price, Plan, Customer)
EMPTIED: tuple[type[Record], ...] = (WebhookEvent, AuditEntry, *NAMED)


def story(version: str, ids: Ids) -> list[dict[str, Any]]:
    """A subscription that is bought, paid, given back in part, scheduled to end, and disputed."""
    v = versions
    partly = v.charge(version, amount_refunded=800)
    if "refunds" in partly:
        partly["refunds"]["data"] = [v.refund(version)]
    scheduled = v.subscription(version, cancel_at_period_end=True, canceled_at=START + 40)
    return [
        event(version, "customer.subscription.created", v.subscription(version, status="incomplete"), START),
        event(version, "invoice.finalized", v.invoice(version, status="open", amount_paid=0, amount_remaining=9800), START + 2),
        event(version, "charge.succeeded", v.charge(version), START + 5),
        event(version, "payment_intent.succeeded", v.intent(version), START + 6),
        event(version, "invoice.paid", v.invoice(version), START + 7),
        event(version, "customer.subscription.updated", v.subscription(version), START + 8),
        event(version, "checkout.session.completed", v.session(version) | {"metadata": {"billgraph_id": ids.subscribed}}, START + 9),
        event(version, "customer.subscription.updated", scheduled, START + 40),
        event(version, "charge.refunded", partly, START + 50),
        event(version, "refund.updated" if version > "2024" else "charge.refund.updated", v.refund(version), START + 51),
        event(version, "charge.dispute.created", v.dispute(version), START + 60),
        event(version, "promotion_code.updated", v.promotion_code(version), START + 70),
    ]


async def told_by(version: str, billing: Billing, shelf: Shelf) -> dict[str, Any]:
    """What the rows hold in the end, our own ids given as kinds, when Stripe's events have this version and its answers the pinned one."""
    await empty(*FOLLOWING, *EMPTIED)
    ids = await plant()
    shelf.clear()
    payment = {"id": "inpay_1", "object": "invoice_payment", "is_default": True, "status": "paid"}
    paid_by = {"data": [payment | {"payment": {"type": "payment_intent", "payment_intent": "pi_1"}}]}
    shelf.put(versions.invoice(API_VERSION) | {"payments": paid_by})
    shelf.put(versions.intent(API_VERSION))
    shelf.put(versions.charge(API_VERSION, amount_refunded=800))
    shelf.put(coupon())
    shelf.now = START + 200
    for one in story(version, ids):
        assert await receive(billing, read_event(json.dumps(one)), HANDLERS) is not WebhookEventStatus.FAILED, one["type"]
    names = {row.id: model.__name__ for model in NAMED for row in await model.all()}
    return {f"{model.__name__} {key_of(row)}": shown(row, names) for model in SHOWN for row in await model.all()}


def key_of(row: Record) -> str:
    keys = ("stripe_session_id", "stripe_invoice_id", "mode", "description")
    return "/".join(str(getattr(row, key, None)) for key in keys)


def shown(row: Record, names: dict[str, str]) -> dict[str, Any]:
    columns = {name: names.get(value, value) if isinstance(value, str) else value for name, value in values(row).items()}
    return {name: value for name, value in columns.items() if not name.endswith("version")}


@pytest.mark.parametrize("version", VERSIONS)
async def test_every_version_ends_in_the_same_rows(billing: Billing, database: str, shelf: Shelf, version: str) -> None:
    told = await told_by(version, billing, shelf)
    subscription = await Subscription.get()
    assert (subscription.status, subscription.quantity, subscription.cancel_at_period_end) == ("ACTIVE", 2, True)
    assert (subscription.metadata, subscription.current_period_end) == ({"team": "red"}, datetime.fromtimestamp(START + MONTH, UTC))
    paid = await Payment.get(stripe_invoice_id="in_1")
    assert (paid.status, paid.amount, paid.amount_refunded, paid.currency, paid.quantity) == ("DISPUTED", 9800, 800, "USD", 2)
    assert (paid.method_last4, paid.stripe_charge_id, paid.subscription_id) == ("4242", "ch_1", subscription.id)
    bill, line = await Invoice.get(), await InvoiceLine.get()
    assert (bill.status, bill.number, bill.total, bill.amount_paid, bill.id) == ("PAID", "A-1", 9800, 9800, paid.invoice_id)
    assert (line.quantity, line.unit_amount, line.amount, line.price_id) == (2, 4900, 9800, subscription.price_id)
    assert ((await Refund.get()).amount, (await Dispute.get()).amount) == (800, 9800)
    assert (await PromotionCode.get()).percent_off == 12.5
    bought = await CheckoutSession.get(stripe_session_id="cs_1")
    assert (bought.status, bought.subscription_id) == ("COMPLETE", subscription.id)
    assert told == await told_by(API_VERSION, billing, shelf)


def test_the_pinned_version_is_among_them() -> None:
    assert (VERSIONS[-1], sorted(VERSIONS)) == (API_VERSION, list(VERSIONS))
