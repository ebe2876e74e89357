"""What was answered to a mutation that the caller may send again."""

from datetime import datetime
from typing import Any, ClassVar

from tortoise import fields

from models.ids import ID_LENGTH, Prefix
from models.record import Record


class IdempotencyKey(Record):
    """Unique on (actor, mutation, key), written in the transaction that writes the object it is for.

    Without an `answer` the first call is still running until `locked_until`, and was cut off after it: the next call with the same key
    finishes `object_id`.
    """

    prefix: ClassVar[Prefix] = Prefix.IDEMPOTENCY_KEY

    actor = fields.CharField(max_length=255)
    mutation = fields.CharField(max_length=64)
    key = fields.CharField(max_length=255)
    input_hash = fields.CharField(max_length=64)
    object_id = fields.CharField(max_length=ID_LENGTH, null=True)
    answer: dict[str, Any] | None = fields.JSONField(null=True)
    locked_until: datetime = fields.DatetimeField()

    class Meta:
        """Table and indexes."""

        table = "idempotency_key"
        unique_together = (("actor", "mutation", "key"),)
        indexes = (("created_at",),)
