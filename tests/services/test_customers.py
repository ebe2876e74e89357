"""One Stripe customer per user, whatever races."""

import asyncio

import pytest

from models import Customer, Invoice
from models.database import transaction
from services import customers
from services.audit import Caller
from services.authentication import Role, Viewer
from services.billing import Billing
from services.errors import InvalidInput, StripeUnavailable
from services.invoices import InvoiceTerms, LineTerms, create_invoice
from services.payment_intents import PaymentIntentRequest, create_payment_intent
from services.purchases import Choice
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


def speaking(locale: str | None) -> Viewer:
    return Viewer("alice", "alice@example.test", frozenset({Role.CUSTOMER}), locale)


async def test_a_customer_is_written_to_as_their_newest_token_says(shop: Billing) -> None:
    row = await customers.row_of(speaking(None))
    assert row.locale is None
    assert (await customers.row_of(speaking("de-CH"))).locale == "de-CH"
    assert (await customers.row_of(speaking(None))).locale == "de-CH"
    assert (await customers.row_of(speaking("fr"))).locale == "fr"
    assert (await Customer.get()).locale == "fr"
    told = await shop.stripe.retrieve("customer", await customers.stripe_id_of(shop, row.id))
    assert told is not None
    assert told.object["preferred_locales"] == ["fr"]


async def test_who_pays_an_invoice_of_theirs_is_written_to_as_their_token_says(shop: Billing) -> None:
    lines = (LineTerms("Tuition", 60_000),)
    host = Caller(Viewer("backend", None, frozenset({Role.CUSTOMER, Role.SERVICE}), "en"), "request-9")
    made = await create_invoice(host, InvoiceTerms("alice", "USD", lines, locale="de_ch"), None)
    assert (await Customer.get()).locale == "de-CH"
    await create_invoice(host, InvoiceTerms("alice", "USD", lines, locale="es"), None)
    assert (await Customer.get()).locale == "de-CH"
    request = PaymentIntentRequest(Choice(invoice_id=made.object_id))
    await create_payment_intent(shop, Caller(speaking("fr"), "request-1"), request)
    assert (await Customer.get()).locale == "fr"


@pytest.mark.parametrize("locale", ["", "klingon", "de\0", "en-" + "x" * 33])
async def test_an_invoice_in_no_known_language_is_refused(shop: Billing, locale: str) -> None:
    with pytest.raises(InvalidInput, match="This locale is not known: give one such as en or de-CH") as caught:
        await create_invoice(ALICE, InvoiceTerms("alice", "USD", (LineTerms("Tuition", 60_000),), locale=locale), None)
    assert caught.value.field == ("locale",)
    assert (await Customer.all().count(), await Invoice.all().count()) == (0, 0)


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
