"""One Stripe customer per user, whatever races."""

import asyncio

import pytest

from models import Customer
from models.database import transaction
from services import customers
from services.authentication import Role, Viewer
from services.billing import Billing
from services.errors import StripeUnavailable
from services.payment_intents import create_payment_intent
from tests.services.between import Between, afterwards
from tests.services.shop import ALICE, BOB, course, listed


async def test_fifty_first_purchases_at_once_make_one_customer(shop: Billing, stripe: Between) -> None:
    made = await asyncio.gather(*(create_payment_intent(shop, ALICE, course(metadata={"try": str(number)})) for number in range(50)))
    assert len({done.object_id for done in made}) == 50
    assert all(done.extra for done in made)
    row = await Customer.get()
    intents = await listed(shop, "payment_intent", customer=row.stripe_customer_id)
    assert sorted(intent["metadata"]["billgraph_id"] for intent in intents) == sorted(done.object_id for done in made)
    assert [found["id"] for found in await listed(shop, "customer") if found["metadata"].get("billgraph_id") == row.id] == [
        row.stripe_customer_id
    ]


async def test_what_stripe_is_told_of_a_customer(shop: Billing, stripe: Between) -> None:
    async with transaction():
        row = await customers.row_of(ALICE.viewer)
        assert (await customers.row_of(ALICE.viewer)).id == row.id
    stripe_id = await customers.stripe_id_of(shop, row.id)
    assert await customers.stripe_id_of(shop, row.id) == stripe_id
    assert stripe.keys("/customers") == [f"customer-{row.id}"]
    told = await shop.stripe.retrieve("customer", stripe_id)
    assert told is not None
    assert told.object["email"] == "alice@example.test"
    assert told.object["metadata"] == {"billgraph_id": row.id, "billgraph_external_id": "alice"}


@pytest.mark.parametrize("email", [None, "nobody", "a@b", "a b@example.test", "@example.test"])
async def test_an_address_that_stripe_would_refuse_is_not_sent(shop: Billing, email: str | None) -> None:
    row = await customers.row_of(Viewer("odd", email, frozenset({Role.CUSTOMER})))
    told = await shop.stripe.retrieve("customer", await customers.stripe_id_of(shop, row.id))
    assert told is not None
    assert told.object["email"] is None


async def test_a_lost_answer_does_not_make_a_second_customer(shop: Billing, stripe: Between) -> None:
    row = await customers.row_of(BOB.viewer)
    stripe.faults = [("/customers", afterwards(502))]
    stripe_id = await customers.stripe_id_of(shop, row.id)
    assert stripe.keys("/customers") == [f"customer-{row.id}"] * 2
    assert [found["id"] for found in await listed(shop, "customer") if found["metadata"].get("billgraph_id") == row.id] == [stripe_id]


async def test_stripe_down_leaves_the_row_without_a_customer(shop: Billing, stripe: Between) -> None:
    row = await customers.row_of(BOB.viewer)
    stripe.faults = [("/customers", afterwards(500))] * 4
    with pytest.raises(StripeUnavailable):
        await customers.stripe_id_of(shop, row.id)
    assert (await Customer.get(id=row.id)).stripe_customer_id is None
    assert await customers.stripe_id_of(shop, row.id)
