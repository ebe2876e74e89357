"""Amounts and dates as people read them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, tzinfo

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal

from models.money import Money
from services.locales import locale_of
from services.time_zones import zone_of
from settings import Settings


@dataclass(frozen=True, slots=True)
class Formats:
    """Of one locale and time zone."""

    locale: Locale
    zone: tzinfo

    def money(self, amount: int, currency: str) -> str:
        """Minor units with the currency's own digits: "$499.00"."""
        return Money(amount, currency).formatted(str(self.locale))

    def day(self, moment: datetime) -> str:
        """The day of an aware moment: "December 31, 2026"."""
        return format_date(moment.astimezone(self.zone).date(), format="long", locale=self.locale)

    def number(self, number: int) -> str:
        """A whole number: "1,000"."""
        return format_decimal(number, locale=self.locale)


def formats_of(settings: Settings, tag: str, words: Collection[str]) -> Formats:
    """Those of a locale and the settings' time zone, among words of one of these languages, English where its own is not one of them.

    Of a language that is written from right to left they are English too where its words are: two directions in one line are not read
    alike by everybody. ValueError for a locale or time zone that is not known.
    """
    locale = locale_of(tag)
    torn = locale.character_order == "right-to-left" and locale.language not in words
    return Formats(locale_of("en") if torn else locale, zone_of(settings.receipt_time_zone))
