"""Our ids in metadata that somebody copied to objects of others; what is really ours is found all the same."""

from typing import Any

import pytest

from models import CheckoutSession, Customer, Payment, Price, Refund, Subscription
from services.billing import Billing
from services.mirror import Outcome, write
from services.snapshot import Snapshot
from tests.mirror.catalogue import IDS, Ids
from tests.mirror.objects import START, charge, customer, intent, refund, session, subscription, succeeded
from tests.mirror.rows import shown, values
from tests.mirror.shelf import Shelf


def at(thing: dict[str, Any], second: int) -> Snapshot:
    return Snapshot(thing, START + second)


@pytest.fixture
async def other(billing: Billing, ids: Ids) -> Customer:
    return await Customer.create(external_id="bob", stripe_customer_id="cus_bob")


@pytest.mark.parametrize("owner", ["cus_bob", "cus_stranger"])
async def test_a_payment_of_another_customer_does_not_take_ours(
    billing: Billing, ids: Ids, shelf: Shelf, other: Customer, owner: str
) -> None:
    shelf.put(customer(id="cus_stranger"))
    before = values(await Payment.get(id=ids.payment))
    copied = succeeded(id="pi_copy", ours=ids.payment, customer=owner, amount=1)
    for thing in (copied, charge(id="ch_copy", customer=owner, payment_intent="pi_copy", metadata={"billgraph_id": ids.payment})):
        assert await write(billing, at(thing, 5)) is Outcome.IGNORED
    assert values(await Payment.get(id=ids.payment)) == before
    assert await write(billing, at(succeeded(ours=ids.payment), 4)) is Outcome.PROCESSED
    assert shown(await Payment.get(id=ids.payment), "status", "amount", "stripe_payment_intent_id") == ["SUCCEEDED", 4900, "pi_1"]


@pytest.mark.parametrize(
    "left", [None, {"deleted": True}, {"metadata": {"billgraph_id": IDS.customer}}], ids=["missing", "deleted", "ours again"]
)
async def test_a_payment_whose_customer_was_deleted_counts_all_the_same(
    billing: Billing, ids: Ids, shelf: Shelf, left: dict[str, Any] | None
) -> None:
    await Customer.filter(id=ids.customer).update(stripe_customer_id="cus_new")
    if left is not None:
        shelf.put(customer(id="cus_old") | left)
    assert await write(billing, at(succeeded(ours=ids.payment, customer="cus_old"), 5)) is Outcome.PROCESSED
    assert (await Payment.get(id=ids.payment)).status == "SUCCEEDED"


async def test_a_subscription_of_another_customer_is_theirs(billing: Billing, ids: Ids, shelf: Shelf, other: Customer) -> None:
    shelf.put(customer(id="cus_stranger"))
    copied = {"billgraph_customer": ids.customer}
    assert await write(billing, at(subscription(id="sub_x", customer="cus_stranger", metadata=copied), 1)) is Outcome.IGNORED
    assert await write(billing, at(subscription(customer="cus_bob", metadata=copied), 1)) is Outcome.PROCESSED
    assert [row.customer_id for row in await Subscription.all()] == [other.id]


async def test_a_session_of_another_customer_is_not_the_one_begun_here(billing: Billing, ids: Ids, shelf: Shelf, other: Customer) -> None:
    before = values(await CheckoutSession.get(id=ids.bought))
    assert await write(billing, at(session(id="cs_x", ours=ids.bought, customer="cus_bob", status="expired"), 1)) is Outcome.IGNORED
    assert values(await CheckoutSession.get(id=ids.bought)) == before


async def test_a_refund_of_another_payment_does_not_take_the_pending_one(billing: Billing, ids: Ids, other: Customer, shelf: Shelf) -> None:
    await write(billing, at(succeeded(ours=ids.payment, latest_charge=charge()), 5))
    await Refund.create(id=ids.refund, payment_id=ids.payment, customer_id=ids.customer, amount=1000, currency="USD")
    paid: dict[str, Any] = {"status": "SUCCEEDED", "amount": 900, "currency": "USD", "stripe_payment_intent_id": "pi_bob"}
    theirs = await Payment.create(customer_id=other.id, stripe_charge_id="ch_bob", **paid)
    copied = refund(id="re_bob", ours=ids.refund, amount=900, payment_intent="pi_bob", charge="ch_bob")
    assert await write(billing, at(copied, 50)) is Outcome.PROCESSED
    assert shown(await Refund.get(id=ids.refund), "status", "amount", "stripe_refund_id") == ["PENDING", 1000, None]
    assert shown(await Refund.get(stripe_refund_id="re_bob"), "payment_id", "amount") == [theirs.id, 900]

    shelf.put(intent(id="pi_x", customer=None))
    foreign = refund(id="re_x", ours=ids.refund, payment_intent="pi_x", charge="ch_x")
    assert await write(billing, at(foreign, 51)) is Outcome.IGNORED
    assert await Refund.all().count() == 2


async def test_a_price_that_carries_our_id_is_ours_only_while_we_know_no_other(billing: Billing, ids: Ids) -> None:
    bought = subscription(id="sub_cheap")
    bought["items"]["data"][0]["price"] = {"id": "price_cheap", "object": "price", "metadata": {"billgraph_id": ids.year}}
    await write(billing, at(bought, 1))
    assert shown(await Subscription.get(), "plan_id", "price_id") == [None, None]
    await Price.filter(id=ids.year).update(stripe_price_id=None)
    await write(billing, at(bought, 2))
    assert shown(await Subscription.get(), "plan_id", "price_id") == [ids.monthly, ids.year]
