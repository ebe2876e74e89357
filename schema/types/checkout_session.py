"""Pages of Stripe's on which one thing is paid."""

from datetime import datetime

import strawberry

from models import CheckoutStatus
from models import Payment as PaymentRow
from models import Subscription as SubscriptionRow
from resolvers.declarations import Related
from schema.fields import declare
from schema.types.node import Node
from schema.types.payment import Payment
from schema.types.subscription import Subscription

strawberry.enum(CheckoutStatus, description="Stripe's Session.status.")


@strawberry.type(description="A page of Stripe's on which one customer pays for one thing.")
class CheckoutSession(Node):
    """Reads off models.CheckoutSession."""

    id: strawberry.ID
    status: CheckoutStatus
    url: str | None = strawberry.field(description="Where to send the browser.")
    expires_at: datetime
    payment: Payment | None = declare(Related(PaymentRow, "payment_id"))
    subscription: Subscription | None = declare(Related(SubscriptionRow, "subscription_id"))
    stripe_session_id: str
