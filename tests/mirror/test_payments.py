"""Payment intents, charges and checkout sessions become payments."""

from datetime import UTC, datetime
from typing import Any

import pytest

from models import AuditEntry, CheckoutSession, Payment
from services.billing import Billing
from services.mirror import Outcome, write
from services.snapshot import Snapshot
from services.stripe_fields import UnknownShape
from tests.mirror.catalogue import Ids
from tests.mirror.objects import START, charge, declined, intent, session, succeeded
from tests.mirror.rows import shown, values
from tests.mirror.shelf import Shelf


def at(thing: dict[str, Any], second: int, *, read: bool = False) -> Snapshot:
    return Snapshot(thing, START + second, read)


async def test_a_payment_intent_is_found_by_our_id_and_followed(billing: Billing, ids: Ids) -> None:
    assert await write(billing, at(intent(ours=ids.payment, status="requires_action"), 1)) is Outcome.PROCESSED
    row = await Payment.get(id=ids.payment)
    assert (row.status, row.stripe_status, row.stripe_payment_intent_id) == ("REQUIRES_ACTION", "requires_action", "pi_1")

    assert await write(billing, at(succeeded(), 2)) is Outcome.PROCESSED
    assert await write(billing, at(charge(), 2)) is Outcome.PROCESSED
    row = await Payment.get(id=ids.payment)
    assert (row.status, row.stripe_charge_id, row.amount, row.amount_refunded) == ("SUCCEEDED", "ch_1", 4900, 0)
    assert row.succeeded_at == datetime.fromtimestamp(START + 5, UTC)
    method = (row.method_type, row.method_brand, row.method_last4, row.method_exp_month, row.method_exp_year, row.method_wallet)
    assert method == ("card", "visa", "4242", 4, 2031, None)
    entries = await AuditEntry.filter(object_id=ids.payment).order_by("id")
    assert [(one.actor, one.action, one.changes) for one in entries] == [
        ("stripe", "payment.status", {"status": ["PENDING", "REQUIRES_ACTION"]}),
        ("stripe", "payment.status", {"status": ["REQUIRES_ACTION", "SUCCEEDED"]}),
    ]


async def test_a_decline_is_told_and_a_later_success_clears_it(billing: Billing, ids: Ids) -> None:
    await write(billing, at(declined(ours=ids.payment), 1))
    row = await Payment.get(id=ids.payment)
    assert (row.status, row.failure_code, row.failure_decline_code) == ("FAILED", "card_declined", "insufficient_funds")
    assert (row.failure_message, row.method_last4) == ("Your card has insufficient funds.", "9995")
    await write(billing, at(succeeded(), 2))
    row = await Payment.get(id=ids.payment)
    assert shown(row, "status", "failure_code", "failure_decline_code", "failure_message") == ["SUCCEEDED", None, None, None]


async def test_older_is_stale_and_changes_nothing(billing: Billing, ids: Ids) -> None:
    await write(billing, at(succeeded(ours=ids.payment), 9))
    before = values(await Payment.get(id=ids.payment))
    assert await write(billing, at(declined(), 8)) is Outcome.STALE
    assert values(await Payment.get(id=ids.payment)) == before


