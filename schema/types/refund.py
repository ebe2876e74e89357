"""Money back."""

from datetime import datetime

import strawberry

from models import Payment as PaymentRow
from models import Receipt as ReceiptRow
from models import RefundReason, RefundStatus
from resolvers.declarations import Related
from schema.fields import declare
from schema.types.money import Money, money_in
from schema.types.node import Node
from schema.types.payment import Payment
from schema.types.receipt import Receipt

strawberry.enum(RefundStatus, description="UNKNOWN: Stripe said something newer than this version.")
strawberry.enum(RefundReason, description="Why; OTHER is told to nobody.")


@strawberry.type(description="All or part of one payment, given back.")
class Refund(Node):
    """Reads off models.Refund."""

    id: strawberry.ID
    status: RefundStatus
    amount: Money = declare(money_in("amount"))
    reason: RefundReason
    description: str | None
    failure_reason: str | None
    payment: Payment = declare(Related(PaymentRow, "payment_id"))
    credit_note: Receipt | None = declare(
        Related(ReceiptRow, "id", "cause_id", scoped=False),
        description="Issued once the refund has succeeded; it stays if that fails later.",
    )
    stripe_refund_id: str | None
    created_at: datetime
