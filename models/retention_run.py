"""Deleting what is older than it has to be kept: how far back, and how much of each table went."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from tortoise import fields

from models.ids import Prefix
from models.record import Record


class RetentionStatus(StrEnum):
    """RUNNING until everything is deleted that is old enough."""

    RUNNING = "RUNNING"
    DONE = "DONE"


class RetentionRun(Record):
    """What is from before these moments is deleted; without one, that kind is kept for ever.

    While a run is RUNNING the ledgers that only grow give away what is older, and never what is younger than a year. `counts` holds rows by
    table, kept with each batch.
    """

    prefix: ClassVar[Prefix] = Prefix.RETENTION_RUN

    status = fields.CharField(max_length=16, default=RetentionStatus.RUNNING.value)
    books_before: datetime | None = fields.DatetimeField(null=True)
    audit_before: datetime | None = fields.DatetimeField(null=True)
    counts = fields.JSONField[dict[str, int]](default=dict)
    done_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        """Table and indexes."""

        table = "retention_run"
        indexes = (("status", "id"),)
