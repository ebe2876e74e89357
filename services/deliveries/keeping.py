"""Deliveries that were given up, sent again by an operator, and dropped when they are old."""

from datetime import UTC, datetime, timedelta
from typing import Any

from models import Delivery, DeliveryStatus, EventDestination
from models.database import transaction
from models.persistence import lock
from services import audit
from services.audit import OPERATOR, Caller
from services.billing import Billing
from services.errors import InvalidInput, NotFound, Refusal
from services.idempotency import Call, Done, nothing, once
from services.text_input import MAX_ID, checked_text

MOST_COUNTED = 1000
"""Dead deliveries are counted up to one more than this."""

PRUNED_AT_ONCE = 500
"""Deliveries that one round drops."""

AGAIN: dict[str, Any] = {"status": DeliveryStatus.PENDING.value, "attempts": 0}


def dead() -> Any:
    """The deliveries that wait for an operator; those to destinations that were deleted wait for nobody."""
    return Delivery.filter(status=DeliveryStatus.DEAD.value, destination__deleted_at=None)


async def count_dead() -> int:
    """How many wait for an operator, MOST_COUNTED + 1 standing for more."""
    return len(await dead().limit(MOST_COUNTED + 1).values_list("id", flat=True))


async def redeliver(caller: Caller, delivery_id: str, key: str | None) -> Done[None]:
    """Let a delivery be sent (again) now, under the same message id, with all its attempts before it; audited.

    Raises NotFound, and InvalidInput where its destination was deleted or is not active.
    """
    checked_text(delivery_id, MAX_ID, "id")

    async def begin() -> str:
        await _again(caller, delivery_id)
        return delivery_id

    return await once(Call(caller.viewer.external_id, "redeliver", key, {"id": delivery_id}), begin, nothing)


async def send_again(delivery_id: str) -> str | None:
    """As `redeliver`, for an operator at the terminal; None when it is done, else why it is not."""
    try:
        async with transaction():
            await _again(OPERATOR, delivery_id)
    except Refusal as refusal:
        return refusal.message
    return None


async def _again(caller: Caller | str, delivery_id: str) -> None:
    """The destination is locked first, as where it is deleted, which gives up what waits."""
    known = await Delivery.get_or_none(id=delivery_id)
    destination = await lock(EventDestination, id=known.destination_id) if known else None
    row = await lock(Delivery, id=delivery_id)
    if row is None or destination is None:
        raise NotFound("There is no such delivery.", "id")
    if destination.deleted_at is not None or not destination.active:
        raise InvalidInput("Its destination was deleted, or is not active.", "id")
    now = datetime.now(UTC)
    await Delivery.filter(id=row.id).update(**AGAIN, next_attempt_at=now, delivered_at=None)
    behind = Delivery.filter(object_id=row.object_id, destination_id=row.destination_id, position__gt=row.position)
    await behind.filter(status=DeliveryStatus.PENDING.value, attempts=0).update(next_attempt_at=now)
    await audit.record(caller, "delivery.redeliver", row.id, status=[row.status, AGAIN["status"]], attempts=[row.attempts, 0])


async def prune_deliveries(billing: Billing) -> int:
    """Drop deliveries taken longer ago than EVENT_DELIVERY_DAYS, and those to destinations deleted longer ago, a bounded number at once.

    How many. None when the setting is 0.
    """
    days = billing.settings.event_delivery_days
    if not days:
        return 0
    before = datetime.now(UTC) - timedelta(days=days)
    taken = Delivery.filter(delivered_at__lt=before).order_by("delivered_at").limit(PRUNED_AT_ONCE)
    dropped = await Delivery.filter(id__in=await _ids(taken), status=DeliveryStatus.DELIVERED.value).delete()
    gone = await _ids(EventDestination.filter(deleted_at__lt=before))
    left = Delivery.filter(destination_id__in=gone).limit(PRUNED_AT_ONCE - dropped)
    return dropped + (await Delivery.filter(id__in=await _ids(left)).delete() if gone and dropped < PRUNED_AT_ONCE else 0)


async def _ids(rows: Any) -> list[str]:
    return [str(row_id) for row_id in await rows.values_list("id", flat=True)]
