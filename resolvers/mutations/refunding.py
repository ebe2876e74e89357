"""Money goes back: support and administrators give it, customers ask for it."""

from typing import Any

from models import Refund, RefundRequest
from resolvers.mutations.payload import Payload, caller_of, made
from resolvers.permissions import OPERATORS, require_roles, require_viewer
from services import refund_requests
from services.refund_requests import Asked
from services.refunds import RefundRequest as RefundAsked
from services.refunds import create_refund as create


async def create_refund(info: Any, request: RefundAsked, key: str) -> Payload:
    """SUPPORT and ADMIN, of anybody's payment."""
    context = info.context
    caller = caller_of(context, require_roles(context, *OPERATORS))
    payload, _ = await made(info, "refund", Refund, create(context.billing, caller, request, key))
    return payload


async def request_refund(info: Any, asked: Asked, key: str | None) -> Payload:
    """Anybody signed in, of their own payments."""
    caller = caller_of(info.context, require_viewer(info.context))
    payload, _ = await made(info, "refund_request", RefundRequest, refund_requests.request_refund(caller, asked, key))
    return payload


async def approve_refund_request(info: Any, request_id: str, note: str | None, key: str | None) -> Payload:
    """SUPPORT and ADMIN."""
    context = info.context
    caller = caller_of(context, require_roles(context, *OPERATORS))
    work = refund_requests.approve_refund_request(context.billing, caller, request_id, note, key)
    payload, _ = await made(info, "refund_request", RefundRequest, work)
    return payload


async def reject_refund_request(info: Any, request_id: str, note: str | None, key: str | None) -> Payload:
    """SUPPORT and ADMIN."""
    caller = caller_of(info.context, require_roles(info.context, *OPERATORS))
    work = refund_requests.reject_refund_request(info.context.billing, caller, request_id, note, key)
    payload, _ = await made(info, "refund_request", RefundRequest, work)
    return payload


async def withdraw_refund_request(info: Any, request_id: str, key: str | None) -> Payload:
    """Whoever asked."""
    caller = caller_of(info.context, require_viewer(info.context))
    work = refund_requests.withdraw_refund_request(caller, request_id, key)
    payload, _ = await made(info, "refund_request", RefundRequest, work)
    return payload
