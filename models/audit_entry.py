"""Append-only: who did what to which object."""

from typing import Any, ClassVar

from tortoise import fields

from models.ids import Prefix
from models.record import Record


class AuditEntry(Record):
    """`actor` is a role and subject (ADMIN:42), or one of stripe, worker, reconcile, cli and billgraph.

    `changes` holds what is new, or before and after of what changed.
    """

    prefix: ClassVar[Prefix] = Prefix.AUDIT_ENTRY

    actor = fields.CharField(max_length=300)
    action = fields.CharField(max_length=128)
    object_id = fields.CharField(max_length=64)
    changes = fields.JSONField[dict[str, Any]](default=dict)
    request_id = fields.CharField(max_length=128, null=True)

    class Meta:
        """Table and indexes."""

        table = "audit_entry"
        indexes = (("object_id", "id"), ("actor", "id"))
