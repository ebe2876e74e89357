"""Asking the real schema as somebody."""

from typing import Any

from graphql import ExecutionResult, execute, parse, validate
from pydantic import SecretStr

from resolvers.context import Context
from schema.schema import schema
from services.authentication import Role, Viewer
from services.billing import Billing
from services.stripe_gateway import StripeGateway
from settings import Environment, Settings

SETTINGS = Settings(
    environment=Environment.TEST,
    stripe_secret_key=SecretStr("sk_test_reads"),
    stripe_publishable_key="pk_test_reads",
    sandbox=True,
)

ROLES: dict[str, tuple[str, Role] | None] = {
    "owner": ("alice", Role.CUSTOMER),
    "other": ("bob", Role.CUSTOMER),
    "seller": ("carol", Role.SELLER),
    "support": ("staff", Role.SUPPORT),
    "service": ("staff", Role.SERVICE),
    "admin": ("staff", Role.ADMIN),
    "anonymous": None,
}
STAFF = ("support", "service", "admin")


class Asking:
    """`ask("owner", "{ … }")` gives the answer's data; `errors` gives the codes of its errors."""

    def __init__(self, billing: Billing) -> None:
        self.billing = billing

    def context(self, who: str) -> Context:
        role = ROLES[who]
        viewer = Viewer(role[0], f"{role[0]}@example.test", frozenset({Role.CUSTOMER, role[1]})) if role else None
        return Context(self.billing, viewer, "request-1")

    async def run(self, who: str, query: str, **variables: Any) -> ExecutionResult:
        document = parse(query)
        core = schema._schema
        assert validate(core, document) == []
        answer = execute(core, document, context_value=self.context(who), variable_values=variables)
        result = answer if isinstance(answer, ExecutionResult) else await answer
        assert isinstance(result, ExecutionResult)
        return result

    async def ask(self, who: str, query: str, **variables: Any) -> dict[str, Any]:
        result = await self.run(who, query, **variables)
        assert result.errors is None
        assert result.data is not None
        return result.data

    async def codes(self, who: str, query: str, **variables: Any) -> list[str]:
        result = await self.run(who, query, **variables)
        return [str((error.extensions or {}).get("code")) for error in result.errors or []]


def billing() -> Billing:
    return Billing(settings=SETTINGS, stripe=StripeGateway(SETTINGS))
