"""The audit log: who did what to which object, written in the transaction that does it."""

from dataclasses import dataclass
from typing import Any

from models import AuditEntry
from services.authentication import Viewer


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls a service, and in which request (as logs and audit entries name it)."""

    viewer: Viewer
    request_id: str | None = None


async def record(caller: Caller, action: str, object_id: str, **changes: Any) -> None:
    """Add an entry; `changes` are the object's new facts as JSON, an action reads like `refund.create`."""
    entry = AuditEntry(actor=caller.viewer.actor, action=action, object_id=object_id, changes=changes, request_id=caller.request_id)
    await entry.save(force_create=True)
