"""Payment intents, charges and disputes: 2022-11-15 moved the charges of a PaymentIntent and the refunds of a Charge."""

from datetime import datetime
from typing import NamedTuple

from services.stripe_fields import Json, UnknownShape, integer, optional_integer, optional_moment, optional_text, optional_word, part, rows


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


def evidence_due_by(dispute: Json) -> datetime | None:
    """Until when evidence counts; before 2014 `evidence_due_by` stood at the top."""
    return optional_moment(part(dispute, "evidence_details"), "due_by") or optional_moment(dispute, "evidence_due_by")
