"""What can be read."""

import strawberry

from models import CheckoutSession as CheckoutSessionRow
from models import Dispute as DisputeRow
from models import Payment as PaymentRow
from models import Plan as PlanRow
from models import Refund as RefundRow
from models import Subscription as SubscriptionRow
from models import WebhookEvent as WebhookEventRow
from resolvers import filters
from resolvers.declarations import ById, Connected, Found, Single
from resolvers.viewer import config_values, viewer_values
from schema.connections import Connection
from schema.fields import PAGE, declare
from schema.types.billing_config import BillingConfig
from schema.types.checkout_session import CheckoutSession
from schema.types.customer import Viewer
from schema.types.dispute import Dispute
from schema.types.node import Node
from schema.types.payment import Payment, PaymentBy, PaymentFilter
from schema.types.plan import Plan, PlanFilter
from schema.types.refund import Refund
from schema.types.subscription import Subscription, SubscriptionFilter
from schema.types.webhook_event import WebhookEvent, WebhookEventFilter


@strawberry.type(description="What can be read. A row that is not the caller's does not exist: it is null or not in the list.")
class Query:
    """Every field is declared; resolvers.planner reads."""

    node: Node | None = declare(ById(), id=strawberry.ID)
    nodes: list[Node | None] = declare(ById(many=True), description="In the order of the ids, at most 100.", ids=list[strawberry.ID])
    viewer: Viewer | None = declare(Single(viewer_values), description="Null when nobody is signed in.")
    config: BillingConfig = declare(Single(config_values))
    plans: Connection[Plan] = declare(
        Connected(PlanRow, filter=filters.plans),
        description="What is sold; for staff also what no longer is.",
        filter=PlanFilter | None,
        **PAGE,
    )
    plan: Plan | None = declare(Found(PlanRow, filters.by_code), code=str)
    payments: Connection[Payment] = declare(
        Connected(PaymentRow, filter=filters.payments),
        description="A customer's own; anyone's for staff.",
        filter=PaymentFilter | None,
        **PAGE,
    )
    payment: Payment | None = declare(Found(PaymentRow, filters.payment_by), by=PaymentBy)
    subscriptions: Connection[Subscription] = declare(
        Connected(SubscriptionRow, filter=filters.subscriptions),
        description="A customer's own; anyone's for staff.",
        filter=SubscriptionFilter | None,
        **PAGE,
    )
    subscription: Subscription | None = declare(Found(SubscriptionRow, filters.by_id), id=strawberry.ID)
    refunds: Connection[Refund] = declare(Connected(RefundRow), description="A customer's own; anyone's for staff.", **PAGE)
    disputes: Connection[Dispute] = declare(Connected(DisputeRow), description="A customer's own; anyone's for staff.", **PAGE)
    webhook_events: Connection[WebhookEvent] = declare(
        Connected(WebhookEventRow, filter=filters.webhook_events),
        description="What Stripe told us; for support and administrators.",
        filter=WebhookEventFilter | None,
        **PAGE,
    )
    checkout_session: CheckoutSession | None = declare(Found(CheckoutSessionRow, filters.by_id), id=strawberry.ID)