async def test_the_same_again_in_the_same_second_asks_nobody(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    await write(billing, at(declined(ours=ids.payment), 5))
    assert await write(billing, at(declined(), 5)) is Outcome.STALE
    assert shelf.read == []


async def test_a_tie_is_read_from_stripe(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    shelf.put(intent(status="processing"))
    shelf.now = START + 7
    await write(billing, at(declined(ours=ids.payment), 5))
    assert await write(billing, at(intent(status="requires_action"), 5)) is Outcome.PROCESSED
    row = await Payment.get(id=ids.payment)
    assert (row.status, row.intent_version) == ("PROCESSING", START + 7)
    assert shelf.read == ["/v1/payment_intents/pi_1"]


async def test_an_answer_dated_before_the_tie_counts_as_of_the_tie(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    shelf.put(intent(status="processing"))
    shelf.now = START + 3
    await write(billing, at(declined(ours=ids.payment), 5))
    assert await write(billing, at(intent(status="requires_action"), 5)) is Outcome.PROCESSED
    row = await Payment.get(id=ids.payment)
    assert (row.status, row.intent_version) == ("PROCESSING", START + 5)


async def test_a_paid_payment_is_never_unpaid(billing: Billing, ids: Ids) -> None:
    await write(billing, at(succeeded(ours=ids.payment), 5))
    for unpaid in [declined(), intent(status="canceled"), intent(status="processing"), intent(status="no_such_word")]:
        assert await write(billing, at(unpaid, 6)) is Outcome.STALE
    row = await Payment.get(id=ids.payment)
    assert (row.status, row.stripe_status) == ("SUCCEEDED", "succeeded")


async def test_a_word_that_is_not_known_is_kept(billing: Billing, ids: Ids) -> None:
    await write(billing, at(intent(ours=ids.payment, status="levitating"), 1))
    row = await Payment.get(id=ids.payment)
    assert (row.status, row.stripe_status) == ("UNKNOWN", "levitating")


@pytest.mark.parametrize("thing", [intent(), charge(), succeeded(ours="pay_00000000000000000000000000"), session()])
async def test_what_is_not_ours_is_ignored(billing: Billing, ids: Ids, thing: dict[str, Any]) -> None:
    assert await write(billing, at(thing, 1)) is Outcome.IGNORED
    assert (await Payment.get(id=ids.payment)).status == "PENDING"
    assert await Payment.all().count() == 1


async def test_our_id_copied_to_another_payment_intent_is_not_ours(billing: Billing, ids: Ids) -> None:
    await write(billing, at(intent(ours=ids.payment, status="processing"), 1))
    assert await write(billing, at(succeeded(ours=ids.payment, id="pi_2"), 2)) is Outcome.IGNORED
    assert (await Payment.get(id=ids.payment)).status == "PROCESSING"


async def test_a_failed_charge_is_left_to_its_payment_intent(billing: Billing, ids: Ids) -> None:
    await write(billing, at(intent(ours=ids.payment), 1))
    assert await write(billing, at(charge(id="ch_0", status="failed"), 2)) is Outcome.IGNORED
    assert (await Payment.get(id=ids.payment)).stripe_charge_id is None


async def test_refunded_amounts_are_the_charges(billing: Billing, ids: Ids) -> None:
    await write(billing, at(succeeded(ours=ids.payment), 1))
    told = [(2, 0, "SUCCEEDED"), (3, 1000, "PARTIALLY_REFUNDED"), (5, 4900, "REFUNDED"), (6, 1000, "PARTIALLY_REFUNDED")]
    for second, refunded, status in told:
        await write(billing, at(charge(amount_refunded=refunded), second))
        row = await Payment.get(id=ids.payment)
        assert (row.amount_refunded, row.status) == (refunded, status)
    assert await write(billing, at(charge(amount_refunded=4900), 4)) is Outcome.STALE
    assert (await Payment.get(id=ids.payment)).amount_refunded == 1000


async def test_a_payment_intent_read_with_its_charge_writes_both(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    await write(billing, at(succeeded(ours=ids.payment, latest_charge=charge(amount_refunded=100)), 5, read=True))
    row = await Payment.get(id=ids.payment)
    assert (row.status, row.stripe_charge_id, row.method_last4, row.charge_version) == ("PARTIALLY_REFUNDED", "ch_1", "4242", START + 5)
    assert shelf.read == []


async def test_charges_of_an_old_payment_intent_are_read(billing: Billing, ids: Ids) -> None:
    old = succeeded(ours=ids.payment, charges={"object": "list", "data": [charge(id="ch_9", payment_intent="pi_1")]})
    del old["latest_charge"]
    await write(billing, at(old, 5))
    row = await Payment.get(id=ids.payment)
    assert (row.status, row.stripe_charge_id) == ("SUCCEEDED", "ch_9")


async def test_a_shape_without_its_status_changes_nothing(billing: Billing, ids: Ids) -> None:
    broken = intent(ours=ids.payment)
    del broken["status"]
    with pytest.raises(UnknownShape, match="payment_intent pi_1: `status` is not a string"):
        await write(billing, at(broken, 1))
    row = await Payment.get(id=ids.payment)
    assert (row.status, row.stripe_payment_intent_id, row.intent_version) == ("PENDING", None, 0)


async def test_a_completed_checkout_links_its_payment(billing: Billing, ids: Ids) -> None:
    done = session(ours=ids.bought, status="complete", payment_status="paid", payment_intent="pi_1", url=None)
    assert await write(billing, at(done, 3)) is Outcome.PROCESSED
    row = await CheckoutSession.get(id=ids.bought)
    assert shown(row, "status", "url", "stripe_session_id") == ["COMPLETE", None, "cs_1"]
    payment = await Payment.get(id=ids.payment)
    assert (payment.stripe_payment_intent_id, payment.status) == ("pi_1", "PENDING")


async def test_an_expired_checkout_cancels_its_payment_and_late_money_still_counts(billing: Billing, ids: Ids) -> None:
    await write(billing, at(session(ours=ids.bought, status="expired", url=None), 3))
    assert (await CheckoutSession.get(id=ids.bought)).status == "EXPIRED"
    assert (await Payment.get(id=ids.payment)).status == "CANCELED"
    await write(billing, at(declined(ours=ids.payment), 2))
    assert (await Payment.get(id=ids.payment)).status == "CANCELED"
    await write(billing, at(succeeded(), 4))
    assert (await Payment.get(id=ids.payment)).status == "SUCCEEDED"
    assert await write(billing, at(session(status="open"), 9)) is Outcome.STALE
    assert (await CheckoutSession.get(id=ids.bought)).status == "EXPIRED"


async def test_a_checkout_of_nothing_succeeds_at_once(billing: Billing, ids: Ids) -> None:
    free = session(ours=ids.bought, status="complete", payment_status="no_payment_required", amount_total=0)
    await write(billing, at(free, 3))
    row = await Payment.get(id=ids.payment)
    assert (row.status, row.amount, row.succeeded_at) == ("SUCCEEDED", 0, datetime.fromtimestamp(START, UTC))


async def test_a_session_of_another_word_is_refused(billing: Billing, ids: Ids) -> None:
    with pytest.raises(UnknownShape, match="open, complete or expired"):
        await write(billing, at(session(ours=ids.bought, status="ajar"), 3))
    assert (await CheckoutSession.get(id=ids.bought)).stripe_session_id is None


async def test_an_object_that_is_not_mirrored_is_ignored(billing: Billing, ids: Ids) -> None:
    assert await write(billing, at({"id": "po_1", "object": "payout"}, 1)) is Outcome.IGNORED


async def test_a_charge_is_known_by_the_intent_that_names_it(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    """So that a refund or a dispute that names the charge alone finds its payment."""
    await write(billing, Snapshot(succeeded(ours=ids.payment), START + 5))
    assert shown(await Payment.get(id=ids.payment), "stripe_charge_id", "charge_version") == ["ch_1", 0]
    await write(billing, Snapshot(charge(payment_intent=None), START + 6))
    assert shown(await Payment.get(id=ids.payment), "stripe_charge_id", "charge_version", "method_last4") == ["ch_1", START + 6, "4242"]
