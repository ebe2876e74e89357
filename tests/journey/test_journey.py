"""The whole journey over plain HTTP, on both engines."""

import html
import re
from pathlib import Path

import httpx
import pytest

from tests.journey.story import live_through
from tests.served import free_port, serving


class Visitor:
    """Reads pages as text and sends their forms, as a browser without scripts would."""

    def __init__(self) -> None:
        self._client = httpx.AsyncClient(timeout=30, follow_redirects=True)
        self._page: httpx.Response | None = None

    async def close(self) -> None:
        await self._client.aclose()

    async def pay(self, url: str, card: str) -> str:
        self._page = await self._client.get(url, params={"fill": card})
        return await self._send(1)

    async def problem(self) -> str:
        found = re.search(r'<p class="problem" role="alert">(.*?)</p>', self._text())
        assert found is not None, self._text()
        return html.unescape(found[1])

    async def answer_bank(self, *, complete: bool) -> str:
        return await self._send(0, answer="complete" if complete else "fail")

    async def let_expire(self, url: str) -> None:
        self._page = await self._client.get(url)
        await self._send(0)
        assert "This checkout has expired" in self._text()

    async def press_in_portal(self, url: str, button: str) -> None:
        self._page = await self._client.get(url)
        assert f'/{button}"' in self._text()
        await self._send(0)

    async def _send(self, number: int, **pressed: str) -> str:
        form = re.findall(r'<form method="post" action="([^"]*)"[^>]*>(.*?)</form>', self._text(), re.DOTALL)[number]
        named = re.findall(r'<input\b[^>]*?\bname="(\w+)"[^>]*?\bvalue="([^"]*)"', form[1])
        fields = {name: html.unescape(value) for name, value in named} | pressed
        self._page = await self._client.post(html.unescape(form[0]), data=fields)
        assert self._page.status_code in {200, 402}, self._page.text
        return str(self._page.url)

    def _text(self) -> str:
        assert self._page is not None
        return self._page.text


async def test_the_journey_over_plain_http(database_url: str, tmp_path: Path) -> None:
    visitor = Visitor()
    try:
        with serving(tmp_path / "var", free_port(), DATABASE_URL=database_url) as served:
            await live_through(served, visitor)
            assert "Traceback" not in served.log
    finally:
        await visitor.close()


def test_every_place_that_the_start_page_names_is_there(shared_server: str) -> None:
    found = re.findall(r'href="(/[^"]*)"', httpx.get(shared_server).text)
    assert {"/graphiql", "/sandbox/", "/healthz", "/readyz", "/metrics"} <= set(found)
    assert {path: httpx.get(shared_server + path).status_code for path in found} == dict.fromkeys(found, 200)


@pytest.mark.parametrize(
    "path", ["/sandbox/checkout/cs_test_x", "/sandbox/portal/bps_x", "/sandbox/invoices/in_x", "/sandbox/authenticate/pi_x"]
)
def test_pages_of_what_is_not_there(shared_server: str, path: str) -> None:
    answer = httpx.get(shared_server + path)
    assert answer.status_code == 404
    assert "That is not possible" in answer.text
    assert "Traceback" not in answer.text


def test_a_form_of_another_site_is_refused(shared_server: str) -> None:
    answer = httpx.post(f"{shared_server}/sandbox/events/evt_1", headers={"origin": "https://evil.example"})
    assert (answer.status_code, "another site" in answer.text) == (403, True)
    assert httpx.post(f"{shared_server}/sandbox/events/evt_1", content=b"x" * 30_000).status_code == 413
