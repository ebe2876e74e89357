"""Money that a payer's bank asks back."""

from datetime import datetime

import strawberry

from models import Payment as PaymentRow
from resolvers.declarations import Column, Related
from schema.fields import declare
from schema.types.money import Money, money_in
from schema.types.node import Node
from schema.types.payment import Payment


@strawberry.type(description="A payer's bank asks for money back.")
class Dispute(Node):
    """Reads off models.Dispute."""

    id: strawberry.ID
    status: str = declare(Column("stripe_status"), description="Stripe's word, e.g. needs_response, under_review, won, lost.")
    reason: str
    amount: Money = declare(money_in("amount"))
    payment: Payment = declare(Related(PaymentRow, "payment_id"))
    evidence_due_by: datetime | None
    stripe_dispute_id: str
    created_at: datetime
