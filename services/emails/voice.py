"""How somebody is spoken to: in the words of their language, with amounts and dates as their locale writes them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models import Price
from services.emails.wording import Words, languages, words_for
from services.formats import Formats, formats_of
from services.plain_text import isolated, one_line, shortened
from services.receipts.document import House, house_of
from services.receipts.sheet import method_name
from settings import Settings

LONGEST_NAME = 80
"""Characters of somebody's words that stand within a sentence of ours; facts have them whole."""

INTERVALS = {"DAY": ("per_day", "every_days"), "WEEK": ("per_week", "every_weeks"), "MONTH": ("per_month", "every_months")}
YEARLY = ("per_year", "every_years")


@dataclass(frozen=True, slots=True)
class Voice:
    """One language, its formats, and in whose name it speaks."""

    settings: Settings
    words: Words
    formats: Formats

    @property
    def house(self) -> House:
        """Who speaks."""
        return house_of(self.settings)

    def phrase(self, name: str, /, **values: Any) -> str:
        """One of the phrases."""
        return self.words.say("phrases", name, values)

    def label(self, name: str) -> str:
        """What stands before a fact."""
        return self.words.say("labels", name, {})

    def money(self, amount: int, currency: str | None) -> str:
        """Minor units; empty without a currency."""
        return isolated(self.formats.money(amount, currency)) if currency else ""

    def day(self, moment: datetime | None) -> str:
        """The day; empty for none."""
        return isolated(self.formats.day(moment)) if moment else ""

    def name(self, text: str | None) -> str:
        """Somebody's own words, to stand within a sentence."""
        return isolated(shortened(one_line(text or ""), LONGEST_NAME))

    def price(self, price: Price | None, quantity: int = 1) -> str:
        """What so many pieces at a recurring price cost: "$19.00 per month"; empty for none."""
        if price is None or price.interval is None:
            return ""
        single, several = INTERVALS.get(price.interval, YEARLY)
        count = price.interval_count or 1
        return self.phrase(single if count == 1 else several, amount=self.money(price.unit_amount * quantity, price.currency), count=count)

    def method(self, kind: str | None, brand: str | None, last4: str | None) -> str:
        """A payment method: "Visa •••• 4242"; empty for none."""
        name = method_name(kind or "", brand)
        return f"{name} ••••\u00a0{last4}" if name and last4 else name


def voice_of(settings: Settings, tag: str | None) -> Voice:
    """Who speaks to somebody of this locale, by default RECEIPT_LOCALE; in English words where there are none in its language.

    BrokenTemplate when the words cannot be read.
    """
    spoken = languages(settings.email_templates)
    try:
        formats = formats_of(settings, tag or settings.receipt_locale, spoken)
    except ValueError:
        formats = formats_of(settings, settings.receipt_locale, spoken)
    return Voice(settings, words_for(settings.email_templates, formats.locale), formats)
