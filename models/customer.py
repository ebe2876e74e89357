"""Whoever buys: a user of the host's product, known by the subject of their token."""

from datetime import datetime
from typing import ClassVar

from tortoise import fields

from models.ids import Prefix
from models.record import Record


class Customer(Record):
    """One per external id, and one Stripe customer per row, whatever races: the row is unique first, Stripe's key is made from it."""

    prefix: ClassVar[Prefix] = Prefix.CUSTOMER

    external_id = fields.CharField(max_length=255, unique=True)
    email = fields.CharField(max_length=320, null=True)
    name = fields.CharField(max_length=255, null=True)
    locale = fields.CharField(max_length=35, null=True)
    """BCP 47 tag of the language that they are written to in; None where nobody said one."""
    stripe_customer_id = fields.CharField(max_length=64, null=True, unique=True)
    credit_balance = fields.BigIntField(default=0)
    """The sum of the credit ledger; negative after a refund of credits that were used."""
    stripe_payment_method_id = fields.CharField(max_length=64, null=True)
    """What Stripe charges for their invoices when a subscription names nothing of its own."""
    stripe_version = fields.BigIntField(default=0)
    """Stripe's clock, in seconds, of what was last mirrored into the row."""
    erased_at: datetime | None = fields.DatetimeField(null=True)
    """Since when the row is the pseudonym of somebody who was erased: nothing is sold to it, and Stripe's word does not change it."""

    class Meta:
        """Table and indexes."""

        table = "customer"
        indexes = (("email",),)
