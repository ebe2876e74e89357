"""What was given up here, without a word of Stripe's, is what Stripe says once it speaks."""

from models import AuditEntry, CheckoutSession, Payment, PromotionCode, Refund
from services import checkout, payment_intents, promotion_codes, refunds
from services.billing import Billing
from services.errors import StripeRejected
from services.mirror import write
from services.snapshot import Snapshot
from tests.mirror.catalogue import Ids
from tests.mirror.objects import START, charge, refund, session, succeeded
from tests.mirror.rows import shown
from tests.mirror.shelf import Shelf


async def test_a_refund_that_stripe_made_all_the_same(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    await write(billing, Snapshot(succeeded(ours=ids.payment, latest_charge=charge()), START + 5))
    await Refund.create(id=ids.refund, payment_id=ids.payment, customer_id=ids.customer, amount=1000, currency="USD")
    await refunds.fail(ids.refund, "lost")
    assert (await Refund.get()).status == "FAILED"
    await write(billing, Snapshot(refund(ours=ids.refund), START + 60))
    row = await Refund.get()
    assert (row.id, row.status, row.stripe_refund_id, row.failure_reason) == (ids.refund, "SUCCEEDED", "re_1", None)
    await write(billing, Snapshot(refund(ours=ids.refund, status="pending"), START + 70))
    assert (await Refund.get()).status == "SUCCEEDED"


async def test_a_payment_that_is_given_up_is_audited(billing: Billing, ids: Ids) -> None:
    await payment_intents.fail(ids.payment, StripeRejected("lost"))
    row = await Payment.get(id=ids.payment)
    assert (row.status, row.failure_code, row.failure_message) == ("FAILED", "stripe_rejected", "lost")
    entry = await AuditEntry.get()
    assert (entry.actor, entry.object_id, entry.changes) == ("billgraph", ids.payment, {"status": ["PENDING", "FAILED"]})
    await payment_intents.fail(ids.payment, StripeRejected("again"))
    assert ((await Payment.get(id=ids.payment)).failure_message, await AuditEntry.all().count()) == ("lost", 1)


async def test_a_promotion_code_that_is_given_up_is_audited(database: str) -> None:
    row = PromotionCode(code="A", code_key="A", active=False, percent_off=10.0, duration="ONCE")
    await row.save(force_create=True)
    await promotion_codes.fail(row.id, "lost")
    assert (await PromotionCode.get()).failure == "lost"
    entry = await AuditEntry.get()
    assert (entry.actor, entry.object_id, entry.action, entry.changes) == (
        "billgraph", row.id, "promotion_code.update", {"failure": [None, "lost"]},
    )  # fmt: skip


async def test_a_session_that_was_paid_all_the_same(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    await checkout.fail(ids.bought, "lost")
    assert ((await CheckoutSession.get(id=ids.bought)).status, (await Payment.get(id=ids.payment)).status) == ("EXPIRED", "CANCELED")
    told = {row.object_id: (row.actor, row.action, row.changes) for row in await AuditEntry.all()}
    assert told == {
        ids.bought: ("billgraph", "checkout_session.status", {"status": ["OPEN", "EXPIRED"]}),
        ids.payment: ("billgraph", "payment.status", {"status": ["PENDING", "CANCELED"]}),
    }
    paid = session(ours=ids.bought, status="complete", payment_status="paid", payment_intent="pi_1", url=None)
    await write(billing, Snapshot(paid, START + 60))
    await write(billing, Snapshot(succeeded(ours=ids.payment), START + 60))
    row = await CheckoutSession.get(id=ids.bought)
    assert shown(row, "status", "failure", "stripe_session_id") == ["COMPLETE", None, "cs_1"]
    assert (await Payment.get(id=ids.payment)).status == "SUCCEEDED"
    await write(billing, Snapshot(session(ours=ids.bought, status="expired"), START + 70))
    assert (await CheckoutSession.get(id=ids.bought)).status == "COMPLETE"
