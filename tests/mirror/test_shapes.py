"""Fields that moved, in their old and new places; and fields that are missing."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services import stripe_fields as fields
from services import stripe_shapes as shapes
from services.stripe_fields import UnknownShape
from services.stripe_shapes import Failure, Item, Method, Settlement
from tests.mirror import objects
from tests.mirror.objects import MONTH, START

CARD = Method("card", "visa", "4242", 4, 2031, None)
BEGINS, ENDS = datetime.fromtimestamp(START, UTC), datetime.fromtimestamp(START + MONTH, UTC)


def test_periods_of_a_subscription() -> None:
    old = {"current_period_start": START, "current_period_end": START + MONTH, "items": {"data": [{"price": "price_1"}]}}
    assert shapes.period(objects.subscription()) == shapes.period(old) == (BEGINS, ENDS)
    later = {"current_period_start": START, "current_period_end": START + 12 * MONTH}
    both = objects.subscription()
    both["items"]["data"].insert(0, later)
    assert shapes.period(both) == (BEGINS, ENDS)
    with pytest.raises(UnknownShape, match="`current_period_start` is not a whole number"):
        shapes.period({"object": "subscription", "id": "sub_1"})


def test_what_is_subscribed_to() -> None:
    assert shapes.items(objects.subscription(quantity=3)) == [Item("price_month", {}, 3)]
    assert shapes.items({"items": {"data": [{"plan": {"id": "gold"}, "quantity": 2}]}}) == [Item("gold", {}, 2)]
    assert shapes.items({"plan": {"id": "gold", "metadata": {"a": "b"}}, "quantity": 2}) == [Item("gold", {"a": "b"}, 2)]
    assert shapes.items({"items": {"data": [{"price": "price_1"}]}}) == [Item("price_1", {}, 1)]
    assert shapes.items({}) == []


def test_when_a_subscription_ends() -> None:
    assert shapes.ends_at(objects.subscription()) is None
    assert shapes.ends_at(objects.subscription(cancel_at=START + MONTH)) == ENDS
    assert shapes.ends_at(objects.subscription(cancel_at_period_end=True)) == ENDS


def test_the_subscription_of_an_invoice() -> None:
    assert shapes.invoice_subscription(objects.invoice()) == "sub_1"
    assert shapes.invoice_subscription({"subscription": "sub_1"}) == "sub_1"
    assert shapes.invoice_subscription({"subscription": {"id": "sub_1"}}) == "sub_1"
    assert shapes.invoice_subscription({"parent": None, "subscription": None}) is None


def test_what_pays_an_invoice() -> None:
    assert shapes.settlement(objects.invoice()) == Settlement("pi_1", None)
    assert shapes.settlement({"payment_intent": "pi_1", "charge": {"id": "ch_1"}}) == Settlement("pi_1", "ch_1")
    assert shapes.settlement({"payment_intent": None, "charge": None}) == Settlement()
    assert shapes.settlement({"payments": {"data": []}}) == Settlement()
    assert shapes.settlement({"id": "in_1"}) is None
    rows = [
        {"is_default": True, "status": "canceled", "payment": {"payment_intent": "pi_1"}},
        {"is_default": False, "status": "paid", "payment": {"charge": "ch_2"}},
    ]
    assert shapes.settlement({"payments": {"data": rows}}) == Settlement(None, "ch_2")


def test_the_line_of_an_invoice() -> None:
    assert shapes.invoice_item(objects.invoice()) == Item("price_month", {}, 1)
    prorated = {"price": {"id": "price_old"}, "quantity": 1, "proration": True}
    whole = {"plan": {"id": "gold"}, "quantity": 4, "proration": False}
    assert shapes.invoice_item({"lines": {"data": [whole, prorated]}}) == Item("gold", {}, 4)
    assert shapes.invoice_item({"lines": {"data": [prorated, {"amount": 5}]}}) == Item("price_old", {}, 1)
    assert shapes.invoice_item({"lines": {"data": []}}) is None


def test_when_an_invoice_was_paid() -> None:
    assert shapes.paid_at(objects.invoice()) == datetime.fromtimestamp(START + 6, UTC)
    assert shapes.paid_at({"created": START}) == BEGINS


def test_the_charge_of_a_payment_intent() -> None:
    charge = objects.charge()
    assert shapes.latest_charge({"latest_charge": charge}) is charge
    assert shapes.latest_charge({"latest_charge": "ch_1"}) is None
    older = objects.charge(id="ch_0", created=START)
    assert shapes.latest_charge({"charges": {"data": [older, charge]}}) is charge
    assert shapes.latest_charge({"charges": {"data": []}}) is None


def test_how_a_payment_was_paid() -> None:
    assert shapes.method_of_charge(objects.charge()) == CARD
    card = {"object": "card", "brand": "Visa", "last4": "4242", "exp_month": 4, "exp_year": 2031}
    assert shapes.method_of_charge({"source": card}) == CARD._replace(brand="Visa")
    sepa = {"type": "sepa_debit", "sepa_debit": {"last4": "3000", "bank_name": None}}
    assert shapes.method_of_charge({"payment_method_details": sepa}) == Method("sepa_debit", None, "3000")
    wallet = {"type": "card", "card": objects.CARD | {"wallet": {"type": "apple_pay"}}}
    assert shapes.method_of_charge({"payment_method_details": wallet}).wallet == "apple_pay"
    assert shapes.method_of_charge({}) == Method()
    assert shapes.method_of_intent(objects.declined()) == CARD._replace(last4="9995")
    assert shapes.method_of_intent(objects.intent(payment_method="pm_1")) == Method()


def test_why_a_payment_failed() -> None:
    assert shapes.failure_of_intent(objects.declined()) == Failure(
        "card_declined", "insufficient_funds", "Your card has insufficient funds."
    )
    assert shapes.failure_of_intent(objects.intent()) == Failure()


def test_what_a_charge_took_and_gave_back() -> None:
    assert shapes.captured({"amount": 500}) == 500
    assert shapes.captured({"amount": 500, "amount_captured": 400}) == 400
    assert shapes.refunds({"refunds": {"data": [{"id": "re_1"}]}}) == [{"id": "re_1"}]
    assert shapes.refunds({}) == shapes.refunds({"refunds": None}) == []


@pytest.mark.parametrize("value", [None, "1", 1.0, True, -1, 2**53, []])
def test_a_whole_number_is_nothing_else(value: Any) -> None:
    with pytest.raises(UnknownShape, match="charge ch_1: `amount` is not a whole number"):
        fields.integer({"object": "charge", "id": "ch_1", "amount": value}, "amount")


@pytest.mark.parametrize("value", [1, [], {}, "a\x00b", "\ud800"])
def test_a_string_is_nothing_else(value: Any) -> None:
    with pytest.raises(UnknownShape, match="object without id: `name` is not a string"):
        fields.optional_text({"name": value}, "name")


@pytest.mark.parametrize("value", [None, "us", "usdx", "12a", "€€€"])
def test_a_currency_is_nothing_else(value: Any) -> None:
    with pytest.raises(UnknownShape):
        fields.currency({"currency": value})


def test_seconds_are_utc() -> None:
    assert fields.moment({"at": 0}, "at") == datetime(1970, 1, 1, tzinfo=UTC)
    assert fields.optional_moment({}, "at") is None
    with pytest.raises(UnknownShape, match="a time before the year 10000"):
        fields.moment({"at": 253_402_300_800}, "at")


def test_references_are_ids_or_whole_objects() -> None:
    assert [fields.reference({"customer": value}, "customer") for value in ("cus_1", {"id": "cus_1"}, None)] == ["cus_1", "cus_1", None]
    with pytest.raises(UnknownShape):
        fields.reference({"customer": {"id": None}}, "customer")
    with pytest.raises(UnknownShape):
        fields.reference({"customer": 7}, "customer")


def test_metadata_is_of_strings() -> None:
    assert fields.metadata({}) == fields.metadata({"metadata": None}) == {}
    assert fields.metadata({"metadata": {"a": "b"}}) == {"a": "b"}
    with pytest.raises(UnknownShape):
        fields.metadata({"metadata": {"a": 1}})


@pytest.mark.parametrize("place", ["source", None])
def test_discounts_that_are_over(place: str | None) -> None:
    """What is used once, or ends, is over for the next invoice; its lines say what it takes off, prorations apart."""

    def discount(name: str, duration: str, end: int | None = None) -> dict[str, Any]:
        coupon = {"coupon": {"id": "half", "duration": duration}}
        return {"id": name, "object": "discount", "end": end, **({place: coupon} if place else coupon)}

    def line(amount: int, name: str, *, proration: bool = False) -> dict[str, Any]:
        details = {"subscription_item_details": {"proration": proration}}
        return {"id": "il_1", "amount": amount, "parent": details, "discount_amounts": [{"amount": amount // 2, "discount": name}]}

    held = [discount("once", "once"), discount("ends", "repeating", START + 9), discount("goes_on", "repeating", START + 11)]
    held.append(discount("for_ever", "forever"))
    lines = [line(2, "once"), line(20, "ends"), line(200, "goes_on"), line(2_000, "for_ever"), line(20_000, "once", proration=True)]
    invoice = {"id": "in_1", "object": "invoice", "discounts": held, "lines": {"data": lines}}
    assert shapes.discount_over(invoice, datetime.fromtimestamp(START + 10, UTC)) == 11
