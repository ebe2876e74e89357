"""Inputs of money back."""

import strawberry

from models import RefundReason
from schema.inputs.given import Given
from schema.scalars import MinorUnits
from schema.types import refund  # noqa: F401 - it says how its enums are shown, which must come before these are used
from services.refund_requests import Asked
from services.refunds import RefundRequest


@strawberry.input(description="What goes back.")
class CreateRefundInput(Given):
    """For resolvers.mutations."""

    payment_id: strawberry.ID
    amount: MinorUnits | None = strawberry.field(default=strawberry.UNSET, description="All that is left when left out.")
    reason: RefundReason | None = RefundReason.REQUESTED_BY_CUSTOMER
    description: str | None = strawberry.UNSET
    idempotency_key: str

    def request(self) -> RefundRequest:
        """As the service takes it."""
        reason = self.reason or RefundReason.REQUESTED_BY_CUSTOMER
        return RefundRequest(self.payment_id, self.amount, reason, self.description)


@strawberry.input(description="What a customer asks back of a payment of theirs.")
class RequestRefundInput(Given):
    """For resolvers.mutations."""

    payment_id: strawberry.ID
    amount: MinorUnits | None = strawberry.field(default=strawberry.UNSET, description="All that is left when left out.")
    reason: str
    idempotency_key: str | None = strawberry.UNSET

    def request(self) -> Asked:
        """As the service takes it."""
        return Asked(self.payment_id, self.reason, self.amount)


@strawberry.input(description="Which request, and what its customer is told.")
class DecideRefundRequestInput(Given):
    """For resolvers.mutations."""

    id: strawberry.ID
    note: str | None = strawberry.UNSET
    idempotency_key: str | None = strawberry.UNSET


@strawberry.input(description="Which request of the caller's own.")
class WithdrawRefundRequestInput(Given):
    """For resolvers.mutations."""

    id: strawberry.ID
    idempotency_key: str | None = strawberry.UNSET
