"""Stripe's objects as every API version shapes them: the one place that knows where a field stood when.

Pure functions on plain dicts. UnknownShape is raised where a thing that every version has is missing.
What moved (docs.stripe.com/changelog): 2022-11-15 the charges of a PaymentIntent and the refunds of a Charge; 2025-03-31.basil the
periods of a Subscription, the subscription and the payments of an Invoice, the price of an invoice line.
"""

from datetime import datetime
from typing import Any, NamedTuple

from services.stripe_fields import (
    Json,
    UnknownShape,
    integer,
    metadata,
    moment,
    optional_integer,
    optional_moment,
    optional_text,
    optional_word,
    part,
    reference,
    rows,
)


class Method(NamedTuple):
    """How a payment was paid, as shown to people: `type` is Stripe's word, e.g. card or sepa_debit; `exp_year` has four digits."""

    type: str | None = None
    brand: str | None = None
    last4: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None
    wallet: str | None = None


class Failure(NamedTuple):
    """Why a payment failed, in Stripe's codes; `message` is meant for the payer."""

    code: str | None = None
    decline_code: str | None = None
    message: str | None = None


class Item(NamedTuple):
    """What is bought: the id of a Stripe price (or of an old plan), the metadata of it, and how many."""

    price: str | None
    metadata: Json
    quantity: int


class Settlement(NamedTuple):
    """What paid an invoice: a payment intent, or for old and imported invoices a charge alone; neither when it was settled outside."""

    payment_intent: str | None = None
    charge: str | None = None


# ---- payment intents and charges ----


def latest_charge(intent: Json) -> Json | None:
    """The whole charge of a payment intent where it is given: expanded `latest_charge`, before 2022-11-15 the first of `charges`."""
    charge = intent.get("latest_charge")
    if isinstance(charge, dict):
        return charge
    given = rows(intent, "charges")
    return max(given, key=lambda one: integer(one, "created"), default=None)


def failure_of_intent(intent: Json) -> Failure:
    """Why the last attempt failed; empty when it did not."""
    error = part(intent, "last_payment_error")
    return Failure(optional_word(error, "code", 128), optional_word(error, "decline_code", 128), optional_text(error, "message"))


def method_of_charge(charge: Json) -> Method:
    """The summary of what was charged: `payment_method_details`, before 2019 `source`."""
    return _method(part(charge, "payment_method_details") or part(charge, "source"))


def method_of_intent(intent: Json) -> Method:
    """The summary of what was tried last: of the error, or the expanded `payment_method`."""
    return _method(part(intent, "last_payment_error", "payment_method") or part(intent, "payment_method"))


def _method(details: Json) -> Method:
    if not details:
        return Method()
    kind = optional_word(details, "type", 64) or optional_word(details, "object", 64)
    own = part(details, kind) if kind else {}
    own = own or (details if "last4" in details else {})
    year = optional_integer(own, "exp_year")
    return Method(
        type=kind,
        brand=optional_word(own, "brand", 64) or optional_word(own, "bank_name", 64),
        last4=optional_word(own, "last4", 8),
        exp_month=optional_integer(own, "exp_month"),
        exp_year=year,
        wallet=optional_word(part(own, "wallet"), "type", 64),
    )


def given_back(charge: Json) -> int:
    """Minor units that came in and went back. What a partial capture leaves is no money, but Stripe counts it as refunded.

    Source: docs.stripe.com/api/charges/capture.
    """
    refunded, taken = integer(charge, "amount_refunded"), captured(charge)
    left = integer(charge, "amount") - taken
    returned = refunded - left if refunded >= left > 0 else refunded
    if returned > taken:
        raise UnknownShape(charge, "amount_refunded", "at most what was charged")
    return returned


def captured(charge: Json) -> int:
    """Minor units that came in by a charge; versions before `amount_captured` have `amount` alone."""
    taken = optional_integer(charge, "amount_captured")
    return integer(charge, "amount") if taken is None else taken


def refunds(charge: Json) -> list[Json]:
    """The refunds that a charge carries; absent since 2022-11-15 unless expanded."""
    return rows(charge, "refunds")


# ---- subscriptions ----


def items(subscription: Json) -> list[Item]:
    """What is subscribed to, first item first; before 2018 one `plan` and `quantity` at the top."""
    found = [_item(row) for row in rows(subscription, "items")]
    return found or ([_item(subscription)] if subscription.get("plan") else [])


def _item(row: Json) -> Item:
    field = "price" if row.get("price") else "plan"
    quantity = optional_integer(row, "quantity")
    return Item(reference(row, field), metadata(part(row, field)), 1 if quantity is None else quantity)


