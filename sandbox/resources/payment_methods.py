"""/v1/payment_methods: cards, kept alone or with a customer."""

from typing import Any

import stripe
from stripe import params

from sandbox import cards, debits
from sandbox.cards import CardForm
from sandbox.errors import CardRefusal, Refusal, missing, parameter_missing
from sandbox.pagination import Where, page
from sandbox.resources.assignment import assign
from sandbox.routing import Call, Route
from sandbox.shapes import Json, nested
from sandbox.transaction import Transaction

# What Stripe.js sends with the publishable key beside the documented parameters.
BROWSER: dict[str, Any] = {"guid": str, "muid": str, "sid": str, "payment_user_agent": str, "referrer": str, "time_on_page": int}


def new_card(tx: Transaction, form: CardForm, billing: Json | None = None) -> Json:
    """Store a payment method for a card; raises CardRefusal for a wrong number, date or code."""
    checked = cards.check(form, tx.now)
    made = tx.new("payment_method", type="card", allow_redisplay="unspecified", card=cards.details(checked))
    made["billing_details"] = billing or billing_details({})
    made["metadata"] = {}
    return tx.add(made, **cards.stored(checked))


def billing_details(given: Json) -> Json:
    """Return a payment method's `billing_details` out of what was sent."""
    address = nested(stripe.PaymentMethod.BillingDetails.Address, **(given.get("address") or {}))
    known = {name: given.get(name) or None for name in ("email", "name", "phone", "tax_id")}
    return nested(stripe.PaymentMethod.BillingDetails, address=address, **known)


def test_card(number: str) -> CardForm:
    """Return the form of one of Stripe's test cards."""
    return CardForm(number, 12, 2055, "123")


def resolve(tx: Transaction, method_id: str, param: str = "payment_method") -> Json:
    """Return a payment method by its id; a test id (pm_card_visa) stands for a fresh card or bank account of its kind."""
    number = cards.TEST_METHODS.get(method_id)
    if number is not None:
        return new_card(tx, test_card(number))
    if method_id in debits.TEST_METHODS:
        return debits.new_account(tx, debits.BankForm(*debits.TEST_METHODS[method_id]), billing_details({}))
    return tx.get("payment_method", method_id, param)


def from_data(tx: Transaction, data: Json, param: str = "payment_method_data") -> Json:
    """Store the payment method that a `payment_method_data` hash (or a create call) describes."""
    if data.get("type", "card") != "card":
        raise Refusal(f"The sandbox takes cards only; the payment method type {data['type'][:40]} is not enabled.", param=f"{param}[type]")
    return new_card(tx, _form(data.get("card"), param), billing_details(data.get("billing_details") or {}))


def _form(card: Json | None, param: str) -> CardForm:
    if not card:
        raise parameter_missing(f"{param}[card]" if param else "card")
    if card.get("token"):
        return _token(card["token"])
    for name in ("number", "exp_month", "exp_year"):
        if name not in card:
            raise parameter_missing(f"{param}[card][{name}]" if param else f"card[{name}]")
    return CardForm(card["number"], card["exp_month"], card["exp_year"], card.get("cvc"))


def _token(token: str) -> CardForm:
    number = cards.TEST_METHODS.get(token.replace("tok_", "pm_card_", 1))
    if number is None:
        raise Refusal(f"No such token: '{token[:100]}'", code="resource_missing", param="card[token]")
    return test_card(number)


def attach(tx: Transaction, method: Json, customer: str) -> Json:
    """Keep a card with a customer; a card that is declined cannot be kept. Emits payment_method.attached."""
    if method["customer"] == customer:
        return method
    if method["customer"] is not None:
        raise Refusal("The payment method you provided has already been attached to a customer.", code="resource_already_exists")
    behaviour = tx.private(method["id"])
    if behaviour.get("code") and not behaviour["attachable"]:
        message = cards.MESSAGES[behaviour["decline_code"]]
        raise CardRefusal(message, code=behaviour["code"], decline_code=behaviour["decline_code"])
    return tx.save(method | {"customer": customer}, "payment_method.attached")


def create(tx: Transaction, call: Call) -> Json:
    """Create a payment method from a card."""
    return from_data(tx, call.params, "")


def retrieve(tx: Transaction, call: Call) -> Json:
    """Return a payment method."""
    return tx.get("payment_method", call.id, "payment_method")


def update(tx: Transaction, call: Call) -> Json:
    """Change billing details, expiry or metadata; emits payment_method.updated."""
    method = assign(tx.get("payment_method", call.id, "payment_method"), call, "allow_redisplay")
    method["billing_details"] |= call.given("billing_details") or {}
    dates = {name: value for name, value in (call.given("card") or {}).items() if name in {"exp_month", "exp_year"}}
    method["card"] |= dates
    return tx.save(method, "payment_method.updated")


def attach_call(tx: Transaction, call: Call) -> Json:
    """Attach a payment method to a customer."""
    if not call.given("customer"):
        raise parameter_missing("customer")
    customer = tx.get("customer", call.given("customer"), "customer")
    return attach(tx, resolve(tx, call.id), customer["id"])


def detach(tx: Transaction, call: Call) -> Json:
    """Take a payment method from its customer: it is no default any more, of theirs or a subscription's. Emits payment_method.detached."""
    method = tx.get("payment_method", call.id, "payment_method")
    if method["customer"] is None:
        raise Refusal(
            "The payment method you provided is not attached to a customer so detachment is impossible.",
        )
    customer = tx.get("customer", method["customer"])
    if customer["invoice_settings"]["default_payment_method"] == method["id"]:
        customer["invoice_settings"]["default_payment_method"] = None
        tx.save(customer, "customer.updated")
    for subscription in tx.of_customer("subscription", customer["id"]):
        if subscription["default_payment_method"] == method["id"]:
            tx.save(subscription | {"default_payment_method": None}, "customer.subscription.updated")
    return tx.save(method | {"customer": None}, "payment_method.detached")


def listing(tx: Transaction, call: Call) -> Json:
    """List payment methods, of a customer where one is named."""
    where = Where()
    customer = call.given("customer") or call.path.get("id")
    if customer is not None:
        tx.get("customer", customer, "customer")
        where.add("customer = ?", customer)
    return page(tx, call, "payment_method", "/v1/payment_methods", where, ("type",))


def of_customer(tx: Transaction, call: Call) -> Json:
    """Return one payment method of a customer."""
    method = tx.get("payment_method", call.path["method"], "payment_method")
    if method["customer"] != call.id:
        raise missing("payment_method", method["id"], "payment_method")
    return method


ROUTES = [
    Route("POST", "/v1/payment_methods", create, params.PaymentMethodCreateParams, public=True, extra=BROWSER),
    Route("GET", "/v1/payment_methods", listing, params.PaymentMethodListParams),
    Route("GET", "/v1/payment_methods/{id}", retrieve, params.PaymentMethodRetrieveParams),
    Route("POST", "/v1/payment_methods/{id}", update, params.PaymentMethodUpdateParams),
    Route("POST", "/v1/payment_methods/{id}/attach", attach_call, params.PaymentMethodAttachParams),
    Route("POST", "/v1/payment_methods/{id}/detach", detach, params.PaymentMethodDetachParams),
    Route("GET", "/v1/customers/{id}/payment_methods", listing, params.CustomerPaymentMethodListParams),
    Route("GET", "/v1/customers/{id}/payment_methods/{method}", of_customer, params.CustomerPaymentMethodRetrieveParams),
]
