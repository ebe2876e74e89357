"""The GraphiQL page and its files, as served."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from graphql import parse, validate
from starlette.applications import Starlette

from schema.graphiql import FOLDER, graphiql_routes
from schema.schema import schema

VIEWERS = [{"label": "Ada", "token": "ada"}]
STRICT = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'"


def client(viewers: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(Starlette(routes=graphiql_routes(viewers))), base_url="http://test")


@pytest.fixture
async def development() -> AsyncIterator[httpx.AsyncClient]:
    async with client(lambda: VIEWERS) as http:
        yield http


async def test_the_page_and_all_it_names(development: httpx.AsyncClient) -> None:
    page = await development.get("/graphiql")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"].startswith(STRICT)
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(named) == 10
    for address in named:
        assert address.startswith("/graphiql/assets/")
        assert (await development.get(address)).status_code == 200


async def test_nothing_is_inline() -> None:
    page = (FOLDER / "index.html").read_text()
    assert re.findall(r"<script(?! src=)|<style|style=|\son\w+=|https?:", page) == []


async def test_viewers_in_development(development: httpx.AsyncClient) -> None:
    answer = await development.get("/graphiql/viewers.json")
    assert (answer.json(), answer.headers["cache-control"]) == (VIEWERS, "no-store")
    assert 'data-viewers="/graphiql/viewers.json"' in (await development.get("/graphiql")).text


async def test_no_viewers_in_production() -> None:
    async with client(None) as http:
        assert (await http.get("/graphiql/viewers.json")).status_code == 404
        assert 'data-viewers=""' in (await http.get("/graphiql")).text


@pytest.mark.parametrize("path", ["../index.html", "%2e%2e/%2e%2e/LICENSES.md", "vendor/../../index.html", "nothing.js", ""])
async def test_other_files_stay_where_they_are(development: httpx.AsyncClient, path: str) -> None:
    assert (await development.get(f"/graphiql/assets/{path}")).status_code == 404


def test_the_licences_name_every_file() -> None:
    licences = (FOLDER.parent / "LICENSES.md").read_text()
    assert [file.name for file in (FOLDER / "assets" / "vendor").iterdir() if f"`{file.name}`" not in licences] == []


def test_the_examples_are_valid() -> None:
    documents = re.findall(r"query: `([^`]+)`", (FOLDER / "assets" / "examples.js").read_text())
    assert len(documents) == 5
    for document in documents:
        assert validate(schema._schema, parse(document)) == []
