"""Amounts."""

import strawberry

from models.money import Money as Amount
from models.rows import Row
from resolvers.declarations import Derived
from schema.fields import declare
from schema.scalars import CurrencyCode, MinorUnits


@strawberry.type(description="An amount in one currency, in integers of its minor unit.")
class Money:
    """Reads off models.money.Money."""

    amount: MinorUnits
    currency: CurrencyCode
    decimal: str = strawberry.field(
        description="Exact decimal with the currency's own number of digits: 49900 USD is 499.00, 500 JPY is 500."
    )
    formatted: str = declare(
        Derived((), lambda money, _context, locale="en": money.formatted(locale or "en")),
        description="For people to read, e.g. $499.00; in English for a locale that is not known.",
        defaults={"locale": "en"},
        locale=str | None,
    )


def money_in(column: str) -> Derived:
    """The amount in a column, in the currency of its row."""

    def make(row: Row, _context: object) -> Amount:
        return Amount(getattr(row, column), row.currency)

    return Derived((column, "currency"), make)
