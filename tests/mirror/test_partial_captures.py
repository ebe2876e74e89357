"""What Stripe counts as refunded of a charge, and what of that was money that had come in."""

import pytest

from models import Dispute, Payment
from services.billing import Billing
from services.mirror import Outcome, write
from services.snapshot import Snapshot
from services.stripe_fields import UnknownShape
from tests.mirror.catalogue import Ids
from tests.mirror.objects import START, charge, dispute, intent, succeeded
from tests.mirror.rows import shown, values
from tests.mirror.shelf import Shelf


@pytest.mark.parametrize(
    ("taken", "refunded", "kept"),
    [
        (4900, 0, ["SUCCEEDED", 4900, 0]),
        (4900, 4900, ["REFUNDED", 4900, 4900]),
        (3000, 1900, ["SUCCEEDED", 3000, 0]),
        (1000, 3900, ["SUCCEEDED", 1000, 0]),
        (1000, 4300, ["PARTIALLY_REFUNDED", 1000, 400]),
        (1000, 4900, ["REFUNDED", 1000, 1000]),
        (1000, 0, ["SUCCEEDED", 1000, 0]),
        (1000, 1000, ["REFUNDED", 1000, 1000]),
    ],
)
async def test_the_rest_of_a_capture_is_no_refund(billing: Billing, ids: Ids, taken: int, refunded: int, kept: list[object]) -> None:
    await write(billing, Snapshot(intent(ours=ids.payment, status="requires_capture"), START + 1))
    told = charge(amount_captured=taken, amount_refunded=refunded)
    assert await write(billing, Snapshot(told, START + 5)) is Outcome.PROCESSED
    assert shown(await Payment.get(id=ids.payment), "status", "amount", "amount_refunded") == kept


@pytest.mark.parametrize(("taken", "refunded"), [(4900, 4901), (1000, 4901)])
async def test_more_given_back_than_came_in_is_refused_whole(billing: Billing, ids: Ids, taken: int, refunded: int) -> None:
    await write(billing, Snapshot(succeeded(ours=ids.payment), START + 1))
    before = values(await Payment.get(id=ids.payment))
    with pytest.raises(UnknownShape, match="`amount_refunded` is not at most what was charged"):
        await write(billing, Snapshot(charge(amount_captured=taken, amount_refunded=refunded), START + 5))
    assert values(await Payment.get(id=ids.payment)) == before


async def test_a_dispute_that_names_its_charge_alone_is_found_by_it(billing: Billing, ids: Ids, shelf: Shelf) -> None:
    """Versions before 2019 do not say the payment intent of a dispute or a refund."""
    shelf.put(succeeded(ours=ids.payment))
    shelf.put(charge())
    assert await write(billing, Snapshot(dispute(payment_intent=None), START + 40)) is Outcome.PROCESSED
    assert shown(await Payment.get(id=ids.payment), "status", "disputed") == ["DISPUTED", True]
    assert (await Dispute.get()).payment_id == ids.payment
    assert shelf.read == ["/v1/charges/ch_1", "/v1/payment_intents/pi_1"]
