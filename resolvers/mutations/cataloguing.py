"""Administrators say what is sold."""

from typing import Any

from models import Plan
from resolvers.mutations.payload import Payload, caller_of, made
from resolvers.permissions import require_roles
from services import catalogue
from services.authentication import Role
from services.catalogue import PlanTerms


async def save_plan(info: Any, terms: PlanTerms, key: str | None) -> Payload:
    """ADMIN."""
    context = info.context
    caller = caller_of(context, require_roles(context, Role.ADMIN))
    payload, _ = await made(info, "plan", Plan, catalogue.save(context.billing, caller, terms, key))
    return payload


async def archive_plan(info: Any, code: str, key: str | None) -> Payload:
    """ADMIN."""
    context = info.context
    caller = caller_of(context, require_roles(context, Role.ADMIN))
    payload, _ = await made(info, "plan", Plan, catalogue.archive(context.billing, caller, code, key))
    return payload
