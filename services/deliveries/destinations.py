"""Destinations of outgoing events: made, changed and deleted by administrators."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from models import Delivery, DeliveryStatus, EventDestination
from services import audit
from services.audit import Caller
from services.billing import Billing
from services.deliveries.events import EVENT_TYPES
from services.deliveries.signing import OVERLAP, new_secret
from services.deliveries.targets import TargetRefused, addresses_of, target_of
from services.errors import InvalidInput, NotFound, UrlNotAllowed
from services.idempotency import Call, Done, nothing, once
from services.text_input import MAX_ID, checked_text

MAX_DESTINATIONS = 50
"""Destinations that are not deleted: each event is a row for each of them."""

DELETED = "The destination was deleted."


@dataclass(frozen=True, slots=True)
class DestinationTerms:
    """No `event_types` means all."""

    url: str
    event_types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DestinationChange:
    """What is None stays as it is."""

    destination_id: str
    event_types: tuple[str, ...] | None = None
    active: bool | None = None
    rotate_secret: bool = False


async def create_event_destination(billing: Billing, caller: Caller, terms: DestinationTerms, key: str | None) -> Done[str]:
    """Make a destination; the extra is its secret. Raises UrlNotAllowed and InvalidInput, and then nothing is written."""
    _check_types(terms.event_types)
    await _check_url(billing, terms.url)

    async def begin() -> str:
        if await EventDestination.filter(deleted_at=None).count() >= MAX_DESTINATIONS:
            raise InvalidInput(f"There may be {MAX_DESTINATIONS} destinations: delete one first.")
        row = EventDestination(url=terms.url, event_types=list(dict.fromkeys(terms.event_types)), secret=new_secret())
        await row.save(force_create=True)
        await audit.record(caller, "event_destination.create", row.id, url=row.url, eventTypes=row.event_types)
        return str(row.id)

    return await once(Call(caller.viewer.external_id, "createEventDestination", key, asdict(terms)), begin, _secret)


async def update_event_destination(caller: Caller, wanted: DestinationChange, key: str | None) -> Done[str | None]:
    """Change a destination; with a new secret, which is then the extra, the one before is good for OVERLAP more.

    What waits for one that is not active any more waits on. Raises InvalidInput and NotFound, and then nothing is written.
    """
    checked_text(wanted.destination_id, MAX_ID, "id")
    _check_types(wanted.event_types or ())

    async def begin() -> str:
        row = await _locked(wanted.destination_id)
        columns = _columns(row, wanted)
        told = {name: [getattr(row, name), value] for name, value in columns.items() if "secret" not in name}
        row.update_from_dict(columns)
        if columns:
            await row.save(update_fields=list(columns))
        await audit.record(caller, "event_destination.update", row.id, **told, rotated=wanted.rotate_secret)
        return str(row.id)

    async def finish(row_id: str) -> str | None:
        return await _secret(row_id) if wanted.rotate_secret else None

    return await once(Call(caller.viewer.external_id, "updateEventDestination", key, asdict(wanted)), begin, finish)


async def delete_event_destination(caller: Caller, destination_id: str, key: str | None) -> Done[None]:
    """Send nothing more to a destination and forget its secrets; what waited for it is given up. Raises InvalidInput and NotFound."""
    checked_text(destination_id, MAX_ID, "id")

    async def begin() -> str:
        row = await _locked(destination_id)
        row.update_from_dict({"active": False, "deleted_at": datetime.now(UTC)})
        row.update_from_dict({"secret": None, "former_secret": None, "former_secret_until": None})
        await row.save(update_fields=["active", "deleted_at", "secret", "former_secret", "former_secret_until"])
        waiting = Delivery.filter(destination_id=row.id, next_attempt_at__not_isnull=True)
        await waiting.update(status=DeliveryStatus.DEAD.value, next_attempt_at=None, error=DELETED)
        await audit.record(caller, "event_destination.delete", row.id, url=row.url)
        return str(row.id)

    return await once(Call(caller.viewer.external_id, "deleteEventDestination", key, {"id": destination_id}), begin, nothing)


def _check_types(names: tuple[str, ...]) -> None:
    unknown = [name for name in names if name not in EVENT_TYPES]
    if unknown:
        raise InvalidInput(f"There are these event types: {', '.join(EVENT_TYPES)}.", "eventTypes")


async def _check_url(billing: Billing, url: str) -> None:
    try:
        await addresses_of(target_of(url, private=billing.settings.event_destinations_private))
    except TargetRefused as refused:
        raise UrlNotAllowed(str(refused), "url") from refused


async def _locked(destination_id: str) -> EventDestination:
    row = await EventDestination.filter(id=destination_id, deleted_at=None).select_for_update(no_key=True).first()
    if row is None:
        raise NotFound("There is no such destination.", "id")
    return row


async def _secret(row_id: str) -> str:
    return str((await EventDestination.get(id=row_id)).secret)


def _columns(row: EventDestination, wanted: DestinationChange) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    if wanted.event_types is not None:
        columns["event_types"] = list(dict.fromkeys(wanted.event_types))
    if wanted.active is not None:
        columns["active"] = wanted.active
    if wanted.rotate_secret:
        columns |= {"secret": new_secret(), "former_secret": row.secret, "former_secret_until": datetime.now(UTC) + OVERLAP}
    return columns
