"""E-mails on their way, and what is known of the addresses that they go to."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from tortoise import fields

from models.customer import Customer
from models.ids import Prefix
from models.record import Record
from models.seller import Seller


class EmailKind(StrEnum):
    """What a mail says; SALE and SALE_REFUNDED go to sellers, ADMIN_… to administrators, the others to customers."""

    RECEIPT = "RECEIPT"
    WELCOME = "WELCOME"
    PAYMENT_FAILED = "PAYMENT_FAILED"
    REFUND_CONFIRMED = "REFUND_CONFIRMED"
    REFUND_REQUEST_DECIDED = "REFUND_REQUEST_DECIDED"
    SUBSCRIPTION_STARTED = "SUBSCRIPTION_STARTED"
    TRIAL_ENDING = "TRIAL_ENDING"
    SUBSCRIPTION_PAYMENT_FAILED = "SUBSCRIPTION_PAYMENT_FAILED"
    SUBSCRIPTION_ENDING = "SUBSCRIPTION_ENDING"
    SUBSCRIPTION_ENDED = "SUBSCRIPTION_ENDED"
    SALE = "SALE"
    SALE_REFUNDED = "SALE_REFUNDED"
    ADMIN_PAYMENT_FAILED = "ADMIN_PAYMENT_FAILED"
    ADMIN_REFUND_FAILED = "ADMIN_REFUND_FAILED"
    ADMIN_DISPUTE_OPENED = "ADMIN_DISPUTE_OPENED"
    ADMIN_DISPUTE_CLOSED = "ADMIN_DISPUTE_CLOSED"
    ADMIN_WORK_GIVEN_UP = "ADMIN_WORK_GIVEN_UP"


OPTIONAL_KINDS = frozenset({EmailKind.WELCOME, EmailKind.TRIAL_ENDING, EmailKind.SALE, EmailKind.SALE_REFUNDED})
"""Kinds that whoever gets them may unsubscribe from; all others are owed to them."""


class EmailStatus(StrEnum):
    """PENDING until it is first tried, FAILED while it is tried again, DEAD when it was given up and waits for an operator.

    SUPPRESSED is not sent on purpose, BOUNCED was refused for good by the recipient's server; `error` says why.
    """

    PENDING = "PENDING"
    SENT = "SENT"
    FAILED = "FAILED"
    DEAD = "DEAD"
    SUPPRESSED = "SUPPRESSED"
    BOUNCED = "BOUNCED"


class Email(Record):
    """A mail about the row `object_id`; what it says is read from the rows when it is sent.

    Mails about one object go to a recipient in the order of `position`: the next is not sent while one before it has a `next_attempt_at`.
    `cause` is unique: what it stands for is told once. Without a `recipient` it was erased. Of the indexes, the one by position holds only
    what is still to be sent. Its message id is made of its id, so that what is sent again after a crash is known to be the same.
    """

    prefix: ClassVar[Prefix] = Prefix.EMAIL

    customer: fields.ForeignKeyNullableRelation[Customer] = fields.ForeignKeyField(
        "models.Customer", related_name="emails", on_delete=fields.RESTRICT, null=True
    )
    customer_id: str | None
    seller: fields.ForeignKeyNullableRelation[Seller] = fields.ForeignKeyField(
        "models.Seller", related_name="emails", on_delete=fields.RESTRICT, null=True
    )
    seller_id: str | None
    kind = fields.CharField(max_length=32)
    cause = fields.CharField(max_length=128, unique=True)
    object_id = fields.CharField(max_length=64)
    recipient = fields.CharField(max_length=320, null=True)
    position = fields.BigIntField()
    status = fields.CharField(max_length=16, default=EmailStatus.PENDING.value)
    attempts = fields.IntField(default=0)
    error: str | None = fields.TextField(null=True)
    next_attempt_at: datetime | None = fields.DatetimeField(null=True)
    sent_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        """Table and indexes."""

        table = "email"
        unique_together = (("object_id", "recipient", "position"),)
        indexes = (
            ("next_attempt_at",),
            ("object_id", "recipient", "position"),
            ("recipient", "id"),
            ("status", "id"),
            ("customer_id", "id"),
            ("seller_id", "id"),
        )


class EmailAddress(Record):
    """An address that something is known of: that mail to it came back, or which kinds it was unsubscribed from.

    `address` is in lower case, as `services.emails.addresses.key_of` writes it.
    """

    prefix: ClassVar[Prefix] = Prefix.EMAIL_ADDRESS

    address = fields.CharField(max_length=320, unique=True)
    undeliverable_since: datetime | None = fields.DatetimeField(null=True)
    undeliverable_reason: str | None = fields.TextField(null=True)
    unsubscribed = fields.JSONField[list[str]](default=list)

    class Meta:
        """Table."""

        table = "email_address"
