"""Whoever buys, and whoever asks."""

from datetime import datetime

import strawberry

from models import CreditEntry as CreditEntryRow
from models import Customer as CustomerRow
from models import Entitlement as EntitlementRow
from models import Invoice as InvoiceRow
from models import Payment as PaymentRow
from models import Seller as SellerRow
from models import Subscription as SubscriptionRow
from resolvers import filters
from resolvers.declarations import Connected, Derived, Listed, Related
from resolvers.entitlement import open_ones
from resolvers.viewer import credit_balance, has_payment_method, personal
from schema.connections import Connection
from schema.fields import PAGE, declare
from schema.types.credit_entry import CreditEntry
from schema.types.entitlement import Entitlement
from schema.types.invoice import Invoice, InvoiceFilter
from schema.types.node import Node
from schema.types.payment import Payment, PaymentFilter
from schema.types.seller import Seller
from schema.types.subscription import Subscription, SubscriptionFilter
from services.authentication import Role

FOR_FEW = "For the customer and staff alone; null for a seller."

strawberry.enum(Role, description="What a viewer may do; everybody is a CUSTOMER.")


@strawberry.type(description="Whoever buys: a user of the host's product.")
class Customer(Node):
    """Reads off models.Customer."""

    id: strawberry.ID
    external_id: str
    email: str | None = declare(Derived(("email", "external_id"), personal("email")), description=FOR_FEW)
    name: str | None = declare(Derived(("name", "external_id"), personal("name")), description=FOR_FEW)
    stripe_customer_id: str | None = declare(
        Derived(("stripe_customer_id", "external_id"), personal("stripe_customer_id")), description=FOR_FEW
    )
    has_payment_method: bool | None = declare(
        Derived(("stripe_payment_method_id", "external_id"), has_payment_method),
        description="Whether there is one that Stripe charges for invoices. " + FOR_FEW,
    )
    credit_balance: int = declare(
        Derived(("credit_balance", "external_id"), credit_balance), description="The sum of the ledger; for the customer and staff alone."
    )
    credit_entries: Connection[CreditEntry] = declare(Connected(CreditEntryRow, "customer_id"), **PAGE)
    entitlements: list[Entitlement] = declare(
        Listed(EntitlementRow, "customer_id", open_ones),
        description="Those that are open now; with active: false those that are closed as well.",
        defaults={"active": True},
        active=bool | None,
    )
    payments: Connection[Payment] = declare(Connected(PaymentRow, "customer_id", filters.payments), **PAGE, filter=PaymentFilter | None)
    subscriptions: Connection[Subscription] = declare(
        Connected(SubscriptionRow, "customer_id", filters.subscriptions), **PAGE, filter=SubscriptionFilter | None
    )
    invoices: Connection[Invoice] = declare(Connected(InvoiceRow, "customer_id", filters.invoices), **PAGE, filter=InvoiceFilter | None)
    erased_at: datetime | None = strawberry.field(description="Since when the row is a pseudonym; null for everybody who was not erased.")
    created_at: datetime


@strawberry.type(description="Who is asking, as the token says.")
class Viewer:
    """Reads off the verified token."""

    external_id: str = strawberry.field(description="The token's subject.")
    email: str | None
    roles: list[Role]
    customer: Customer | None = declare(Related(CustomerRow, "external_id", "external_id"), description="Null until the viewer first buys.")
    seller: Seller | None = declare(
        Related(SellerRow, "external_id", "external_id"), description="Who the viewer is as a seller; null for those who sell nothing."
    )
