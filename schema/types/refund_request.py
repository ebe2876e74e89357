"""Money that a customer asks back."""

from datetime import datetime
from typing import Any

import strawberry

from models import Payment as PaymentRow
from models import Refund as RefundRow
from models import RefundRequestStatus
from models.money import Money as Amount
from models.rows import Row
from resolvers.declarations import Derived, Related
from schema.fields import declare
from schema.types.money import Money
from schema.types.node import Node
from schema.types.payment import Payment
from schema.types.refund import Refund

strawberry.enum(RefundRequestStatus, description="PENDING until support decides, or the customer withdraws.")


def _asked(row: Row, _context: Any) -> Amount | None:
    return None if row.amount is None else Amount(row.amount, row.currency)


@strawberry.type(description="A customer asks for money back; support decides.")
class RefundRequest(Node):
    """Reads off models.RefundRequest."""

    id: strawberry.ID
    status: RefundRequestStatus
    payment: Payment = declare(Related(PaymentRow, "payment_id"))
    amount: Money | None = declare(
        Derived(("amount", "currency"), _asked), description="What is asked for; null asks for all that is left."
    )
    reason: str
    decision_note: str | None
    refund: Refund | None = declare(Related(RefundRow, "refund_id"))
    created_at: datetime
    decided_at: datetime | None
