"""Whoever sells."""

import strawberry

from models.rows import Row
from resolvers.context import Context
from resolvers.declarations import Derived
from resolvers.permissions import is_staff
from schema.fields import declare
from schema.types.node import Node


def _email(row: Row, context: Context) -> str | None:
    seen = is_staff(context.viewer) or (context.viewer is not None and context.viewer.external_id == row.external_id)
    return row.email if seen else None


@strawberry.type(description="Whoever a sale is attributed to: a teacher, a specialist, a shop.")
class Seller(Node):
    """Reads off models.Seller."""

    id: strawberry.ID
    external_id: str = strawberry.field(description="The subject of the seller's own token.")
    name: str
    email: str | None = declare(Derived(("email", "external_id"), _email), description="For staff and the seller alone.")
