"""What can be changed."""

from typing import Annotated, Any

import strawberry

from resolvers.mutations import operating, refunding, selling
from schema.inputs import (
    CreateCheckoutSessionInput,
    CreatePaymentIntentInput,
    CreatePortalSessionInput,
    CreateRefundInput,
    RefreshPaymentInput,
    ReplayWebhookEventInput,
)
from schema.payloads import (
    CreateCheckoutSessionPayload,
    CreatePaymentIntentPayload,
    CreatePortalSessionPayload,
    PaymentPayload,
    RefundPayload,
    WebhookEventPayload,
)
from webhooks.handlers import HANDLERS

GIVEN = strawberry.argument(name="input")
"""Every mutation takes one argument of this name."""


async def create_checkout_session(info: strawberry.Info, given: Annotated[CreateCheckoutSessionInput, GIVEN]) -> Any:
    """Anybody signed in, for themselves."""
    return await selling.create_checkout_session(info, given.request(), given.idempotency_key)


async def create_payment_intent(info: strawberry.Info, given: Annotated[CreatePaymentIntentInput, GIVEN]) -> Any:
    """Anybody signed in, for themselves."""
    return await selling.create_payment_intent(info, given.request(), given.idempotency_key)


async def refresh_payment(info: strawberry.Info, given: Annotated[RefreshPaymentInput, GIVEN]) -> Any:
    """The payment's owner and staff."""
    return await selling.refresh_payment(info, given.id, given.idempotency_key)


async def create_portal_session(info: strawberry.Info, given: Annotated[CreatePortalSessionInput, GIVEN]) -> Any:
    """Anybody signed in, for themselves."""
    return await selling.create_portal_session(info, given.request(), given.idempotency_key)


async def create_refund(info: strawberry.Info, given: Annotated[CreateRefundInput, GIVEN]) -> Any:
    """Support and administrators."""
    return await refunding.create_refund(info, given.request(), given.idempotency_key)


async def replay_webhook_event(info: strawberry.Info, given: Annotated[ReplayWebhookEventInput, GIVEN]) -> Any:
    """SUPPORT and ADMIN."""
    return await operating.replay_webhook_event(info, HANDLERS, given.id, given.idempotency_key)


@strawberry.type(description="What can be changed. What a client can act on comes as `userErrors`, with the result null.")
class Mutation:
    """Each field authorises and calls one service, through resolvers.mutations."""

    create_checkout_session: Any = strawberry.mutation(
        resolver=create_checkout_session,
        graphql_type=CreateCheckoutSessionPayload,
        description="Sell to the caller on a page of Stripe's.",
    )
    create_payment_intent: Any = strawberry.mutation(
        resolver=create_payment_intent,
        graphql_type=CreatePaymentIntentPayload,
        description="Sell a package to the caller in the seller's own page, with Stripe.js.",
    )
    refresh_payment: Any = strawberry.mutation(
        resolver=refresh_payment,
        graphql_type=PaymentPayload,
        description="Read the payment again from Stripe: what a success page calls when it will not wait for the webhook.",
    )
    create_portal_session: Any = strawberry.mutation(
        resolver=create_portal_session,
        graphql_type=CreatePortalSessionPayload,
        description="Open Stripe's customer portal for the caller.",
    )
    create_refund: Any = strawberry.mutation(
        resolver=create_refund,
        graphql_type=RefundPayload,
        description="Give back all or part of a payment; for support and administrators.",
    )
    replay_webhook_event: Any = strawberry.mutation(
        resolver=replay_webhook_event,
        graphql_type=WebhookEventPayload,
        description="Apply a stored event of Stripe's once more; for support and administrators.",
    )
