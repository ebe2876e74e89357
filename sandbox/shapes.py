"""The fields of every resource, read from the installed SDK's classes, so that objects come in the pinned version's shape."""

import functools
import inspect
import types
import typing
from decimal import Decimal
from typing import Any, get_args, get_origin

import stripe
from stripe import ListObject, StripeObject
from stripe._api_version import _ApiVersion

Json = dict[str, Any]

API_VERSION: str = _ApiVersion.CURRENT

CLASSES: dict[str, type[StripeObject]] = {
    "account": stripe.Account,
    "balance_transaction": stripe.BalanceTransaction,
    "billing_portal.configuration": stripe.billing_portal.Configuration,
    "billing_portal.session": stripe.billing_portal.Session,
    "charge": stripe.Charge,
    "checkout.session": stripe.checkout.Session,
    "coupon": stripe.Coupon,
    "customer": stripe.Customer,
    "discount": stripe.Discount,
    "dispute": stripe.Dispute,
    "event": stripe.Event,
    "invoice": stripe.Invoice,
    "invoice_payment": stripe.InvoicePayment,
    "invoiceitem": stripe.InvoiceItem,
    "item": stripe.LineItem,
    "line_item": stripe.InvoiceLineItem,
    "payment_intent": stripe.PaymentIntent,
    "payment_method": stripe.PaymentMethod,
    "plan": stripe.Plan,
    "price": stripe.Price,
    "product": stripe.Product,
    "promotion_code": stripe.PromotionCode,
    "radar.early_fraud_warning": stripe.radar.EarlyFraudWarning,
    "refund": stripe.Refund,
    "subscription": stripe.Subscription,
    "subscription_item": stripe.SubscriptionItem,
    "test_helpers.test_clock": stripe.test_helpers.TestClock,
    "webhook_endpoint": stripe.WebhookEndpoint,
}

# Fields that Stripe leaves out unless they apply or are expanded, although the SDK types them as optional.
OMITTED: dict[str, frozenset[str]] = {
    "account": frozenset({"company", "external_accounts", "future_requirements", "groups", "individual"}),
    "charge": frozenset({"authorization_code", "level3", "presentment_details", "refunds"}),
    "checkout.session": frozenset({"line_items"}),
    "customer": frozenset({"cash_balance", "invoice_credit_balance", "sources", "subscriptions", "tax", "tax_ids"}),
    "coupon": frozenset({"applies_to", "currency_options"}),
    "dispute": frozenset({"intended_submission_method"}),
    "event": frozenset({"account", "context", "reason"}),
    "invoice": frozenset({"payments", "confirmation_secret"}),
    "payment_intent": frozenset({"payment_details", "presentment_details", "amount_details"}),
    "price": frozenset({"currency_options", "tiers"}),
    "refund": frozenset({"failure_reason", "failure_balance_transaction", "instructions_email", "next_action", "presentment_details"}),
    "webhook_endpoint": frozenset({"secret"}),
}
KEPT: dict[str, frozenset[str]] = {
    "payment_method": frozenset({"allow_redisplay", "customer", "customer_account"}),  # of the kinds, only the card is there
}


def fields(cls: type) -> dict[str, Any]:
    """Return a class's API fields with their annotations, without its class variables: to be read, it is the same dict each time."""
    return _fields(cls)


@functools.cache
def _fields(cls: type) -> dict[str, Any]:
    found = {name: note for name, note in inspect.get_annotations(cls).items() if not name.startswith("_")}
    return {name: note for name, note in found.items() if get_origin(note) is not typing.ClassVar}


def optional(annotation: Any) -> bool:
    """Say whether an annotation allows null."""
    return annotation is None or type(None) in get_args(annotation)


def _defaults(cls: Any) -> Json:
    return {name: blank(note) for name, note in fields(cls).items() if name != "deleted"}


def blank(annotation: Any) -> Any:
    """Return the emptiest value that an annotation allows: null where it may, else [], {}, false, 0, "" or a nested skeleton."""
    if optional(annotation):
        return None
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in {typing.Union, types.UnionType}:
        return blank(arguments[0])
    if origin is typing.Literal:
        return arguments[0]
    if origin is list:
        return []
    return _blank_class(origin or annotation)


def _blank_class(cls: Any) -> Any:
    if not isinstance(cls, type):
        return ""
    if issubclass(cls, ListObject):
        return {"object": "list", "data": [], "has_more": False, "url": ""}
    if issubclass(cls, StripeObject):
        return dict(_defaults(cls))
    return {bool: False, int: 0, float: 0.0, Decimal: "0"}.get(cls, {} if issubclass(cls, dict) else "")


def skeleton(kind: str) -> Json:
    """Return a fresh object of a resource (by its `object` name) with every field it always carries."""
    cls = CLASSES[kind]
    omitted = OMITTED.get(kind, frozenset())
    kept = KEPT.get(kind)
    names = [name for name, note in fields(cls).items() if name != "deleted" and name not in omitted]
    if kept is not None:
        names = [name for name in names if name in kept or not optional(fields(cls)[name])]
    return {name: blank(fields(cls)[name]) for name in names}


def nested(cls: type[StripeObject], **known: Any) -> Json:
    """Return a nested object of an SDK inner class, its required fields blank, with what is known put in."""
    return {name: blank(note) for name, note in fields(cls).items()} | known
