"""GraphiQL in a browser: it starts without another host, shows the schema, and asks as whoever is picked."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn
from playwright.async_api import Page, expect
from starlette.applications import Starlette
from starlette.routing import Route

from schema.endpoint import graphql_endpoint
from schema.graphiql import graphiql_routes
from tests.schema.served import make_context, schema

VIEWERS = [{"label": "Ada", "token": "secret-of-ada"}, {"label": "Bert", "token": "secret-of-bert"}]


@pytest.fixture
async def address() -> AsyncIterator[str]:
    served = graphql_endpoint(schema, make_context, introspection=lambda _: True)
    app = Starlette(routes=[Route("/graphql", served), *graphiql_routes(lambda: VIEWERS)])
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
        running = asyncio.create_task(server.serve(sockets=[bound]))
        while not server.started:  # noqa: ASYNC110 - uvicorn offers nothing to wait for
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        server.should_exit = True
        await running


async def ask_who(page: Page, name: str) -> None:
    """Write an operation into the tab at hand, and wait until GraphiQL has read its name, which it sends along."""
    query = f"query {name} {{ caller }}"
    await page.evaluate("query => document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror.setValue(query)", query)
    await expect(page.get_by_role("tab", selected=True)).to_contain_text(name)


async def answer_of(page: Page) -> object:
    async with page.expect_response(lambda response: "{ caller }" in (response.request.post_data or "")) as answered:
        await page.get_by_role("button", name="Execute query").click()
    return await (await answered.value).json()


async def test_graphiql_asks_as_the_viewer_picked(page: Page, address: str) -> None:
    await page.goto(f"{address}/graphiql")
    await expect(page.get_by_role("tab")).to_have_count(5)
    picker = page.get_by_label("Signed in as")
    await expect(picker).to_have_value("Ada")
    await ask_who(page, "Who")
    assert await answer_of(page) == {"data": {"caller": "Bearer secret-of-ada"}}
    await picker.select_option("Bert")
    assert await answer_of(page) == {"data": {"caller": "Bearer secret-of-bert"}}
    await page.get_by_role("tab").nth(1).click()
    await ask_who(page, "WhoAgain")
    assert await answer_of(page) == {"data": {"caller": "Bearer secret-of-bert"}}
    await picker.select_option("Nobody")
    assert await answer_of(page) == {"data": {"caller": None}}


async def test_graphiql_shows_the_schema(page: Page, address: str) -> None:
    await page.goto(f"{address}/graphiql")
    await page.get_by_role("button", name="Show GraphiQL Explorer").click()
    await expect(page.get_by_text("brokenForGood").first).to_be_visible()
    await page.get_by_role("button", name="Show Documentation Explorer").click()
    await expect(page.get_by_text("CurrencyCode").first).to_be_visible()


async def test_tokens_are_not_kept(page: Page, address: str) -> None:
    await page.goto(f"{address}/graphiql")
    await expect(page.get_by_label("Signed in as")).to_have_value("Ada")
    await ask_who(page, "WhoNow")
    await answer_of(page)
    await page.wait_for_timeout(700)
    kept = json.loads(await page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})"))
    assert "Who" in json.dumps(kept)
    assert "secret-of" not in json.dumps(kept)


async def test_a_browser_that_opens_the_endpoint_comes_to_graphiql(page: Page, address: str) -> None:
    await page.goto(f"{address}/graphql")
    assert page.url == f"{address}/graphiql"
    await expect(page.get_by_role("tab")).to_have_count(5)
