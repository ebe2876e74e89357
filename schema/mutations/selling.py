"""Customers buy."""

from typing import Annotated, Any

import strawberry

from resolvers.mutations import selling
from schema.inputs.selling import CreateCheckoutSessionInput, CreatePaymentIntentInput, CreatePortalSessionInput, RefreshPaymentInput
from schema.mutations.given import GIVEN


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
