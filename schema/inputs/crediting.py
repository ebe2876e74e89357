"""Inputs of credits."""

import strawberry

from schema.inputs.given import Given
from services.credits import Booking


@strawberry.input(description="Credits that are given.")
class GrantCreditsInput(Given):
    """For resolvers.mutations."""

    customer_external_id: str
    amount: int
    description: str = strawberry.field(description="Why; the customer reads it.")
    idempotency_key: str

    def request(self) -> Booking:
        """As the service takes it."""
        return Booking(self.customer_external_id, self.amount, self.description)


@strawberry.input(description="Credits that are used.")
class UseCreditsInput(Given):
    """For resolvers.mutations."""

    customer_external_id: str
    amount: int
    description: str = strawberry.field(description="What for; the customer reads it.")
    idempotency_key: str

    def request(self) -> Booking:
        """As the service takes it."""
        return Booking(self.customer_external_id, self.amount, self.description)
