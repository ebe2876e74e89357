"""What mutations answer: the result, null when refused, and the refusals. They read off resolvers.mutations.payload.Payload."""

import strawberry

from schema.types.checkout_session import CheckoutSession
from schema.types.credit_entry import CreditEntry
from schema.types.customer import Customer
from schema.types.event_destination import Delivery, EventDestination
from schema.types.invoice import Invoice
from schema.types.payment import Payment
from schema.types.plan import Plan
from schema.types.promotion_code import PromotionCode
from schema.types.refund import Refund
from schema.types.refund_request import RefundRequest
from schema.types.seller import Seller
from schema.types.subscription import Subscription
from schema.types.user_error import UserError
from schema.types.webhook_event import WebhookEvent


@strawberry.type(description="The session to send the browser to.")
class CreateCheckoutSessionPayload:
    """Reads off resolvers.mutations.payload.Payload."""

    checkout_session: CheckoutSession | None
    user_errors: list[UserError]


@strawberry.type(description="The payment, and what Stripe.js confirms it with.")
class CreatePaymentIntentPayload:
    """Reads off resolvers.mutations.payload.Payload."""

    payment: Payment | None
    client_secret: str | None
    publishable_key: str | None
    user_errors: list[UserError]


@strawberry.type(description="The payment as it is now.")
class PaymentPayload:
    """Reads off resolvers.mutations.payload.Payload."""

    payment: Payment | None
    user_errors: list[UserError]


@strawberry.type(description="Where the portal is; good for some minutes.")
class CreatePortalSessionPayload:
    """Reads off resolvers.mutations.payload.Payload."""

    url: str | None
    user_errors: list[UserError]


@strawberry.type(description="The refund.")
class RefundPayload:
    """Reads off resolvers.mutations.payload.Payload."""

    refund: Refund | None
    user_errors: list[UserError]


@strawberry.type(description="The event, and what became of it.")
class WebhookEventPayload:
    """Reads off resolvers.mutations.payload.Payload."""

    webhook_event: WebhookEvent | None
    user_errors: list[UserError]


@strawberry.type(description="The request as it is now.")
class RefundRequestPayload:
    """Reads off resolvers.mutations.payload.Payload."""

    refund_request: RefundRequest | None
    user_errors: list[UserError]


@strawberry.type(description="The invoice as it is now.")
class InvoicePayload:
    """Reads off resolvers.mutations.payload.Payload."""

    invoice: Invoice | None
    user_errors: list[UserError]


@strawberry.type(description="The seller.")
class SellerPayload:
    """Reads off resolvers.mutations.payload.Payload."""

    seller: Seller | None
    user_errors: list[UserError]


@strawberry.type(description="The plan as it is now.")
class PlanPayload:
    """Reads off resolvers.mutations.payload.Payload."""

    plan: Plan | None
    user_errors: list[UserError]


@strawberry.type(description="The code as it is now.")
class PromotionCodePayload:
    """Reads off resolvers.mutations.payload.Payload."""

    promotion_code: PromotionCode | None
    user_errors: list[UserError]


@strawberry.type(description="What was booked, and whose it is.")
class CreditsPayload:
    """Reads off resolvers.mutations.payload.Payload."""

    entry: CreditEntry | None
    customer: Customer | None
    user_errors: list[UserError]


@strawberry.type(description="The subscription as it is now.")
class SubscriptionPayload:
    """Reads off resolvers.mutations.payload.Payload."""

    subscription: Subscription | None
    user_errors: list[UserError]


@strawberry.type(description="The destination, and its signing secret, which is shown in this answer only.")
class CreateEventDestinationPayload:
    """Reads off resolvers.mutations.payload.Payload."""

    event_destination: EventDestination | None
    secret: str | None
    user_errors: list[UserError]


@strawberry.type(description="The destination as it is now.")
class EventDestinationPayload:
    """Reads off resolvers.mutations.payload.Payload."""

    event_destination: EventDestination | None
    secret: str | None = strawberry.field(description="Of rotateSecret: the new one, in this answer only.")
    user_errors: list[UserError]


@strawberry.type(description="The delivery as it is now.")
class DeliveryPayload:
    """Reads off resolvers.mutations.payload.Payload."""

    delivery: Delivery | None
    user_errors: list[UserError]


@strawberry.type(description="The customer as they are now: a pseudonym.")
class CustomerPayload:
    """Reads off resolvers.mutations.payload.Payload."""

    customer: Customer | None
    user_errors: list[UserError]
