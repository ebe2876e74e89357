"""Who did what."""

from datetime import datetime

import strawberry

from schema.scalars import JSON
from schema.types.node import Node


@strawberry.type(description="Append-only: who did what to which object.")
class AuditEntry(Node):
    """Reads off models.AuditEntry."""

    id: strawberry.ID
    actor: str = strawberry.field(
        description="A role and subject (ADMIN:42), or one of stripe, worker, reconcile, cli (an operator at the terminal) and billgraph."
    )
    action: str
    object_id: strawberry.ID
    changes: JSON = strawberry.field(description="What is new, or [before, after] of what changed.")
    request_id: str | None
    created_at: datetime
