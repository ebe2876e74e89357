"""An event on its way to one destination."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from tortoise import fields

from models.customer import Customer
from models.event_destination import EventDestination
from models.ids import Prefix
from models.record import Record


class DeliveryStatus(StrEnum):
    """PENDING until it is first tried, FAILED while it is tried again, DEAD when it was given up and waits for an operator."""

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    DEAD = "DEAD"


class Delivery(Record):
    """`payload` is what is posted, under the message id `event_id`, which the event has at every destination.

    Deliveries about one object go to a destination in the order of `position`: the next is not sent while one before it has a
    `next_attempt_at`. `cause` is unique: what it stands for is told each destination once. Of the indexes, the one by position holds only
    what is still to be sent.
    """

    prefix: ClassVar[Prefix] = Prefix.DELIVERY

    destination: fields.ForeignKeyRelation[EventDestination] = fields.ForeignKeyField(
        "models.EventDestination", related_name="deliveries", on_delete=fields.RESTRICT
    )
    destination_id: str
    customer: fields.ForeignKeyNullableRelation[Customer] = fields.ForeignKeyField(
        "models.Customer", related_name="deliveries", on_delete=fields.RESTRICT, null=True
    )
    customer_id: str | None
    event_id = fields.CharField(max_length=32)
    event_type = fields.CharField(max_length=64)
    object_id = fields.CharField(max_length=64)
    position = fields.BigIntField()
    cause = fields.CharField(max_length=128, null=True, unique=True)
    payload = fields.TextField()
    status = fields.CharField(max_length=16, default=DeliveryStatus.PENDING.value)
    attempts = fields.IntField(default=0)
    response_code: int | None = fields.IntField(null=True)
    error: str | None = fields.TextField(null=True)
    next_attempt_at: datetime | None = fields.DatetimeField(null=True)
    delivered_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        """Table and indexes."""

        table = "delivery"
        unique_together = (("destination_id", "event_id"), ("object_id", "destination_id", "position"))
        indexes = (
            ("destination_id", "next_attempt_at"),
            ("destination_id", "status", "id"),
            ("destination_id", "id"),
            ("object_id", "destination_id", "position"),
            ("status", "id"),
            ("customer_id", "id"),
            ("delivered_at",),
        )
