"""Erasing a person: what is looked for while it goes on, and what tells afterwards that it was done."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from tortoise import fields

from models.customer import Customer
from models.ids import Prefix
from models.record import Record


class ErasureStatus(StrEnum):
    """PENDING until Stripe and every table have forgotten the person."""

    PENDING = "PENDING"
    DONE = "DONE"


class Erasure(Record):
    """One at most for each customer. Who they were stands here while it is PENDING, and nowhere afterwards.

    `stripe_digest` is the SHA-256, in hex, of the id of Stripe's customer, by which what Stripe still sends about them is known. `position`
    is how far the walk over the tables has come.
    """

    prefix: ClassVar[Prefix] = Prefix.ERASURE

    customer: fields.OneToOneRelation[Customer] = fields.OneToOneField("models.Customer", related_name="erasure", on_delete=fields.RESTRICT)
    customer_id: str
    status = fields.CharField(max_length=16, default=ErasureStatus.PENDING.value)
    external_id = fields.CharField(max_length=255, null=True)
    email = fields.CharField(max_length=320, null=True)
    name = fields.CharField(max_length=255, null=True)
    stripe_customer_id = fields.CharField(max_length=64, null=True)
    stripe_digest = fields.CharField(max_length=64, null=True, unique=True)
    position = fields.JSONField[dict[str, Any]](default=dict)
    done_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        """Table and indexes."""

        table = "erasure"
        indexes = (("status", "id"),)
