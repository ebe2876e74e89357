"""How little and how much Stripe charges at once (docs.stripe.com/currencies#minimum-and-maximum-charge-amounts)."""

from models.money import THREE_DECIMAL, Money
from services.errors import AmountTooSmall, InvalidInput

MAX_CHARGE = 99_999_999
"""Largest charge in minor units: eight digits, in any currency that Billgraph sells in."""

MINIMUM = {
    "AED": 200,
    "AUD": 50,
    "BGN": 100,
    "BRL": 50,
    "CAD": 50,
    "CHF": 50,
    "CZK": 1500,
    "DKK": 250,
    "EUR": 50,
    "GBP": 30,
    "HKD": 400,
    "HUF": 17500,
    "INR": 50,
    "JPY": 50,
    "MXN": 1000,
    "MYR": 200,
    "NOK": 300,
    "NZD": 50,
    "PLN": 200,
    "RON": 200,
    "SEK": 300,
    "SGD": 50,
    "THB": 1000,
    "USD": 50,
}
"""Smallest charge in minor units, of the currencies for which Stripe states one; of others Stripe itself says when it is too little."""

WHOLE_UNITS = frozenset({"ISK", "UGX"})
"""Counted in hundredths, yet only whole units can be charged (docs.stripe.com/currencies#special-cases)."""


def step(currency: str) -> int:
    """What an amount must be a multiple of: Stripe rounds the last digit of three-decimal currencies away."""
    if currency in THREE_DECIMAL:
        return 10
    return 100 if currency in WHOLE_UNITS else 1


def check_unit_amount(amount: int, currency: str, *field: str) -> None:
    """Raise InvalidInput for an amount that cannot be a price: over Stripe's largest, or finer than the currency is charged in."""
    if not 0 <= amount <= MAX_CHARGE:
        raise InvalidInput(f"An amount may be {MAX_CHARGE} minor units at most, as Stripe has it.", *field)
    if amount % step(currency):
        raise InvalidInput(f"An amount in {currency} must be a multiple of {step(currency)} minor units.", *field)


def check_charge(amount: int, currency: str, *field: str) -> None:
    """Raise InvalidInput for a total over Stripe's largest, AmountTooSmall for one under its smallest."""
    if amount > MAX_CHARGE:
        raise InvalidInput(f"The total may be {MAX_CHARGE} minor units at most, as Stripe has it.", *field)
    least = MINIMUM.get(currency, 1)
    if amount < least:
        raise AmountTooSmall(f"Stripe charges at least {Money(least, currency).decimal} {currency}.", *field)
