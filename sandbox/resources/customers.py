"""/v1/customers."""

import stripe
from stripe import params

from sandbox.errors import missing
from sandbox.invoicing import new_prefix
from sandbox.pagination import Where, page
from sandbox.resources.assignment import assign, refuse_unsupported
from sandbox.resources.payment_methods import attach, resolve
from sandbox.routing import Call, Route
from sandbox.shapes import Json, nested
from sandbox.subscribing import ENDED, cancel
from sandbox.transaction import Transaction

_FIELDS = ("name", "email", "phone", "description", "balance", "preferred_locales", "tax_exempt", "individual_name", "business_name")
_UNSUPPORTED = ("source", "tax_id_data", "cash_balance", "tax")


def new_customer(tx: Transaction, **known: object) -> Json:
    """Store a customer; emits customer.created."""
    made = tx.new("customer", balance=0, delinquent=False, invoice_prefix=new_prefix(), next_invoice_sequence=1)
    made |= {"metadata": {}, "preferred_locales": [], "tax_exempt": "none"}
    made["invoice_settings"] = nested(stripe.Customer.InvoiceSettings)
    return tx.add(made | known, event="customer.created")


def create(tx: Transaction, call: Call) -> Json:
    """Create a customer."""
    refuse_unsupported(call, *_UNSUPPORTED)
    blank: Json = {"metadata": {}}
    if call.given("test_clock"):
        blank["test_clock"] = tx.get("test_helpers.test_clock", call.given("test_clock"), "test_clock")["id"]
    made = new_customer(tx, **_address(assign(blank, call, *_FIELDS), call))
    if call.given("payment_method"):
        attach(tx, resolve(tx, call.given("payment_method")), made["id"])
    if call.given("invoice_settings"):
        made = tx.save(_settings(tx, made, call))
    return made


def retrieve(tx: Transaction, call: Call) -> Json:
    """Return a customer; of a deleted one only its id and that it was deleted."""
    return tx.remains("customer", call.id) or tx.get("customer", call.id)


def update(tx: Transaction, call: Call) -> Json:
    """Change a customer; emits customer.updated."""
    refuse_unsupported(call, *_UNSUPPORTED)
    customer = tx.get("customer", call.id)
    changed = _settings(tx, _address(assign(dict(customer), call, *_FIELDS), call), call)
    return customer if changed == customer else tx.save(changed, "customer.updated")


def delete(tx: Transaction, call: Call) -> Json:
    """Delete a customer and end what they subscribe to; emits customer.deleted."""
    customer = tx.get("customer", call.id)
    for subscription in tx.of_customer("subscription", customer["id"]):
        if subscription["status"] not in ENDED:
            cancel(tx, subscription)
    return tx.remove(customer, "customer.deleted")


def listing(tx: Transaction, call: Call) -> Json:
    """List customers."""
    return page(tx, call, "customer", "/v1/customers", Where(), ("email",))


def _address(target: Json, call: Call) -> Json:
    if "address" in call.params:
        given = call.given("address")
        target["address"] = nested(stripe.Customer.Address, **given) if given else None
    if "shipping" in call.params:
        given = call.given("shipping")
        target["shipping"] = None if not given else _shipping(given)
    return target


def _shipping(given: Json) -> Json:
    address = nested(stripe.Customer.Shipping.Address, **given["address"])
    return nested(stripe.Customer.Shipping, name=given["name"], phone=given.get("phone"), address=address)


def _settings(tx: Transaction, customer: Json, call: Call) -> Json:
    given = call.given("invoice_settings")
    if not given:
        return customer
    method = given.get("default_payment_method")
    if method:
        found = tx.get("payment_method", method, "invoice_settings[default_payment_method]")
        if found["customer"] != customer["id"]:
            raise missing("payment_method", method, "invoice_settings[default_payment_method]")
    known = {name: value or None for name, value in given.items() if name in {"default_payment_method", "footer", "custom_fields"}}
    customer["invoice_settings"] = customer["invoice_settings"] | known
    return customer


ROUTES = [
    Route("POST", "/v1/customers", create, params.CustomerCreateParams),
    Route("GET", "/v1/customers", listing, params.CustomerListParams),
    Route("GET", "/v1/customers/{id}", retrieve, params.CustomerRetrieveParams),
    Route("POST", "/v1/customers/{id}", update, params.CustomerUpdateParams),
    Route("DELETE", "/v1/customers/{id}", delete, params.CustomerDeleteParams),
]
