"""Credits, line by line."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from models import CreditEntryKind
from models import Payment as PaymentRow
from resolvers.declarations import Related
from schema.fields import declare
from schema.types.node import Node

if TYPE_CHECKING:
    from schema.types.payment import Payment

strawberry.enum(
    CreditEntryKind,
    description="PURCHASE and RENEWAL are granted by payments, GRANT by the host; REFUND takes back what a payment had granted.",
)


@strawberry.type(description="An append-only ledger line: grants, use, claw-backs. The balance is their sum.")
class CreditEntry(Node):
    """Reads off models.CreditEntry."""

    id: strawberry.ID
    amount: int
    balance_after: int
    kind: CreditEntryKind
    description: str | None
    payment: Annotated["Payment", strawberry.lazy("schema.types.payment")] | None = declare(Related(PaymentRow, "payment_id"))
    created_at: datetime
