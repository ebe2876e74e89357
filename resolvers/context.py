"""What every resolver of one operation is handed."""

from dataclasses import dataclass
from typing import Any

from graphql import GraphQLResolveInfo
from graphql.execution.values import VariableValues

from services.authentication import Viewer
from services.billing import Billing


@dataclass(slots=True)
class Context:
    """`viewer` is None when nobody is signed in; `request_id` is what logs, audit entries and masked errors name."""

    billing: Billing
    viewer: Viewer | None
    request_id: str


ResolveInfo = GraphQLResolveInfo[Context]
"""What graphql-core hands a resolver, with our context."""


def variables_of(info: Any) -> VariableValues:
    """The coerced variables as graphql-core's functions take them; Strawberry hands its resolvers the plain dictionary instead."""
    values = info.variable_values
    return VariableValues({}, values) if isinstance(values, dict) else values
