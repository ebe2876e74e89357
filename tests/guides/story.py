"""A story: people with their roles ask what a page shows, word for word, and a buyer pays on Stripe's pages."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx

from services.authentication import Role
from services.catalogue import PlanTerms, save_plan
from tests.guides.buyer import Buyer
from tests.guides.page import Page
from tests.guides.served import Application, application

PATIENCE = 30.0
Json = dict[str, Any]

PEOPLE = {
    "customer": ("ada", Role.CUSTOMER),
    "other": ("bert", Role.CUSTOMER),
    "seller": ("cleo", Role.SELLER),
    "rival": ("dan", Role.SELLER),
    "support": ("dora", Role.SUPPORT),
    "service": ("back-end", Role.SERVICE),
    "admin": ("emil", Role.ADMIN),
}


class Story:
    """`ask` runs an operation of the page as somebody; `mutate` gives a mutation's result, `refused` the codes of its refusal."""

    def __init__(self, page: Page, served: Application, client: httpx.AsyncClient) -> None:
        self.page = page
        self.buyer = Buyer(f"{served.address}/sandbox", client)
        self._served, self._client = served, client

    async def answer(self, who: str, operation: str, **variables: Any) -> Json:
        """The body of the answer, over HTTP as every client gets it."""
        sent = {"query": self.page.text_of(operation), "operationName": operation, "variables": variables}
        headers = {"authorization": f"Bearer {self._served.token(*PEOPLE[who])}"}
        answer = await self._client.post(f"{self._served.address}/graphql", json=sent, headers=headers)
        assert answer.status_code == 200, answer.text
        body: Json = answer.json()
        return body

    async def ask(self, who: str, operation: str, **variables: Any) -> Json:
        body = await self.answer(who, operation, **variables)
        assert "errors" not in body, body
        data: Json = body["data"]
        return data

    async def mutate(self, who: str, operation: str, **given: Any) -> Any:
        """The mutation's result, which was not refused; all of its fields when there are several."""
        (payload,) = (await self.ask(who, operation, input=given)).values()
        assert payload.pop("userErrors") == []
        return payload if len(payload) > 1 else next(iter(payload.values()))

    async def refused(self, who: str, operation: str, **given: Any) -> list[str]:
        (payload,) = (await self.ask(who, operation, input=given)).values()
        errors = payload.pop("userErrors")
        assert set(payload.values()) == {None}
        return [error["code"] for error in errors]

    async def forbidden(self, who: str, operation: str, **variables: Any) -> bool:
        """Whether the answer is that this is not for such a role."""
        body = await self.answer(who, operation, **variables)
        return [error["extensions"]["code"] for error in body["errors"]] == ["FORBIDDEN"]

    async def until(self, read: Callable[[], Awaitable[Any]], wanted: Any) -> None:
        """Wait until `read` gives this: webhooks take a moment."""
        found = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while (found := await read()) != wanted:  # noqa: ASYNC110 - the webhooks are what changes
                    await asyncio.sleep(0.05)
        assert found == wanted

    async def save(self, *plans: PlanTerms) -> None:
        """What the host does once."""
        for terms in plans:
            await save_plan(self._served.billing, terms)


@contextlib.asynccontextmanager
async def telling(name: str, folder: Path, database_url: str) -> AsyncIterator[Story]:
    """Tell the story of a page; at its end there must be nothing in the page that was not run."""
    page = Page.named(name)
    async with application(folder / "var", database_url) as served, httpx.AsyncClient(timeout=30) as client:
        yield Story(page, served, client)
    assert page.unasked == set(), "the page shows what its story does not run"
