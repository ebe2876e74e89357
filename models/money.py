"""Money: an integer of minor units with its ISO 4217 code, as Stripe counts it. Never a float.

The digits after the decimal point are those of Stripe's amounts (docs.stripe.com/currencies): zero-decimal and three-decimal currencies
as ISO 4217 has them, except that ISK and UGX are counted in hundredths although no such coin exists. Stripe lists those that are not
counted in hundredths, so a currency that it takes since this version is: what somebody paid in it is mirrored and shown like the rest.
"""

from copy import copy
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.numbers import format_currency, get_currency_symbol

MAX_MINOR_UNITS = 2**53 - 1
"""Largest amount: what a JavaScript number holds exactly."""

ZERO_DECIMAL = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())
THREE_DECIMAL = frozenset("BHD JOD KWD OMR TND".split())
TWO_DECIMAL = frozenset(
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CVE "
    "CZK DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR ISK JMD KES KGS KHR KYD KZT "
    "LAK LBP LKR LRD LSL MAD MDL MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR "
    "RON RSD RUB SAR SBD SCR SEK SGD SHP SLE SOS SRD STN SZL THB TJS TOP TRY TTD TWD TZS UAH UGX USD UYU UZS WST XCD XCG YER "
    "ZAR ZMW".split()
)
CURRENCIES = ZERO_DECIMAL | TWO_DECIMAL | THREE_DECIMAL
"""Every currency that Stripe takes."""


def exponent(currency: str) -> int:
    """Digits after the decimal point of an amount in this currency."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


@lru_cache(maxsize=64)
def _locale(name: str) -> Locale:
    try:
        return Locale.parse(name.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return Locale("en")


@dataclass(frozen=True, slots=True)
class Money:
    """`amount` minor units of `currency` (upper case); negative only where something is credited."""

    amount: int
    currency: str

    @property
    def decimal(self) -> str:
        """Exact decimal with the currency's own digits: 49900 USD is "499.00", 500 JPY is "500"."""
        return f"{Decimal(self.amount).scaleb(-exponent(self.currency)):f}"

    def formatted(self, locale: str = "en") -> str:
        """For people to read, in the given BCP 47 locale (English for one that is not known): "$499.00", "KWD 9.990"."""
        known = _locale(locale)
        pattern = copy(known.currency_formats["standard"])
        digits = exponent(self.currency)
        pattern.frac_prec = (digits, digits)
        if get_currency_symbol(self.currency, known)[-1].isalpha():
            pattern.prefix = tuple(f"{part}\u00a0" if part.endswith("¤") else part for part in pattern.prefix)
        return format_currency(Decimal(self.decimal), self.currency, format=pattern, locale=known, currency_digits=False)
