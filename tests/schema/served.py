"""A small schema behind the endpoint, and a client that asks it as a browser would."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import strawberry
from graphql import GraphQLError
from starlette.requests import Request
from strawberry.schema.config import StrawberryConfig

from schema.endpoint import GraphQLEndpoint, graphql_endpoint
from schema.scalars import JSON, SCALARS, CurrencyCode, MinorUnits
from services.authentication import InvalidToken, KeysUnavailable

SECRET = "the password is swordfish"
ADA = "Bearer ada"
GRAPHQL = "application/graphql-response+json"


@dataclass(slots=True)
class Caller:
    """The context of these tests: who asks, and what was done for them."""

    name: str | None
    request_id: str
    done: list[str] = field(default_factory=list)


@strawberry.type
class Item:
    """A node of an endless tree."""

    name: str = "item"

    @strawberry.field
    def item(self) -> "Item":
        return Item()

    @strawberry.field
    def items(self, first: int | None = None, last: int | None = None) -> list["Item"]:
        return []


@strawberry.type
class Query:
    """Fields that answer, fail, wait and misbehave."""

    @strawberry.field
    def item(self) -> Item:
        return Item()

    @strawberry.field
    def items(self, first: int | None = None, last: int | None = None) -> list[Item]:
        return []

    @strawberry.field
    def nodes(self, ids: list[strawberry.ID]) -> list[Item]:
        return []

    @strawberry.field
    def echo(self, text: str) -> str:
        return text

    @strawberry.field
    def kept(self, value: JSON) -> JSON:
        return value

    @strawberry.field
    def price(self, amount: MinorUnits, currency: CurrencyCode) -> MinorUnits:
        return amount

    @strawberry.field
    def at_most(self, number: int = 3) -> int:
        return number

    @strawberry.field
    async def caller(self, info: strawberry.Info[Caller, None]) -> str | None:
        await asyncio.sleep(0)
        return info.context.name

    @strawberry.field
    def broken(self) -> str | None:
        raise RuntimeError(SECRET)

    @strawberry.field
    def broken_for_good(self) -> str:
        raise RuntimeError(SECRET)

    @strawberry.field
    def too_big(self) -> int | None:
        return 2**40

    @strawberry.field
    def infinite(self) -> JSON:
        return JSON(float("inf"))

    @strawberry.field
    def half(self) -> str:
        return "\ud800"

    @strawberry.field
    def forbidden(self) -> str | None:
        raise GraphQLError("You are not allowed to do this.", extensions={"code": "FORBIDDEN"})

    @strawberry.field
    def uncoded(self) -> str | None:
        raise GraphQLError(SECRET)

    @strawberry.field
    async def never(self) -> str | None:
        await asyncio.Event().wait()
        return "never"


@strawberry.type
class Mutation:
    """Writes that take their time."""

    @strawberry.mutation
    async def slow(self, info: strawberry.Info[Caller, None], seconds: float) -> str:
        await asyncio.sleep(seconds)
        DONE.append(info.context.request_id)
        return "done"


@strawberry.type
class Live:
    """What is not answered here."""

    @strawberry.subscription
    async def ticks(self) -> AsyncIterator[int]:
        yield 1


DONE: list[str] = []
schema = strawberry.Schema(Query, Mutation, Live, config=StrawberryConfig(scalar_map=SCALARS))


async def make_context(request: Request) -> Caller:
    token = request.headers.get("authorization")
    if token == "Bearer forged":
        raise InvalidToken("The token is not valid.")
    if token == "Bearer early":
        raise KeysUnavailable("The keys are not there yet.")
    if token == "Bearer crash":
        raise RuntimeError(SECRET)
    return Caller(token, request.state.request_id)


def endpoint(**options: Any) -> GraphQLEndpoint[Caller]:
    return graphql_endpoint(schema, make_context, introspection=lambda caller: caller.name is not None, **options)


class Client:
    """Asks an endpoint over ASGI. `ask` posts one operation and gives the answer."""

    def __init__(self, served: GraphQLEndpoint[Caller]) -> None:
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(served, raise_app_exceptions=True), base_url="http://test")

    async def ask(self, query: str, accept: str = GRAPHQL, token: str | None = ADA, **parts: Any) -> httpx.Response:
        headers = {"accept": accept} | ({"authorization": token} if token else {})
        return await self.http.post("/graphql", json={"query": query, **parts}, headers=headers)

    async def post(self, content: bytes, **headers: str) -> httpx.Response:
        sent = {"content-type": "application/json", "accept": GRAPHQL} | {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post("/graphql", content=content, headers=sent)


def codes(answer: httpx.Response) -> list[str]:
    return [error["extensions"]["code"] for error in answer.json()["errors"]]
