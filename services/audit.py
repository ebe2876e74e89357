"""The audit log: who did what to which object, written in the transaction that does it."""

from dataclasses import dataclass
from typing import Any

from models import AuditEntry
from services.authentication import Viewer

ITSELF = "billgraph"
"""Who acts when nobody asked, as audit entries name it."""

OPERATOR = "cli"
"""Who acts at the terminal, as audit entries name it."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls a service, and in which request (as logs and audit entries name it)."""

    viewer: Viewer
    request_id: str | None = None

    @property
    def actor(self) -> str:
        """As audit entries name who acted."""
        return self.viewer.actor


async def record_reading(caller: Caller, read: list[tuple[str, str]]) -> None:
    """Add an entry for each row (action and id) whose personal data was read, with one statement."""
    told: dict[str, Any] = {"actor": caller.actor, "request_id": caller.request_id, "changes": {}}
    await AuditEntry.bulk_create([AuditEntry(action=action, object_id=row_id, **told) for action, row_id in read])


async def record(caller: Caller | str, action: str, object_id: str, **changes: Any) -> None:
    """Add an entry; `changes` are the object's new facts as JSON, an action reads like `refund.create`. No caller: ITSELF or OPERATOR."""
    actor, request_id = (caller, None) if isinstance(caller, str) else (caller.actor, caller.request_id)
    entry = AuditEntry(actor=actor, action=action, object_id=object_id, changes=changes, request_id=request_id)
    await entry.save(force_create=True)
