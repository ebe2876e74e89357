"""What the filters of lists mean, as conditions on columns that an index serves."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from models import PAYABLE, CheckoutSession, Customer, Payment, Price, Refund, Subscription, WebhookEvent
from models.ids import Prefix, earliest_id, prefix_of
from models.record import Record
from models.selects import Comparison, Condition, Lookup, equal
from resolvers.context import Context
from resolvers.narrowing import Clause, Filter
from resolvers.permissions import is_staff

SAME_EMAIL = 5
"""Customers with one e-mail address whose payments a search shows, the newest."""

MAX_SEARCH = 320
"""Characters of a search text: as long as an e-mail address may be."""


def storable(text: str) -> bool:
    """Whether every database can hold the text at all: PostgreSQL takes no NUL and no lone surrogate."""
    return 0 < len(text) <= MAX_SEARCH and "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def one_of(column: str, values: list[str]) -> Clause:
    """One condition for each value."""
    return tuple(equal(column, str(value)) for value in dict.fromkeys(values))


def created(model: type[Record], span: dict[str, Any] | None) -> tuple[Condition, ...]:
    """From `since` on and before `until`: by id, which an index orders, and to the microsecond by the column."""
    conditions: list[Condition] = []
    since, until = (_utc((span or {}).get(name)) for name in ("since", "until"))
    if since is not None:
        conditions += [Condition("id", Comparison.FROM, earliest_id(model.prefix, since)), _moment(Comparison.FROM, since)]
    if until is not None:
        after = earliest_id(model.prefix, until + timedelta(milliseconds=1))
        conditions += [Condition("id", Comparison.BEFORE, after), _moment(Comparison.BEFORE, until)]
    return tuple(conditions)


def _moment(comparison: Comparison, at: datetime) -> Condition:
    return Condition("created_at", comparison, at, residual=True)


def _utc(value: datetime | None) -> datetime | None:
    return None if value is None else min(max(value.astimezone(UTC), datetime(1970, 1, 1, tzinfo=UTC)), datetime(9000, 1, 1, tzinfo=UTC))


def payments(context: Context, arguments: dict[str, Any]) -> Filter | None:
    """PaymentFilter; None when nothing can match."""
    given = arguments.get("filter") or {}
    clauses = _references(given, {"customerId": (Prefix.CUSTOMER, "customer_id"), "sellerId": (Prefix.SELLER, "seller_id")})
    if clauses is None or given.get("status") == []:
        return None
    clauses += [one_of("status", given["status"])] if given.get("status") else []
    clauses += [(equal("currency", given["currency"]),)] if given.get("currency") else []
    text = given.get("search")
    found = () if text is None else _search(text.strip(), is_staff(context.viewer))
    if text is not None and not found:
        return None
    return Filter((found,) if found else (), tuple(clauses), created(Payment, given.get("created")))


def subscriptions(_context: Context, arguments: dict[str, Any]) -> Filter | None:
    """SubscriptionFilter; None when nothing can match."""
    given = arguments.get("filter") or {}
    clauses = _references(given, {"customerId": (Prefix.CUSTOMER, "customer_id"), "planId": (Prefix.PLAN, "plan_id")})
    if clauses is None or given.get("status") == []:
        return None
    clauses += [one_of("status", given["status"])] if given.get("status") else []
    return Filter((), tuple(clauses), created(Subscription, given.get("created")))


def invoices(_context: Context, arguments: dict[str, Any]) -> Filter | None:
    """InvoiceFilter; None when nothing can match."""
    given = arguments.get("filter") or {}
    clauses = _references(given, {"customerId": (Prefix.CUSTOMER, "customer_id"), "sellerId": (Prefix.SELLER, "seller_id")})
    reference = given.get("reference")
    if clauses is None or given.get("status") == [] or (reference is not None and not storable(reference)):
        return None
    exact = ((equal("reference", reference),),) if reference is not None else ()
    clauses += [one_of("status", given["status"])] if given.get("status") else []
    clauses += [one_of("status", sorted(PAYABLE))] if given.get("overdue") else []
    clauses += [(equal("origin", str(given["origin"])),)] if given.get("origin") else []
    overdue = (Condition("due_at", Comparison.BEFORE, datetime.now(UTC), residual=True),) if given.get("overdue") else ()
    return Filter(exact, tuple(clauses), overdue)


def refund_requests(_context: Context, arguments: dict[str, Any]) -> Filter | None:
    """The statuses that are asked for; None when nothing can match."""
    status = arguments.get("status")
    return None if status == [] else Filter((), (one_of("status", status),) if status else ())


def customers(_context: Context, arguments: dict[str, Any]) -> Filter | None:
    """What a search names exactly: an id, ours or Stripe's, the host's own id, or an e-mail address; None when nothing can match."""
    text = (arguments.get("search") or "").strip()
    if arguments.get("search") is None:
        return Filter()
    if not storable(text):
        return None
    column = "id" if prefix_of(text) is Prefix.CUSTOMER else "stripe_customer_id" if text.startswith("cus_") else "external_id"
    found = (equal("email", text),) if "@" in text else (equal(column, text),)
    return Filter((found,))


def audit_log(_context: Context, arguments: dict[str, Any]) -> Filter | None:
    """The entries of one object, or all; None when nothing can match."""
    object_id = arguments.get("objectId")
    if object_id is None:
        return Filter()
    return Filter(((equal("object_id", object_id),),)) if storable(object_id) else None


def webhook_events(_context: Context, arguments: dict[str, Any]) -> Filter | None:
    """WebhookEventFilter; None when nothing can match."""
    given = arguments.get("filter") or {}
    if given.get("status") == [] or not storable(given.get("type") or "any"):
        return None
    clauses = [one_of("status", given["status"])] if given.get("status") else []
    clauses += [(equal("type", given["type"]),)] if given.get("type") else []
    return Filter((), tuple(clauses), created(WebhookEvent, given.get("received")))


def plans(context: Context, arguments: dict[str, Any]) -> Filter | None:
    """PlanFilter; whoever is not staff finds active plans only. None when nothing can match."""
    given = arguments.get("filter") or {}
    conditions: list[Condition] = []
    if given.get("active") is not None:
        if not given["active"] and not is_staff(context.viewer):
            return None
        conditions.append(Condition("active", Comparison.EQUAL, given["active"], residual=True))
    if given.get("currency"):
        conditions.append(Condition("id", Comparison.WITH, Lookup(Price, "plan_id", "currency", given["currency"])))
    clauses = _references(given, {"sellerId": (Prefix.SELLER, "seller_id")})
    if clauses is None:
        return None
    clauses += [(equal("kind", str(given["kind"])),)] if given.get("kind") else []
    return Filter((), tuple(clauses), tuple(conditions))


def prices(_context: Context, arguments: dict[str, Any]) -> tuple[Condition, ...]:
    """The currency and interval that a plan's prices are asked for."""
    named = {"currency": arguments.get("currency"), "interval": arguments.get("interval")}
    return tuple(Condition(column, Comparison.EQUAL, str(value), residual=True) for column, value in named.items() if value is not None)


