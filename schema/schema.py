"""The executable schema, and its printed form: `python -m schema.schema` writes schema/schema.graphql."""

from pathlib import Path

import strawberry
from strawberry.schema.config import StrawberryConfig

from schema.fields import bind
from schema.mutation import Mutation
from schema.query import Query
from schema.scalars import SCALARS

PRINTED = Path(__file__).with_name("schema.graphql")
"""The printed schema, kept current by a test."""


def build_schema() -> strawberry.Schema:
    """Put the schema together; its fields read by their declarations."""
    made = strawberry.Schema(query=Query, mutation=Mutation, config=StrawberryConfig(scalar_map=SCALARS))
    bind(made._schema)  # noqa: SLF001 - Strawberry offers its graphql-core schema under no public name
    return made


schema = build_schema()
"""The one schema of the process."""

if __name__ == "__main__":
    PRINTED.write_text(f"{schema.as_str()}\n", encoding="utf-8")
