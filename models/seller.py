"""Whoever a sale is attributed to: a teacher, a specialist, a shop."""

from typing import ClassVar

from tortoise import fields

from models.ids import Prefix
from models.record import Record


class Seller(Record):
    """`external_id` is the subject of the seller's own token, with which they see their sales."""

    prefix: ClassVar[Prefix] = Prefix.SELLER

    external_id = fields.CharField(max_length=255, unique=True)
    name = fields.CharField(max_length=255)
    email = fields.CharField(max_length=320, null=True)
    receipt_prefix = fields.CharField(max_length=16, null=True)
    """What the numbers of the receipts of their sales begin with; without it, a part of the id."""

    class Meta:
        """Table."""

        table = "seller"
