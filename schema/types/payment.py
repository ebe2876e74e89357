"""Money in."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from models import Customer as CustomerRow
from models import Dispute as DisputeRow
from models import Invoice as InvoiceRow
from models import PaymentStatus
from models import Plan as PlanRow
from models import Price as PriceRow
from models import Receipt as ReceiptRow
from models import Refund as RefundRow
from models import RefundRequest as RefundRequestRow
from models import Seller as SellerRow
from models import Subscription as SubscriptionRow
from resolvers.declarations import Column, Derived, Embedded, Listed, Related
from schema.fields import declare
from schema.scalars import JSON, CurrencyCode
from schema.types.filters import DateTimeRange
from schema.types.money import Money, money_in
from schema.types.node import Node
from schema.types.plan import Plan, Price
from schema.types.receipt import Receipt
from schema.types.seller import Seller

if TYPE_CHECKING:
    from schema.types.customer import Customer
    from schema.types.dispute import Dispute
    from schema.types.invoice import Invoice
    from schema.types.refund import Refund
    from schema.types.refund_request import RefundRequest
    from schema.types.subscription import Subscription

strawberry.enum(PaymentStatus, description="UNKNOWN: Stripe said something newer than this version; `stripeStatus` has its word.")


@strawberry.type(description="Why a payment failed, in Stripe's words.")
class PaymentFailure:
    """Reads off the payment's own row."""

    code: str = declare(Derived(("failure_code",), lambda row, _: row.failure_code or "unknown"))
    decline_code: str | None = declare(Column("failure_decline_code"))
    message: str = declare(Derived(("failure_message", "failure_code"), lambda row, _: row.failure_message or row.failure_code))


@strawberry.type(description="What was paid with; never more than may be shown.")
class PaymentMethod:
    """Reads off the payment's own row."""

    type: str = declare(Column("method_type"))
    brand: str | None = declare(Column("method_brand"))
    last4: str | None = declare(Column("method_last4"))
    exp_month: int | None = declare(Column("method_exp_month"))
    exp_year: int | None = declare(Column("method_exp_year"))
    wallet: str | None = declare(Column("method_wallet"))


@strawberry.type(description="One attempt of a customer to pay one amount.")
class Payment(Node):
    """Reads off models.Payment."""

    id: strawberry.ID
    status: PaymentStatus
    stripe_status: str | None
    amount: Money = declare(money_in("amount"))
    amount_refunded: Money = declare(money_in("amount_refunded"))
    customer: Annotated["Customer", strawberry.lazy("schema.types.customer")] | None = declare(
        Related(CustomerRow, "customer_id", scoped=False)
    )
    plan: Plan | None = declare(Related(PlanRow, "plan_id", scoped=False))
    price: Price | None = declare(Related(PriceRow, "price_id", scoped=False))
    quantity: int
    invoice: Annotated["Invoice", strawberry.lazy("schema.types.invoice")] | None = declare(Related(InvoiceRow, "invoice_id"))
    subscription: Annotated["Subscription", strawberry.lazy("schema.types.subscription")] | None = declare(
        Related(SubscriptionRow, "subscription_id")
    )
    seller: Seller | None = declare(Related(SellerRow, "seller_id"))
    description: str | None
    failure: PaymentFailure | None = declare(Embedded(("failure_code", "failure_message")))
    method: PaymentMethod | None = declare(Embedded(("method_type",)))
    refunds: list[Annotated["Refund", strawberry.lazy("schema.types.refund")]] = declare(Listed(RefundRow, "payment_id"))
    refund_requests: list[Annotated["RefundRequest", strawberry.lazy("schema.types.refund_request")]] = declare(
        Listed(RefundRequestRow, "payment_id")
    )
    disputes: list[Annotated["Dispute", strawberry.lazy("schema.types.dispute")]] = declare(Listed(DisputeRow, "payment_id"))
    receipt: Receipt | None = declare(Related(ReceiptRow, "id", "cause_id", scoped=False))
    stripe_payment_intent_id: str | None
    stripe_charge_id: str | None
    metadata: JSON
    created_at: datetime
    succeeded_at: datetime | None


@strawberry.input(description="Which payments; all conditions hold.")
class PaymentFilter:
    """For resolvers.filters.payments."""

    customer_id: strawberry.ID | None = strawberry.UNSET
    seller_id: strawberry.ID | None = strawberry.UNSET
    status: list[PaymentStatus] | None = strawberry.field(default=strawberry.UNSET, description="One of these.")
    currency: CurrencyCode | None = strawberry.UNSET
    created: DateTimeRange | None = strawberry.UNSET
    search: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Exactly an id, ours or Stripe's, of the payment or of its customer, subscription, checkout session or refund; "
        "for staff also the customer's e-mail address, in the list of all payments.",
    )


@strawberry.input(one_of=True, description="Exactly one.")
class PaymentBy:
    """For resolvers.filters.payment_by."""

    id: strawberry.ID | None = strawberry.UNSET
    stripe_payment_intent_id: str | None = strawberry.UNSET
    stripe_session_id: str | None = strawberry.UNSET
