"""How far a long walk has come, so that one that was stopped goes on from there."""

from datetime import datetime
from typing import Any, ClassVar

from tortoise import fields

from models.ids import Prefix
from models.record import Record


class Checkpoint(Record):
    """`name` says which walk, `position` is that walk's own JSON; a walk that came to its end has no row."""

    prefix: ClassVar[Prefix] = Prefix.CHECKPOINT

    name = fields.CharField(max_length=128, unique=True)
    position = fields.JSONField[dict[str, Any]](default=dict)
    updated_at: datetime = fields.DatetimeField()

    class Meta:
        """Table."""

        table = "checkpoint"
