"""What was given up here, without a word of Stripe's, is what Stripe says once it speaks."""

from models import CheckoutSession, Payment, Refund
from services import checkout, refunds
from services.billing import Billing
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


async def test_a_session_that_was_paid_all_the_same(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    await checkout.fail(ids.bought, "lost")
    assert ((await CheckoutSession.get(id=ids.bought)).status, (await Payment.get(id=ids.payment)).status) == ("EXPIRED", "CANCELED")
    paid = session(ours=ids.bought, status="complete", payment_status="paid", payment_intent="pi_1", url=None)
    await write(billing, Snapshot(paid, START + 60))
    await write(billing, Snapshot(succeeded(ours=ids.payment), START + 60))
    row = await CheckoutSession.get(id=ids.bought)
    assert shown(row, "status", "failure", "stripe_session_id") == ["COMPLETE", None, "cs_1"]
    assert (await Payment.get(id=ids.payment)).status == "SUCCEEDED"
    await write(billing, Snapshot(session(ours=ids.bought, status="expired"), START + 70))
    assert (await CheckoutSession.get(id=ids.bought)).status == "COMPLETE"
