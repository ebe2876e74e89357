"""Money goes back."""

from typing import Annotated, Any

import strawberry

from resolvers.mutations import refunding
from schema.inputs.refunding import CreateRefundInput, DecideRefundRequestInput, RequestRefundInput, WithdrawRefundRequestInput
from schema.mutations.given import GIVEN


async def create_refund(info: strawberry.Info, given: Annotated[CreateRefundInput, GIVEN]) -> Any:
    """Support and administrators."""
    return await refunding.create_refund(info, given.request(), given.idempotency_key)


async def request_refund(info: strawberry.Info, given: Annotated[RequestRefundInput, GIVEN]) -> Any:
    """Anybody signed in, of their own payments."""
    return await refunding.request_refund(info, given.request(), given.idempotency_key)


async def approve_refund_request(info: strawberry.Info, given: Annotated[DecideRefundRequestInput, GIVEN]) -> Any:
    """Support and administrators."""
    return await refunding.approve_refund_request(info, given.id, given.note, given.idempotency_key)


async def reject_refund_request(info: strawberry.Info, given: Annotated[DecideRefundRequestInput, GIVEN]) -> Any:
    """Support and administrators."""
    return await refunding.reject_refund_request(info, given.id, given.note, given.idempotency_key)


async def withdraw_refund_request(info: strawberry.Info, given: Annotated[WithdrawRefundRequestInput, GIVEN]) -> Any:
    """Whoever asked."""
    return await refunding.withdraw_refund_request(info, given.id, given.idempotency_key)
