"""Administrators say who is told what happened here."""

from typing import Any

from models import Delivery, EventDestination
from resolvers.mutations.payload import Payload, caller_of, made
from resolvers.permissions import require_roles
from services.audit import Caller
from services.authentication import Role
from services.deliveries import destinations, keeping
from services.deliveries.destinations import DestinationChange, DestinationTerms


async def create_event_destination(info: Any, terms: DestinationTerms, key: str | None) -> Payload:
    """ADMIN; the secret is in the first answer alone."""
    caller = _administrator(info)
    work = destinations.create_event_destination(info.context.billing, caller, terms, key)
    payload, secret = await made(info, "event_destination", EventDestination, work)
    payload.add(secret=secret)
    return payload


async def update_event_destination(info: Any, wanted: DestinationChange, key: str | None) -> Payload:
    """ADMIN; a new secret is in the first answer alone."""
    work = destinations.update_event_destination(_administrator(info), wanted, key)
    payload, secret = await made(info, "event_destination", EventDestination, work)
    payload.add(secret=secret)
    return payload


async def delete_event_destination(info: Any, destination_id: str, key: str | None) -> Payload:
    """ADMIN."""
    work = destinations.delete_event_destination(_administrator(info), destination_id, key)
    payload, _ = await made(info, "event_destination", EventDestination, work)
    return payload


async def redeliver(info: Any, delivery_id: str, key: str | None) -> Payload:
    """ADMIN."""
    payload, _ = await made(info, "delivery", Delivery, keeping.redeliver(_administrator(info), delivery_id, key))
    return payload


def _administrator(info: Any) -> Caller:
    return caller_of(info.context, require_roles(info.context, Role.ADMIN))
