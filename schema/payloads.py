"""What mutations answer: the result, null when refused, and the refusals. They read off resolvers.mutations.payload.Payload."""

import strawberry

from schema.types.checkout_session import CheckoutSession
from schema.types.payment import Payment
from schema.types.refund import Refund
from schema.types.user_error import UserError


@strawberry.type
class CreateCheckoutSessionPayload:
    """The session to send the browser to."""

    checkout_session: CheckoutSession | None
    user_errors: list[UserError]


@strawberry.type
class CreatePaymentIntentPayload:
    """The payment, and what Stripe.js confirms it with."""

    payment: Payment | None
    client_secret: str | None
    publishable_key: str | None
    user_errors: list[UserError]


@strawberry.type
class PaymentPayload:
    """The payment as it is now."""

    payment: Payment | None
    user_errors: list[UserError]


@strawberry.type
class CreatePortalSessionPayload:
    """Where the portal is; good for some minutes."""

    url: str | None
    user_errors: list[UserError]


@strawberry.type
class RefundPayload:
    """The refund."""

    refund: Refund | None
    user_errors: list[UserError]
