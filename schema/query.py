"""What can be read."""

from datetime import datetime

import strawberry

from models import AuditEntry as AuditEntryRow
from models import CheckoutSession as CheckoutSessionRow
from models import Customer as CustomerRow
from models import Dispute as DisputeRow
from models import Entitlement as EntitlementRow
from models import EventDestination as EventDestinationRow
from models import Invoice as InvoiceRow
from models import Payment as PaymentRow
from models import Plan as PlanRow
from models import PromotionCode as PromotionCodeRow
from models import Refund as RefundRow
from models import RefundRequest as RefundRequestRow
from models import RefundRequestStatus
from models import Seller as SellerRow
from models import Subscription as SubscriptionRow
from models import WebhookEvent as WebhookEventRow
from resolvers import event_filters, filters
from resolvers.declarations import Aggregated, Asked, ById, Connected, Exists, Found, Single
from resolvers.entitlement import entitles
from resolvers.previews import preview_subscription_change
from resolvers.statistics import statistics_of
from resolvers.viewer import config_values, viewer_values
from schema.connections import Connection
from schema.fields import PAGE, declare
from schema.types.audit_entry import AuditEntry
from schema.types.billing_config import BillingConfig
from schema.types.checkout_session import CheckoutSession
from schema.types.customer import Customer, Viewer
from schema.types.dispute import Dispute
from schema.types.event_destination import EventDestination
from schema.types.invoice import Invoice, InvoiceFilter
from schema.types.node import Node
from schema.types.payment import Payment, PaymentBy, PaymentFilter
from schema.types.plan import Plan, PlanFilter
from schema.types.promotion_code import PromotionCode
from schema.types.refund import Refund
from schema.types.refund_request import RefundRequest
from schema.types.seller import Seller
from schema.types.statistics import Statistics, StatisticsFilter
from schema.types.subscription import Subscription, SubscriptionFilter
from schema.types.subscription_change import SubscriptionChangePreview
from schema.types.webhook_event import WebhookEvent, WebhookEventFilter
from services.plan_changes import ProrationBehavior

SHOWN = "A customer's own, a seller's sales, anyone's for staff."


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
        description=SHOWN,
        filter=PaymentFilter | None,
        **PAGE,
    )
    payment: Payment | None = declare(Found(PaymentRow, filters.payment_by), by=PaymentBy)
    subscriptions: Connection[Subscription] = declare(
        Connected(SubscriptionRow, filter=filters.subscriptions),
        description=SHOWN,
        filter=SubscriptionFilter | None,
        **PAGE,
    )
    subscription: Subscription | None = declare(Found(SubscriptionRow, filters.by_id), id=strawberry.ID)
    preview_subscription_change: SubscriptionChangePreview = declare(
        Asked(preview_subscription_change),
        description="What Stripe says that changeSubscription would cost, for whoever may change it. A refusal is an error with its code.",
        defaults={"proration": ProrationBehavior.CREATE_PRORATIONS},
        id=strawberry.ID,
        price_id=strawberry.ID,
        quantity=int | None,
        proration=ProrationBehavior | None,
        proration_date=datetime | None,
    )
    refunds: Connection[Refund] = declare(Connected(RefundRow), description=SHOWN, **PAGE)
    disputes: Connection[Dispute] = declare(Connected(DisputeRow), description=SHOWN, **PAGE)
    promotion_code: PromotionCode | None = declare(
        Found(PromotionCodeRow, filters.by_promotion_code),
        description="A code that the viewer may use, in any case; for staff any.",
        code=str,
    )
    invoices: Connection[Invoice] = declare(
        Connected(InvoiceRow, filter=filters.invoices),
        description=SHOWN,
        filter=InvoiceFilter | None,
        **PAGE,
    )
    invoice: Invoice | None = declare(Found(InvoiceRow, filters.by_id), id=strawberry.ID)
    refund_requests: Connection[RefundRequest] = declare(
        Connected(RefundRequestRow, filter=filters.refund_requests),
        description=SHOWN,
        status=list[RefundRequestStatus] | None,
        **PAGE,
    )
    entitled: bool = declare(
        Exists(EntitlementRow, entitles),
        description="Whether the viewer, or for staff a customer by our id or by the host's own, may use the feature now.",
        feature=str,
        customer_id=strawberry.ID | None,
        customer_external_id=str | None,
    )
    customers: Connection[Customer] = declare(
        Connected(CustomerRow, filter=filters.customers),
        description="For staff all, found by an exact id or e-mail address; for others themselves.",
        search=str | None,
        **PAGE,
    )
    customer: Customer | None = declare(
        Found(CustomerRow, filters.by_customer), description="By our id or the host's own.", id=strawberry.ID | None, external_id=str | None
    )
    sellers: Connection[Seller] = declare(Connected(SellerRow), description="Who sells.", **PAGE)
    audit_log: Connection[AuditEntry] = declare(
        Connected(AuditEntryRow, filter=filters.audit_log),
        description="Who did what; for administrators.",
        object_id=strawberry.ID | None,
        **PAGE,
    )
    webhook_events: Connection[WebhookEvent] = declare(
        Connected(WebhookEventRow, filter=filters.webhook_events),
        description="What Stripe told us; for support and administrators.",
        filter=WebhookEventFilter | None,
        **PAGE,
    )
    statistics: Statistics = declare(
        Aggregated(statistics_of),
        description="For staff of all sales or of one seller's; for sellers of their own. A refusal is an error with its code.",
        filter=StatisticsFilter,
    )
    event_destinations: Connection[EventDestination] = declare(
        Connected(EventDestinationRow, filter=event_filters.event_destinations),
        description="Who is told what happens here, without those that were deleted; for administrators.",
        **PAGE,
    )
    checkout_session: CheckoutSession | None = declare(Found(CheckoutSessionRow, filters.by_id), id=strawberry.ID)
