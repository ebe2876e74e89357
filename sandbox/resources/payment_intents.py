"""/v1/payment_intents: created with the secret key, confirmed with it or, as Stripe.js does, with the client secret."""

import hmac
from typing import Any, NotRequired, TypedDict

from stripe import params

from sandbox import payments
from sandbox.currencies import check_amount, currency
from sandbox.debits import KINDS
from sandbox.errors import InvalidParameters, Refusal, missing, parameter_missing, unexpected_state
from sandbox.pagination import Where, page
from sandbox.resources import payment_methods
from sandbox.resources.assignment import assign, exclusive, refuse_unsupported
from sandbox.routing import Call, Route
from sandbox.shapes import Json
from sandbox.transaction import Transaction

_FIELDS = (
    "description",
    "receipt_email",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "setup_future_usage",
    "transfer_group",
)
_UNSUPPORTED = ("transfer_data", "on_behalf_of", "application_fee_amount", "mandate", "confirmation_token")
_CANCELABLE = frozenset({"requires_payment_method", "requires_confirmation", "requires_action", "requires_capture", "processing"})
RETURN_URL = (
    "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of these payment methods might "
    "redirect your customer off of your page, you must provide a `return_url`. If you don't want to accept redirect-based payment methods, "
    "set `automatic_payment_methods[enabled]` to `true` and `automatic_payment_methods[allow_redirects]` to `never` when creating Setup "
    "Intents and Payment Intents."
)


class BrowserCard(TypedDict):
    """A card as Stripe.js sends it."""

    number: str
    exp_month: int
    exp_year: int
    cvc: NotRequired[str]
    token: NotRequired[str]


class BrowserMethod(TypedDict):
    """`payment_method_data` as Stripe.js sends it: unlike the documented parameter, with the card in it."""

    type: str
    card: BrowserCard
    billing_details: NotRequired[dict[str, Any]]
    guid: NotRequired[str]
    muid: NotRequired[str]
    sid: NotRequired[str]
    payment_user_agent: NotRequired[str]
    referrer: NotRequired[str]
    time_on_page: NotRequired[int]


BROWSER: dict[str, Any] = {"client_secret": str, "payment_method_data": BrowserMethod, "expected_payment_method_type": str}


def create(tx: Transaction, call: Call) -> Json:
    """Create a payment intent; with `confirm` charge it at once."""
    refuse_unsupported(call, *_UNSUPPORTED)
    code = currency(call.params["currency"])
    check_amount(call.params["amount"], code)
    if call.params.get("capture_method") == "manual":
        raise Refusal("The sandbox does not support `capture_method` manual; real Stripe does.", param="capture_method")
    known = assign({"metadata": {}}, call, *_FIELDS)
    if call.given("customer"):
        known["customer"] = tx.get("customer", call.given("customer"), "customer")["id"]
    known["automatic_payment_methods"] = automatic = _automatic(call)
    known["payment_method_types"] = ["card", *([KINDS[code]] if automatic and code in KINDS else [])]
    intent = payments.new_intent(tx, amount=call.params["amount"], currency=code, **known)
    if call.given("confirm"):
        return _confirm(tx, intent, call)
    method = _method(tx, intent, call)
    if method is None:
        return intent
    return tx.save(intent | {"payment_method": method["id"], "status": "requires_confirmation"})


def _automatic(call: Call) -> Json | None:
    given = call.given("automatic_payment_methods")
    if given is not None and not given["enabled"]:
        return None
    return {"enabled": True, "allow_redirects": (given or {}).get("allow_redirects", "always")}


def _method(tx: Transaction, intent: Json, call: Call) -> Json | None:
    exclusive(call, "payment_method", "payment_method_data")
    data = call.given("payment_method_data")
    if data is not None:
        return payment_methods.from_data(tx, data)
    if not call.given("payment_method"):
        return None
    method = payment_methods.resolve(tx, call.given("payment_method"))
    if method["customer"] is not None and method["customer"] != intent["customer"]:
        raise Refusal(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment or belongs to another "
            f"Customer. It may not be used with this PaymentIntent. (PaymentMethod: {method['id']})",
            param="payment_method",
        )
    return method


def retrieve(tx: Transaction, call: Call) -> Json:
    """Return a payment intent; with the publishable key its client secret is asked for."""
    return _open(tx, call)


