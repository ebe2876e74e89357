"""Currencies as Stripe charges them: decimals (docs.stripe.com/currencies#zero-decimal) and the least amount of a charge."""

from decimal import Decimal

from sandbox.errors import InvalidParameters, Refusal

ZERO_DECIMAL = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf".split())
THREE_DECIMAL = frozenset("bhd jod kwd omr tnd".split())
_OTHERS = (
    "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop crc cve czk dkk dop dzd "
    "egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr isk jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd "
    "mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos "
    "srd std szl thb tjs top try ttd twd tzs uah usd uyu uzs wst xcd yer zar zmw"
)
KNOWN = frozenset(_OTHERS.split()) | ZERO_DECIMAL | THREE_DECIMAL

# docs.stripe.com/currencies#minimum-and-maximum-charge-amounts, in minor units
MINIMUM: dict[str, int] = {
    "usd": 50, "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50, "gbp": 30,
    "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "krw": 500, "mxn": 1000, "myr": 200, "nok": 300, "nzd": 50, "pln": 200, "ron": 200,
    "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip
MAXIMUM = 99_999_999
_SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}


def currency(code: str, param: str = "currency") -> str:
    """Return the code in lower case; raise InvalidParameters for a currency that Stripe does not know."""
    lower = code.lower()
    if lower not in KNOWN:
        raise InvalidParameters(f"Invalid currency: {lower[:20]}. Stripe does not support this currency.", param=param)
    return lower


def text(amount: int, code: str) -> str:
    """Return an amount of minor units as a person reads it: "$5.00", "-$5.00", "¥500", "5.00 sek"."""
    places = 0 if code in ZERO_DECIMAL else 3 if code in THREE_DECIMAL else 2
    number, sign = f"{Decimal(abs(amount)).scaleb(-places):,.{places}f}", "-" if amount < 0 else ""
    return f"{sign}{_SYMBOLS[code]}{number}" if code in _SYMBOLS else f"{sign}{number} {code}"


def step(code: str) -> int:
    """Return what a currency's charges are a multiple of, in minor units (docs.stripe.com/currencies#three-decimal)."""
    return 10 if code in THREE_DECIMAL else 1


def check_step(amount: int, code: str, param: str = "amount") -> None:
    """Refuse an amount whose last digit Stripe does not charge in."""
    if amount % step(code):
        raise Refusal(f"The last digit of an amount in {code} must be 0.", param=param)


def check_amount(amount: int, code: str, param: str = "amount", subject: str = "Amount") -> None:
    """Refuse an amount (minor units) that is not positive, below Stripe's least charge or above its most."""
    if amount < 1:
        raise InvalidParameters("This value must be greater than or equal to 1.", code="parameter_invalid_integer", param=param)
    check_step(amount, code, param)
    least = MINIMUM.get(code, 1)
    if amount < least:
        raise Refusal(f"{subject} must be at least {text(least, code)} {code}", code="amount_too_small", param=param)
    if amount > MAXIMUM:
        raise Refusal(f"{subject} must be no more than {text(MAXIMUM, code)}", code="amount_too_large", param=param)
