"""What is recorded beside the books: it goes by age alone, once nothing is to be done about it any more."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from models import AuditEntry, Delivery, DeliveryStatus, Email, IdempotencyKey, WebhookEvent
from models.ids import earliest_id
from models.record import Record
from services.retention.books import delete
from services.retention.limits import Limits
from services.retention.tally import Counts, Tally

BATCH = 500
"""Rows of one transaction."""


async def delete_records(limits: Limits, tally: Tally) -> None:
    """Delete every kind of which something is older than it is kept."""
    for kind, rows in _old(limits):
        await _delete(kind, rows, tally)


def _old(limits: Limits) -> Iterator[tuple[type[Record], QuerySet[Any]]]:
    if limits.audit is not None:
        yield AuditEntry, _made_before(AuditEntry, limits.audit)
    if limits.events is not None:
        yield WebhookEvent, _made_before(WebhookEvent, limits.events).filter(next_attempt_at=None)
    if limits.deliveries is not None:
        taken, dead = Q(delivered_at__lt=limits.deliveries), Q(status=DeliveryStatus.DEAD.value)
        yield Delivery, _made_before(Delivery, limits.deliveries).filter(taken | dead)
    if limits.mails is not None:
        yield Email, _made_before(Email, limits.mails).filter(next_attempt_at=None)
    yield IdempotencyKey, IdempotencyKey.filter(created_at__lt=limits.keys, answer__isnull=False)


def _made_before(kind: type[Record], moment: datetime) -> QuerySet[Any]:
    return kind.filter(id__lt=earliest_id(kind.prefix, moment), created_at__lt=moment)


async def _delete(kind: type[Record], rows: QuerySet[Any], tally: Tally) -> None:
    table = kind._meta.db_table  # noqa: SLF001 - Tortoise names the table nowhere else
    more = True

    async def work() -> Counts:
        nonlocal more
        if tally.dry:
            more = False
            return +Counter({table: await rows.count()})
        ids = await rows.order_by("id").limit(BATCH).values_list("id", flat=True)
        more = len(ids) == BATCH
        return +Counter({table: await delete(kind, rows.filter(id__in=ids)) if ids else 0})  # not what somebody has sent again meanwhile

    while more and not tally.is_stopped():
        await tally.batch(work)
