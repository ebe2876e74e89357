"""/v1/checkout/sessions."""

from stripe.params import checkout as params

from sandbox import completion, discounting
from sandbox.debits import KINDS
from sandbox.errors import Refusal, missing
from sandbox.pagination import Where, page
from sandbox.resources import line_items
from sandbox.resources.assignment import assign, merged, refuse_unsupported
from sandbox.resources.checkout_rules import check
from sandbox.routing import Call, Route
from sandbox.shapes import Json
from sandbox.transaction import Transaction

DAY = 24 * 60 * 60
_FIELDS = (
    "allow_promotion_codes", "allowed_payment_method_types", "excluded_payment_method_types", "billing_address_collection", "cancel_url",
    "client_reference_id", "customer_email", "locale", "origin_context", "redirect_on_completion", "return_url", "submit_type",
    "success_url", "payment_method_collection", "integration_identifier",
)  # fmt: skip
_UNSUPPORTED = (
    "shipping_options", "shipping_address_collection", "optional_items", "custom_fields", "invoice_creation",
    "setup_intent_data", "tax_id_collection", "consent_collection", "after_expiration", "customer_account",
    "payment_method_data", "name_collection",
)  # fmt: skip


def create(tx: Transaction, call: Call) -> Json:
    """Open a session for a payment or a subscription; its `url` is the sandbox's checkout page."""
    refuse_unsupported(call, *_UNSUPPORTED)
    check(tx, call)
    session = assign(tx.new("checkout.session", metadata={}, status="open", payment_status="unpaid"), call, *_FIELDS)
    session["mode"] = call.params["mode"]
    session["ui_mode"] = call.given("ui_mode") or "hosted_page"
    session["expires_at"] = call.given("expires_at") or tx.now + DAY
    items = line_items.build(tx, call)
    session |= _customer(tx, session, call)
    discount = discounting.asked(tx, call)
    if discount is not None:
        discounting.check(tx, discount, session["customer"], items)
        items = discounting.priced(tx, items, discount.coupon)
    session["discounts"] = [discount.shown()] if discount else []
    session |= line_items.totals(items)
    if discount is not None and session["mode"] == "payment":
        discounting.check_total(session["amount_total"], session["currency"])
    session["payment_method_types"] = ["card", *([KINDS[session["currency"]]] if _takes_debits(session) else [])]
    session |= _presentation(session)
    session["url"] = f"{tx.configuration.public_url}/checkout/{session['id']}" if session["ui_mode"] == "hosted_page" else None
    if session["ui_mode"] != "hosted_page":
        session["client_secret"] = f"{session['id']}_secret_sandbox"
    tx.add(session, payment_intent_data=_data(call, "payment_intent_data"), subscription_data=_data(call, "subscription_data"))
    for item in items:
        tx.add(item, parent=session["id"])
    tx.schedule(session["id"], session["expires_at"])
    return session


def _takes_debits(session: Json) -> bool:
    return session["mode"] == "payment" and session["currency"] in KINDS


def _data(call: Call, name: str) -> Json:
    data = dict(call.given(name) or {})
    if data:
        data["metadata"] = merged({}, data.get("metadata"))
    return data


def _presentation(session: Json) -> Json:
    hosted = session["ui_mode"] == "hosted_page"
    return {
        "custom_text": {"after_submit": None, "shipping_address": None, "submit": None, "terms_of_service_acceptance": None},
        "adaptive_pricing": {"enabled": False},
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "phone_number_collection": {"enabled": False},
        "payment_method_collection": session["payment_method_collection"]
        or ("always" if session["mode"] == "subscription" else "if_required"),
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "redirect_on_completion": None if hosted else session["redirect_on_completion"] or "always",
    }


def _customer(tx: Transaction, session: Json, call: Call) -> Json:
    given = call.given("customer")
    if given:
        customer = tx.get("customer", given, "customer")
        return {"customer": given, "customer_details": completion.customer_details(None, None, customer), "customer_creation": None}
    creation = "always" if session["mode"] == "subscription" else call.given("customer_creation") or "if_required"
    email = session["customer_email"]
    return {"customer_creation": creation, "customer_details": completion.customer_details(email, None, None) if email else None}


def retrieve(tx: Transaction, call: Call) -> Json:
    """Return a session; one past its time expires first."""
    session = tx.get("checkout.session", call.id, "session")
    return fresh(tx, session)


def fresh(tx: Transaction, session: Json) -> Json:
    """Return the session, expired if its time has come."""
    if session["status"] == "open" and session["expires_at"] <= tx.now:
        return completion.expire(tx, session)
    return session


def update(tx: Transaction, call: Call) -> Json:
    """Change a session's metadata."""
    refuse_unsupported(call, "collected_information", "shipping_options", "line_items")
    return tx.save(assign(tx.get("checkout.session", call.id, "session"), call))


def expire(tx: Transaction, call: Call) -> Json:
    """Expire an open session; emits checkout.session.expired."""
    session = fresh(tx, tx.get("checkout.session", call.id, "session"))
    if session["status"] != "open":
        raise Refusal(
            f'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of {session["status"]}.'
        )
    return completion.expire(tx, session)


def listing(tx: Transaction, call: Call) -> Json:
    """List sessions."""
    where = Where()
    details = call.given("customer_details")
    if details:
        where.add("json_extract(body, '$.customer_details.email') = ?", details.get("email"))
    names = ("customer", "payment_intent", "status", "subscription", "payment_link")
    answer = page(tx, call, "checkout.session", "/v1/checkout/sessions", where, names)
    answer["data"] = [fresh(tx, session) for session in answer["data"]]
    return answer


def list_items(tx: Transaction, call: Call) -> Json:
    """List a session's line items."""
    if tx.find("checkout.session", call.id) is None:
        raise missing("checkout.session", call.id, "session")
    where = Where()
    where.add("parent = ?", call.id)
    answer = page(tx, call, "item", f"/v1/checkout/sessions/{call.id}/line_items", where)
    return answer | {"data": answer["data"][::-1]}


ROUTES = [
    Route("POST", "/v1/checkout/sessions", create, params.SessionCreateParams),
    Route("GET", "/v1/checkout/sessions", listing, params.SessionListParams),
    Route("GET", "/v1/checkout/sessions/{id}", retrieve, params.SessionRetrieveParams),
    Route("POST", "/v1/checkout/sessions/{id}", update, params.SessionUpdateParams),
    Route("POST", "/v1/checkout/sessions/{id}/expire", expire, params.SessionExpireParams),
    Route("GET", "/v1/checkout/sessions/{id}/line_items", list_items, params.SessionLineItemListParams),
]
