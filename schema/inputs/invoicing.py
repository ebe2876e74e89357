"""Inputs of what the host issues, and of whom it is sold by."""

from datetime import datetime

import strawberry

from schema.inputs.given import Given
from schema.scalars import JSON, CurrencyCode, MinorUnits
from services.invoices import InvoiceTerms, LineTerms
from services.sellers import SellerTerms


@strawberry.input(description="One fee or item.")
class InvoiceLineInput(Given):
    """For CreateInvoiceInput."""

    description: str
    quantity: int | None = 1
    unit_amount: MinorUnits

    def terms(self) -> LineTerms:
        """As the service takes it."""
        return LineTerms(self.description, self.unit_amount, 1 if self.quantity is None else self.quantity)


@strawberry.input(description="Who owes what, until when.")
class CreateInvoiceInput(Given):
    """For resolvers.mutations."""

    customer_external_id: str
    email: str | None = strawberry.field(default=strawberry.UNSET, description="Of a customer whom nobody has heard of yet.")
    locale: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Likewise, the language of their receipts and e-mails, e.g. de-CH.",
    )
    currency: CurrencyCode
    lines: list[InvoiceLineInput] = strawberry.field(description="1 to 200, paid in this order.")
    reference: str | None = strawberry.field(default=strawberry.UNSET, description="Your own handle, unique for each seller.")
    due_at: datetime | None = strawberry.UNSET
    seller_id: strawberry.ID | None = strawberry.UNSET
    metadata: JSON | None = strawberry.field(
        default=strawberry.UNSET, description="An object whose values are strings: 40 keys, 500 characters each."
    )
    idempotency_key: str | None = strawberry.UNSET

    def request(self) -> InvoiceTerms:
        """As the service takes it."""
        return InvoiceTerms(
            customer_external_id=self.customer_external_id,
            currency=self.currency,
            lines=tuple(line.terms() for line in self.lines),
            email=self.email,
            locale=self.locale,
            reference=self.reference,
            due_at=self.due_at,
            seller_id=self.seller_id,
            metadata=self.metadata,
        )


@strawberry.input(description="Which invoice, and why.")
class VoidInvoiceInput(Given):
    """For resolvers.mutations."""

    id: strawberry.ID
    reason: str | None = strawberry.UNSET
    idempotency_key: str | None = strawberry.UNSET


@strawberry.input(description="Whoever sales are attributed to.")
class SaveSellerInput(Given):
    """For resolvers.mutations."""

    external_id: str = strawberry.field(description="The subject of the seller's own token.")
    name: str
    email: str | None = strawberry.UNSET
    receipt_prefix: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="What the numbers of their receipts begin with: 1 to 16 letters, digits, dots and dashes; left out, as it is.",
    )
    idempotency_key: str | None = strawberry.UNSET

    def request(self) -> SellerTerms:
        """As the service takes it."""
        return SellerTerms(self.external_id, self.name, self.email, self.receipt_prefix)
