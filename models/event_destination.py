"""Another back end that is told what happened here (standardwebhooks.com)."""

from datetime import datetime
from typing import ClassVar

from tortoise import fields

from models.ids import Prefix
from models.record import Record


class EventDestination(Record):
    """Where events are posted, signed with `secret`, and until `former_secret_until` with `former_secret` as well.

    No `event_types` means all. One that was deleted keeps its deliveries, and has no secret any more.
    """

    prefix: ClassVar[Prefix] = Prefix.EVENT_DESTINATION

    url = fields.CharField(max_length=2048)
    event_types = fields.JSONField[list[str]](default=list)
    active = fields.BooleanField(default=True)
    secret = fields.CharField(max_length=128, null=True)
    former_secret = fields.CharField(max_length=128, null=True)
    former_secret_until: datetime | None = fields.DatetimeField(null=True)
    deleted_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        """Table and indexes."""

        table = "event_destination"
        indexes = (("deleted_at", "id"),)