def _open(tx: Transaction, call: Call) -> Json:
    intent = tx.get("payment_intent", call.id, "intent")
    secret = call.given("client_secret")
    if call.publishable and secret is None:
        raise parameter_missing("client_secret")
    if secret is not None and not hmac.compare_digest(str(secret).encode(), intent["client_secret"].encode()):
        raise missing("payment_intent", call.id, "intent")
    return intent


def update(tx: Transaction, call: Call) -> Json:
    """Change a payment intent that is not paid or canceled."""
    refuse_unsupported(call, *_UNSUPPORTED)
    intent = tx.get("payment_intent", call.id, "intent")
    _check_open(intent, call)
    if call.given("currency"):
        intent["currency"] = currency(call.given("currency"))
    if call.given("amount") is not None:
        intent["amount"] = call.given("amount")
    check_amount(intent["amount"], intent["currency"])
    if call.given("customer"):
        intent["customer"] = tx.get("customer", call.given("customer"), "customer")["id"]
    method = _method(tx, intent, call)
    if method is not None:
        intent |= {"payment_method": method["id"], "status": "requires_confirmation"}
    return tx.save(assign(intent, call, *_FIELDS))


def _check_open(intent: Json, call: Call) -> None:
    allowed = {"metadata", "description", "receipt_email"}
    if intent["status"] in {"succeeded", "canceled"} and not call.params.keys() <= allowed:
        raise unexpected_state(f"This PaymentIntent's amount could not be updated because it has a status of {intent['status']}.", intent)


def confirm(tx: Transaction, call: Call) -> Json:
    """Charge a payment intent's card."""
    return _confirm(tx, _open(tx, call), call)


def _confirm(tx: Transaction, intent: Json, call: Call) -> Json:
    if intent["status"] not in payments.CONFIRMABLE:
        already = "You cannot confirm this PaymentIntent because it has"
        reason = (
            "already succeeded after being previously confirmed." if intent["status"] == "succeeded" else f"a status of {intent['status']}."
        )
        raise unexpected_state(f"{already} {reason}", intent)
    method = _method(tx, intent, call) or tx.find("payment_method", intent["payment_method"])
    if method is None:
        raise unexpected_state(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the PaymentIntent with a "
            "payment method and then confirm it again, or confirm it again directly with a payment method or ConfirmationToken.",
            intent,
        )
    automatic = intent["automatic_payment_methods"]
    if automatic and automatic["allow_redirects"] == "always" and not call.given("return_url"):
        raise InvalidParameters(RETURN_URL, param="return_url")
    assign(intent, call, "receipt_email", "setup_future_usage", "shipping")
    attempted = payments.attempt(tx, intent, method, call.given("return_url"))
    if attempted["status"] == "requires_action" and call.given("error_on_requires_action"):
        raise Refusal(
            "This payment required an authentication action to complete.", code="authentication_required", status=402, kind="card_error"
        )
    return attempted


def cancel(tx: Transaction, call: Call) -> Json:
    """Cancel a payment intent that is not paid; emits payment_intent.canceled."""
    intent = tx.get("payment_intent", call.id, "intent")
    if intent["status"] not in _CANCELABLE:
        raise unexpected_state(
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. Only a PaymentIntent with one of the "
            "following statuses may be canceled: "
            "requires_payment_method, requires_capture, requires_confirmation, requires_action, processing.",
            intent,
        )
    intent |= {"status": "canceled", "canceled_at": tx.now, "next_action": None, "cancellation_reason": call.given("cancellation_reason")}
    return tx.save(intent, "payment_intent.canceled")


def listing(tx: Transaction, call: Call) -> Json:
    """List payment intents."""
    return page(tx, call, "payment_intent", "/v1/payment_intents", Where(), ("customer",))


ROUTES = [
    Route("POST", "/v1/payment_intents", create, params.PaymentIntentCreateParams),
    Route("GET", "/v1/payment_intents", listing, params.PaymentIntentListParams),
    Route("GET", "/v1/payment_intents/{id}", retrieve, params.PaymentIntentRetrieveParams, public=True, extra=BROWSER),
    Route("POST", "/v1/payment_intents/{id}", update, params.PaymentIntentUpdateParams),
    Route("POST", "/v1/payment_intents/{id}/confirm", confirm, params.PaymentIntentConfirmParams, public=True, extra=BROWSER),
    Route("POST", "/v1/payment_intents/{id}/cancel", cancel, params.PaymentIntentCancelParams),
]
