"""What customers owe."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from models import PAYABLE, InvoiceOrigin, InvoiceStatus
from models import Customer as CustomerRow
from models import InvoiceLine as InvoiceLineRow
from models import Payment as PaymentRow
from models import Price as PriceRow
from models import Seller as SellerRow
from models import Subscription as SubscriptionRow
from models.money import Money as Amount
from models.rows import Row
from resolvers.declarations import Derived, Listed, Related
from schema.fields import declare
from schema.scalars import JSON
from schema.types.money import Money, money_in
from schema.types.node import Node
from schema.types.payment import Payment
from schema.types.plan import Price
from schema.types.seller import Seller

if TYPE_CHECKING:
    from schema.types.customer import Customer
    from schema.types.subscription import Subscription

strawberry.enum(InvoiceStatus, description="Stripe's, and PARTIALLY_PAID between OPEN and PAID.")
strawberry.enum(InvoiceOrigin, description="Stripe's own invoice of a subscription, or one that was issued here.")


def _due(row: Row, _context: Any) -> Amount:
    return Amount(row.total - row.amount_paid - row.credit_applied if row.status in PAYABLE else 0, row.currency)


def _overdue(row: Row, _context: Any) -> bool:
    return row.status in PAYABLE and row.due_at is not None and row.due_at < datetime.now(UTC)


@strawberry.type(description="One fee or item of an invoice; lines are paid in their order.")
class InvoiceLine(Node):
    """Reads off models.InvoiceLine."""

    id: strawberry.ID
    description: str
    quantity: int
    amount: Money = declare(money_in("amount"))
    amount_paid: Money = declare(money_in("amount_paid"))
    discount: Money = declare(money_in("discount"), description="What was taken off the amount.")
    proration: bool = strawberry.field(description="For a change within a period: less than nothing for what is not used of it.")
    price: Price | None = declare(Related(PriceRow, "price_id", scoped=False))
    period_start: datetime | None
    period_end: datetime | None


@strawberry.type(description="Stripe's own invoice of a subscription, or one that the seller issued here (an order, a term's fees).")
class Invoice(Node):
    """Reads off models.Invoice."""

    id: strawberry.ID
    number: str | None
    origin: InvoiceOrigin
    status: InvoiceStatus
    reference: str | None = strawberry.field(description="The seller's own handle, e.g. order-1042; one invoice each.")
    customer: Annotated["Customer", strawberry.lazy("schema.types.customer")] = declare(Related(CustomerRow, "customer_id", scoped=False))
    subscription: Annotated["Subscription", strawberry.lazy("schema.types.subscription")] | None = declare(
        Related(SubscriptionRow, "subscription_id")
    )
    seller: Seller | None = declare(Related(SellerRow, "seller_id"))
    total: Money = declare(money_in("total"))
    amount_paid: Money = declare(money_in("amount_paid"))
    amount_due: Money = declare(Derived(("total", "amount_paid", "credit_applied", "status", "currency"), _due))
    credit_applied: Money = declare(
        money_in("credit_applied"), description="Paid from the customer's credit with Stripe; less than nothing when it was added to."
    )
    tax: Money = declare(money_in("tax"), description="Tax within the total, as Stripe reports it.")
    overdue: bool = declare(Derived(("status", "due_at"), _overdue), description="Whether something is due, and its date has passed.")
    lines: list[InvoiceLine] = declare(Listed(InvoiceLineRow, "invoice_id", newest_first=False))
    payments: list[Payment] = declare(Listed(PaymentRow, "invoice_id"))
    billing_reason: str | None = strawberry.field(description="Why Stripe made it, e.g. subscription_cycle; null for issued ones.")
    period_start: datetime | None
    period_end: datetime | None
    attempts: int = strawberry.field(description="How often Stripe has tried to charge it.")
    next_attempt_at: datetime | None = strawberry.field(description="When Stripe charges it again.")
    due_at: datetime | None
    paid_at: datetime | None
    voided_at: datetime | None
    void_reason: str | None
    stripe_invoice_id: str | None
    hosted_url: str | None
    pdf_url: str | None
    metadata: JSON
    created_at: datetime


@strawberry.input(description="Which invoices; all conditions hold.")
class InvoiceFilter:
    """For resolvers.filters.invoices."""

    customer_id: strawberry.ID | None = strawberry.UNSET
    seller_id: strawberry.ID | None = strawberry.UNSET
    status: list[InvoiceStatus] | None = strawberry.field(default=strawberry.UNSET, description="One of these.")
    origin: InvoiceOrigin | None = strawberry.UNSET
    reference: str | None = strawberry.UNSET
    overdue: bool | None = strawberry.field(default=strawberry.UNSET, description="True for overdue ones alone.")
