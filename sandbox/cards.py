"""Stripe's test cards (docs.stripe.com/testing) and how each of them behaves."""

import time
from dataclasses import asdict, dataclass
from typing import Any

import stripe

from sandbox.errors import CardRefusal
from sandbox.shapes import Json, nested


@dataclass(frozen=True)
class Behaviour:
    """What a card does when it is charged. Refunds of it may fail later or stay pending for a while; `dispute` is the reason of one."""

    code: str | None = None
    decline_code: str | None = None
    three_d_secure: bool = False
    attachable: bool = True
    refund: str = "succeeded"
    dispute: str | None = None
    inquiry: bool = False
    fraud_warning: bool = False


@dataclass(frozen=True)
class CardForm:
    """A card as somebody types it. `exp_year` has four digits (two are taken as 20xx)."""

    number: str
    exp_month: int
    exp_year: int
    cvc: str | None = None


def _declined(decline_code: str, code: str = "card_declined") -> Behaviour:
    return Behaviour(code, decline_code, attachable=False)


BEHAVIOURS: dict[str, Behaviour] = {
    "4000000000000002": _declined("generic_decline"),
    "4000000000009995": _declined("insufficient_funds"),
    "4000000000009987": _declined("lost_card"),
    "4000000000009979": _declined("stolen_card"),
    "4000000000000069": _declined("expired_card", "expired_card"),
    "4000000000000127": _declined("incorrect_cvc", "incorrect_cvc"),
    "4000000000000119": _declined("processing_error", "processing_error"),
    "4000000000000341": Behaviour("card_declined", "generic_decline"),
    "4000000000003155": Behaviour(three_d_secure=True),
    "4000002500003155": Behaviour(three_d_secure=True),
    "4000002760003184": Behaviour(three_d_secure=True),
    "4000000000007726": Behaviour(refund="pending"),
    "4000000000005126": Behaviour(refund="failing"),
    "4000000000000259": Behaviour(dispute="fraudulent"),
    "4000000000002685": Behaviour(dispute="product_not_received"),
    "4000000000001976": Behaviour(dispute="fraudulent", inquiry=True),
    "4000000000005423": Behaviour(fraud_warning=True),
}

# The ids that stand for test cards in API calls.
TEST_METHODS: dict[str, str] = {
    "pm_card_visa": "4242424242424242",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_amex": "378282246310005",
    "pm_card_chargeDeclined": "4000000000000002",
    "pm_card_visa_chargeDeclined": "4000000000000002",
    "pm_card_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_chargeDeclinedLostCard": "4000000000009987",
    "pm_card_chargeDeclinedStolenCard": "4000000000009979",
    "pm_card_chargeDeclinedExpiredCard": "4000000000000069",
    "pm_card_chargeDeclinedIncorrectCvc": "4000000000000127",
    "pm_card_chargeDeclinedProcessingError": "4000000000000119",
    "pm_card_chargeCustomerFail": "4000000000000341",
    "pm_card_threeDSecure2Required": "4000002760003184",
    "pm_card_authenticationRequired": "4000002760003184",
    "pm_card_threeDSecureRequired": "4000002760003184",
    "pm_card_pendingRefund": "4000000000007726",
    "pm_card_refundFail": "4000000000005126",
    "pm_card_createDispute": "4000000000000259",
    "pm_card_createDisputeProductNotReceived": "4000000000002685",
    "pm_card_createDisputeInquiry": "4000000000001976",
    "pm_card_createIssuerFraudRecord": "4000000000005423",
}

MESSAGES: dict[str, str] = {
    "generic_decline": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "lost_card": "Your card was declined.",
    "stolen_card": "Your card was declined.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
}
_BRANDS = (("4", "visa"), ("34", "amex"), ("37", "amex"), ("5", "mastercard"), ("2", "mastercard"), ("6", "discover"), ("3", "jcb"))


def behaviour(number: str) -> Behaviour:
    """Return how a card behaves; a number that is no special test card pays."""
    return BEHAVIOURS.get(number, Behaviour())


def luhn(number: str) -> bool:
    """Say whether a number's check digit is right (ISO/IEC 7812-1)."""
    digits = [int(digit) for digit in reversed(number)]
    return (sum(digits[0::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])) % 10 == 0


def check(form: CardForm, now: int) -> CardForm:
    """Return the card with a bare number and a four-digit year; raise CardRefusal with Stripe's code for what is wrong.

    invalid_number, incorrect_number, invalid_expiry_month, invalid_expiry_year, invalid_cvc.
    """
    number = form.number.replace(" ", "").replace("-", "")
    if not number.isascii() or not number.isdigit() or not 12 <= len(number) <= 19:
        raise CardRefusal("Your card number is not a valid credit card number.", code="invalid_number", param="number")
    if number not in BEHAVIOURS and not luhn(number):
        raise CardRefusal("Your card number is incorrect.", code="incorrect_number", param="number")
    year = _year(form, now)
    length = 4 if brand(number) == "amex" else 3
    if form.cvc is not None and not (form.cvc.isascii() and form.cvc.isdigit() and 3 <= len(form.cvc) <= length):
        raise CardRefusal("Your card's security code is invalid.", code="invalid_cvc", param="cvc")
    return CardForm(number, form.exp_month, year, form.cvc)


def _year(form: CardForm, now: int) -> int:
    year = form.exp_year + 2000 if 0 <= form.exp_year < 100 else form.exp_year
    today = time.gmtime(now)
    if not 1 <= form.exp_month <= 12:
        raise CardRefusal("Your card's expiration month is invalid.", code="invalid_expiry_month", param="exp_month")
    if not today.tm_year <= year <= today.tm_year + 50:
        raise CardRefusal("Your card's expiration year is invalid.", code="invalid_expiry_year", param="exp_year")
    if year == today.tm_year and form.exp_month < today.tm_mon:
        raise CardRefusal("Your card's expiration month is invalid.", code="invalid_expiry_month", param="exp_month")
    return year


def expired(method: Json, now: int) -> bool:
    """Say whether a payment method is a card whose last month has passed (UTC)."""
    today = time.gmtime(now)
    return method["type"] == "card" and (method["card"]["exp_year"], method["card"]["exp_month"]) < (today.tm_year, today.tm_mon)


def brand(number: str) -> str:
    """Return the brand that a number's first digits stand for."""
    matching = [(start, name) for start, name in _BRANDS if number.startswith(start)]
    return max(matching, key=lambda found: len(found[0]))[1] if matching else "unknown"


def details(form: CardForm) -> Json:
    """Return the `card` hash of a payment method."""
    checks = nested(stripe.PaymentMethod.Card.Checks, cvc_check=None if form.cvc is None else "unchecked")
    name = brand(form.number)
    return nested(
        stripe.PaymentMethod.Card,
        brand=name,
        display_brand=name,
        checks=checks,
        country="US",
        exp_month=form.exp_month,
        exp_year=form.exp_year,
        fingerprint=fingerprint(form.number),
        funding="credit",
        last4=form.number[-4:],
        networks={"available": [name], "preferred": None},
        three_d_secure_usage={"supported": True},
    )


def fingerprint(number: str) -> str:
    """Return a text that is the same for the same number; not a secret, these are test cards."""
    return f"sandbox{int(number) % 999_999_937:09d}"


def stored(form: CardForm) -> dict[str, Any]:
    """Return what the sandbox keeps of a card's behaviour beside its payment method."""
    return asdict(behaviour(form.number))