def payment_by(_context: Context, arguments: dict[str, Any]) -> tuple[Condition, ...] | None:
    """PaymentBy: our id, or Stripe's of the payment intent or the checkout session; None when there can be none."""
    ((name, value),) = arguments["by"].items()
    if not storable(value):
        return None
    if name == "stripeSessionId":
        return (equal("id", Lookup(CheckoutSession, "payment_id", "stripe_session_id", value)),)
    return (equal("id" if name == "id" else "stripe_payment_intent_id", value),)


def by_id(_context: Context, arguments: dict[str, Any]) -> tuple[Condition, ...] | None:
    """The row with the id; None when there can be none."""
    return (equal("id", arguments["id"]),) if storable(arguments["id"]) else None


def by_customer(_context: Context, arguments: dict[str, Any]) -> tuple[Condition, ...] | None:
    """The customer with our id or the host's own; None when there can be none, or neither or both are named."""
    named = {"id": arguments.get("id"), "external_id": arguments.get("externalId")}
    given = {column: value for column, value in named.items() if value is not None}
    return (
        tuple(equal(column, value) for column, value in given.items()) if len(given) == 1 and all(map(storable, given.values())) else None
    )


def by_promotion_code(_context: Context, arguments: dict[str, Any]) -> tuple[Condition, ...] | None:
    """The promotion code that reads so, in any case; None when there can be none."""
    return (equal("code_key", arguments["code"].upper()),) if storable(arguments["code"]) else None


def by_code(_context: Context, arguments: dict[str, Any]) -> tuple[Condition, ...] | None:
    """The plan with the code; None when there can be none."""
    return (equal("code", arguments["code"]),) if storable(arguments["code"]) else None


def _references(given: dict[str, Any], columns: dict[str, tuple[Prefix, str]]) -> list[Clause] | None:
    clauses: list[Clause] = []
    for name, (prefix, column) in columns.items():
        if given.get(name) is None:
            continue
        if prefix_of(given[name]) is not prefix:
            return None
        clauses.append((equal(column, given[name]),))
    return clauses


def _search(text: str, staff: bool) -> Clause:
    if not storable(text):
        return ()
    if "@" in text:
        found = (Lookup(Customer, "id", "email", text, place) for place in range(SAME_EMAIL))
        return tuple(equal("customer_id", lookup) for lookup in found) if staff else ()
    prefix = prefix_of(text)
    if prefix is not None:
        return (OWN_IDS[prefix](text),) if prefix in OWN_IDS else ()
    make = STRIPE_IDS.get(text.partition("_")[0])
    return (make(text),) if make else ()


def _by(column: str) -> Callable[[str], Condition]:
    return lambda value: equal(column, value)


def _through(column: str, model: type[Record], pick: str, key: str) -> Callable[[str], Condition]:
    return lambda value: equal(column, Lookup(model, pick, key, value))


OWN_IDS: dict[Prefix, Callable[[str], Condition]] = {
    Prefix.PAYMENT: _by("id"),
    Prefix.CUSTOMER: _by("customer_id"),
    Prefix.SUBSCRIPTION: _by("subscription_id"),
    Prefix.PLAN: _by("plan_id"),
    Prefix.INVOICE: _by("invoice_id"),
    Prefix.REFUND: _through("id", Refund, "payment_id", "id"),
    Prefix.CHECKOUT_SESSION: _through("id", CheckoutSession, "payment_id", "id"),
}
"""What payments a search for one of our ids shows."""

STRIPE_IDS: dict[str, Callable[[str], Condition]] = {
    "pi": _by("stripe_payment_intent_id"),
    "ch": _by("stripe_charge_id"),
    "py": _by("stripe_charge_id"),
    "in": _by("stripe_invoice_id"),
    "cus": _through("customer_id", Customer, "id", "stripe_customer_id"),
    "sub": _through("subscription_id", Subscription, "id", "stripe_subscription_id"),
    "cs": _through("id", CheckoutSession, "payment_id", "stripe_session_id"),
    "re": _through("id", Refund, "payment_id", "stripe_refund_id"),
    "pyr": _through("id", Refund, "payment_id", "stripe_refund_id"),
}
"""What payments a search for one of Stripe's ids shows, by its prefix."""
