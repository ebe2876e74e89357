"""What a client needs to know before it sells."""

import strawberry

from models import Price
from models.selects import Comparison, Condition
from resolvers.declarations import Distinct
from schema.fields import declare
from schema.scalars import CurrencyCode


@strawberry.type(description="What a client needs to know before it sells; the same for everybody.")
class BillingConfig:
    """Reads off the settings."""

    publishable_key: str | None
    enabled: bool
    test_mode: bool
    sandbox: bool
    default_currency: CurrencyCode
    currencies: list[CurrencyCode] = declare(
        Distinct(
            Price,
            "currency",
            (Condition("active", Comparison.EQUAL, value=True),),
            lambda context: [context.billing.settings.default_currency],
        ),
        description="Currencies that something is sold in.",
    )
