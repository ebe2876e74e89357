"""What was made at Stripe without us: whether its prices can be sold here, and what its plan is called."""

import re
import unicodedata
from dataclasses import dataclass

from models import BillingInterval, Plan, PlanKind
from models.ids import Prefix, prefix_of
from models.money import CURRENCIES
from services import stripe_fields as fields
from services.catalogue.terms import PlanTerms, PriceTerms, check_terms
from services.errors import InvalidInput
from services.snapshot import Snapshot
from services.stripe_fields import Json
from services.text_input import MAX_CODE

CODE_KEY = "code"
"""Key in a product's metadata that says what its plan is called."""

MADE_ELSEWHERE = ("custom_unit_amount", "tiers_mode", "transform_quantity")
"""Fields of prices whose amount is not so much a piece."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A price of Stripe's as terms; `fault` says why it is not offered here, though those who have it keep it."""

    stripe_id: str
    version: int
    terms: PriceTerms
    active: bool
    fault: str | None
    lookup_key: str | None

    @property
    def kind(self) -> PlanKind:
        """Of the plan that it can be of."""
        return PlanKind.SUBSCRIPTION if self.terms.interval else PlanKind.PACKAGE


def offer_of(snapshot: Snapshot) -> Offer | str:
    """The price, or why there is nothing like it here. Raises UnknownShape."""
    price, recurring = snapshot.object, fields.part(snapshot.object, "recurring")
    if reason := _other(price, recurring):
        return reason
    interval = BillingInterval(fields.text(recurring, "interval").upper()) if recurring else None
    count = fields.integer(recurring, "interval_count") if recurring else None
    trial = (fields.optional_integer(recurring, "trial_period_days") if recurring else None) or None
    terms = PriceTerms(fields.currency(price), fields.integer(price, "unit_amount"), interval, count, trial)
    key = fields.optional_text(price, "lookup_key")
    return Offer(fields.identifier(price), snapshot.version, terms, price.get("active") is not False, _fault(terms), key)


def _other(price: Json, recurring: Json) -> str | None:
    if any(price.get(name) for name in MADE_ELSEWHERE) or price.get("unit_amount") is None:
        return "it is not so much a piece"
    if recurring.get("usage_type", "licensed") != "licensed":
        return "it is billed by what is used"
    if recurring and fields.text(recurring, "interval").upper() not in set(BillingInterval):
        return "its interval is none that is known here"
    return None if fields.currency(price) in CURRENCIES else "its currency is none that is known here"


def _fault(terms: PriceTerms) -> str | None:
    kind = PlanKind.SUBSCRIPTION if terms.interval else PlanKind.PACKAGE
    try:
        check_terms(PlanTerms("code", kind, "name", (terms,)))
    except InvalidInput as refusal:
        return refusal.message
    return None


async def code_of(product: Json, offers: list[Offer]) -> str:
    """A code that no plan has: of the metadata, of the lookup key where there is one, or of the name."""
    keys = {offer.lookup_key for offer in offers if offer.lookup_key and prefix_of(offer.lookup_key) is not Prefix.PRICE}
    named = fields.metadata(product).get(CODE_KEY) or (keys.pop() if len(keys) == 1 else "")
    wanted = _slug(named) or _slug(fields.text(product, "name")) or _slug(fields.identifier(product))
    number, code = 1, wanted
    while await Plan.filter(code=code).exists():
        number += 1
        code = f"{wanted[: MAX_CODE - 6]}-{number}"
    return code


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9_]+", "-", plain).strip("-")[:MAX_CODE]
