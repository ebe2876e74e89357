"""Whoever buys, and whoever asks."""

from datetime import datetime

import strawberry

from models import Customer as CustomerRow
from models import Payment as PaymentRow
from models import Subscription as SubscriptionRow
from resolvers import filters
from resolvers.declarations import Connected, Related
from schema.connections import Connection
from schema.fields import PAGE, declare
from schema.types.node import Node
from schema.types.payment import Payment, PaymentFilter
from schema.types.subscription import Subscription, SubscriptionFilter
from services.authentication import Role

strawberry.enum(Role, description="What a viewer may do; everybody is a CUSTOMER.")


@strawberry.type(description="Whoever buys: a user of the host's product.")
class Customer(Node):
    """Reads off models.Customer."""

    id: strawberry.ID
    external_id: str
    email: str | None
    name: str | None
    stripe_customer_id: str | None
    payments: Connection[Payment] = declare(Connected(PaymentRow, "customer_id", filters.payments), **PAGE, filter=PaymentFilter | None)
    subscriptions: Connection[Subscription] = declare(
        Connected(SubscriptionRow, "customer_id", filters.subscriptions), **PAGE, filter=SubscriptionFilter | None
    )
    created_at: datetime


@strawberry.type(description="Who is asking, as the token says.")
class Viewer:
    """Reads off the verified token."""

    external_id: str = strawberry.field(description="The token's subject.")
    email: str | None
    roles: list[Role]
    customer: Customer | None = declare(Related(CustomerRow, "external_id", "external_id"), description="Null until the viewer first buys.")