def period(subscription: Json) -> tuple[datetime, datetime]:
    """The running period: on the items since 2025-03-31.basil (the one that ends first), at the top before."""
    places = [row for row in rows(subscription, "items") if row.get("current_period_end") is not None]
    place = min(places, key=lambda row: integer(row, "current_period_end"), default=subscription)
    return moment(place, "current_period_start"), moment(place, "current_period_end")


def ends_at(subscription: Json) -> datetime | None:
    """When a scheduled cancellation takes effect: `cancel_at` (all that the portal sets), or the end of the period."""
    at = optional_moment(subscription, "cancel_at")
    return at if at or not subscription.get("cancel_at_period_end") else period(subscription)[1]


# ---- invoices ----


def invoice_subscription(invoice: Json) -> str | None:
    """The subscription that an invoice bills: under `parent` since 2025-03-31.basil, at the top before."""
    return reference(part(invoice, "parent", "subscription_details"), "subscription") or reference(invoice, "subscription")


def settlement(invoice: Json) -> Settlement | None:
    """What pays an invoice: the paid or else the default of `payments`, before basil `payment_intent` and `charge`.

    None when this form of the object does not say: since basil `payments` is there only when it was expanded.
    """
    if "payment_intent" in invoice or "charge" in invoice:
        return Settlement(reference(invoice, "payment_intent"), reference(invoice, "charge"))
    if "payments" not in invoice:
        return None
    given = sorted(rows(invoice, "payments"), key=lambda row: (row.get("status") != "paid", not row.get("is_default")))
    payment = part(given[0], "payment") if given else {}
    return Settlement(reference(payment, "payment_intent"), reference(payment, "charge"))


def invoice_item(invoice: Json) -> Item | None:
    """The line that an invoice is for: the last that is no proration, else the last with a price."""
    lines = [(bool(_prorated(line)), item) for line in rows(invoice, "lines") if (item := _line_item(line)).price]
    known = [item for prorated, item in lines if not prorated] or [item for _, item in lines]
    return known[-1] if known else None


def is_prorated(invoice: Json) -> bool:
    """Whether an invoice is for changes within a period alone, and no line of it for a whole period."""
    return bool(lines := rows(invoice, "lines")) and all(_prorated(line) for line in lines)


def _prorated(line: Json) -> Any:
    details = part(line, "parent", "subscription_item_details") or part(line, "parent", "invoice_item_details")
    return details.get("proration", line.get("proration"))


def _line_item(line: Json) -> Item:
    priced = part(line, "pricing", "price_details")
    if not priced:
        return _item(line)
    quantity = optional_integer(line, "quantity")
    return Item(reference(priced, "price"), metadata(part(priced, "price")), 1 if quantity is None else quantity)


def paid_at(invoice: Json) -> datetime:
    """When an invoice was paid; old versions without `status_transitions` have only when it was made."""
    return optional_moment(part(invoice, "status_transitions"), "paid_at") or moment(invoice, "created")


def is_draft(invoice: Json) -> bool:
    """Whether an invoice asks for nothing yet; versions before 2018-11-08 do not say it."""
    return optional_text(invoice, "status") == "draft"


# ---- disputes ----


def evidence_due_by(dispute: Json) -> datetime | None:
    """Until when evidence counts; before 2014 `evidence_due_by` stood at the top."""
    return optional_moment(part(dispute, "evidence_details"), "due_by") or optional_moment(dispute, "evidence_due_by")


# ---- promotion codes and coupons ----


def session_promotion_code(session: Json) -> str | None:
    """The promotion code by which a checkout session was made cheaper: of its `discounts`, which there are since 2024."""
    named = [reference(row, "promotion_code") for row in rows(session, "discounts")]
    return next((code for code in named if code), None)


def coupon_id(promotion_code: Json) -> str | None:
    """The coupon behind a promotion code: under `promotion` since 2025-09-30.clover, at the top before."""
    return reference(part(promotion_code, "promotion"), "coupon") or reference(promotion_code, "coupon")


def coupon_products(coupon: Json) -> list[str]:
    """The Stripe products that a coupon is good for, none named for all; shown only when `applies_to` was expanded."""
    named = part(coupon, "applies_to").get("products")
    return [product for product in named if isinstance(product, str)] if isinstance(named, list) else []


def percent_off(coupon: Json) -> float | None:
    """What part a coupon takes off, 0 to 100; None for one that takes an amount off."""
    told = coupon.get("percent_off")
    if told is None:
        return None
    if not isinstance(told, int | float) or isinstance(told, bool) or not 0 < told <= 100:
        raise UnknownShape(coupon, "percent_off", "a percentage")
    return float(told)
