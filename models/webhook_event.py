"""The inbox of Stripe's events: one row per event, kept as received."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from tortoise import fields

from models.ids import Prefix
from models.record import Record


class WebhookEventStatus(StrEnum):
    """PROCESSED changed something; IGNORED is not ours or of no interest; STALE came after something newer; FAILED is tried again."""

    PROCESSED = "PROCESSED"
    IGNORED = "IGNORED"
    STALE = "STALE"
    FAILED = "FAILED"


class WebhookEvent(Record):
    """`occurred_at` is Stripe's clock, `received_at` ours; `object_id` names the Stripe object that the event is about.

    A pruned payload is `{}`.
    """

    prefix: ClassVar[Prefix] = Prefix.WEBHOOK_EVENT

    stripe_event_id = fields.CharField(max_length=128, unique=True)
    type = fields.CharField(max_length=128)
    api_version = fields.CharField(max_length=64, null=True)
    object_id = fields.CharField(max_length=128, null=True)
    status = fields.CharField(max_length=16)
    attempts = fields.IntField(default=0)
    error = fields.TextField(null=True)
    payload = fields.TextField()
    occurred_at: datetime = fields.DatetimeField()
    received_at: datetime = fields.DatetimeField()
    processed_at = fields.DatetimeField(null=True)
    next_attempt_at = fields.DatetimeField(null=True)
    payload_pruned_at = fields.DatetimeField(null=True)

    class Meta:
        """Table and indexes."""

        table = "webhook_event"
        indexes = (("type", "id"), ("status", "id"), ("status", "next_attempt_at"), ("object_id",), ("payload_pruned_at", "processed_at"))
