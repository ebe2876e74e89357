"""What every row has: an id of its kind and the moment it came into being."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from tortoise import fields
from tortoise.models import Model

from models.ids import ID_LENGTH, Prefix, new_id


class Record(Model):
    """A row with a prefixed UUIDv7 id; the id's time is `created_at` to the microsecond, so both order alike."""

    id = fields.CharField(max_length=ID_LENGTH, primary_key=True)
    created_at = fields.DatetimeField()

    prefix: ClassVar[Prefix]

    def __init__(self, **values: Any) -> None:
        created_at: datetime = values.setdefault("created_at", datetime.now(UTC))
        values.setdefault("id", new_id(self.prefix, created_at))
        super().__init__(**values)

    class Meta:
        """Columns only; each kind has a table of its own."""

        abstract = True
