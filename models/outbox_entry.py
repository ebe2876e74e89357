"""What is to be done outside after a transaction: staged in it, done by the worker, at least once."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from tortoise import fields

from models.ids import Prefix
from models.record import Record


class OutboxKind(StrEnum):
    """What is to be done about the subject."""

    CLOSE_CHECKOUTS = "CLOSE_CHECKOUTS"
    RETURN_EXCESS = "RETURN_EXCESS"
    RETURN_DUPLICATE = "RETURN_DUPLICATE"
    END_DUPLICATE = "END_DUPLICATE"
    PLAN_END = "PLAN_END"
    APPLY_FEATURES = "APPLY_FEATURES"


class OutboxEntry(Record):
    """There while it is not done; `staged` counts how often it was asked for, so that what is asked while it runs is not lost.

    Without a `next_attempt_at` it was given up, and waits for an operator.
    """

    prefix: ClassVar[Prefix] = Prefix.OUTBOX_ENTRY

    kind = fields.CharField(max_length=32)
    subject_id = fields.CharField(max_length=64)
    staged = fields.IntField(default=1)
    attempts = fields.IntField(default=0)
    next_attempt_at: datetime | None = fields.DatetimeField(null=True)
    error = fields.TextField(null=True)

    class Meta:
        """Table and indexes."""

        table = "outbox_entry"
        unique_together = (("kind", "subject_id"),)
        indexes = (("next_attempt_at",),)
