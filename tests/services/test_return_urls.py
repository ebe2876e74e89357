"""Only allowed origins, however a URL is dressed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.errors import InvalidInput, UrlNotAllowed
from services.return_urls import origin_of, return_url

ORIGINS = frozenset({"https://app.example", "http://127.0.0.1:8000"})
CONFIGURED = "https://app.example/configured"

ALLOWED = [
    "https://app.example",
    "https://app.example/",
    "https://app.example:443/x",
    "HTTPS://APP.EXAMPLE/x",
    "https://app.example/done?session={CHECKOUT_SESSION_ID}#top",
    "http://127.0.0.1:8000/a",
    "https://app.example/?next=https://evil.example@x",
]

FORBIDDEN = [
    "https://evil.example/",
    "http://app.example/",
    "https://app.example:444/",
    "https://app.example.evil.example/",
    "https://app.example@evil.example/",
    "https://evil.example#@app.example/",
    "https://user:password@app.example/",
    "https://@app.example/",
    "https://app.example\\@evil.example/",
    "https:\\\\app.example/",
    "https:/app.example/",
    "https:app.example/",
    "https:///app.example/",
    "//app.example/",
    "/relative",
    "app.example",
    "javascript:alert(1)",
    "javascript://app.example/%0aalert(1)",
    "data:text/html,x",
    "ftp://app.example/",
    " https://app.example/",
    "https://app.example/a b",
    "https://app.example/\n",
    "ht\ntps://app.example/",
    "https://app.example\t/",
    "https://app%2eexample/",
    "https://\u0430pp.example/",
    "https://app.example/\u00e9",
    "https://app.example:port/",
    "https://app.example:99999/",
    "https://[app.example/",
    "https://",
    "http://127.0.0.1/",
    "http://127.1:8000/",
]


@pytest.mark.parametrize("url", ALLOWED)
def test_allowed(url: str) -> None:
    assert return_url(url, CONFIGURED, ORIGINS, "successUrl") == url


@pytest.mark.parametrize("url", FORBIDDEN)
def test_forbidden(url: str) -> None:
    with pytest.raises(UrlNotAllowed) as refused:
        return_url(url, CONFIGURED, ORIGINS, "successUrl")
    assert refused.value.field == ("successUrl",)


@pytest.mark.parametrize("url", ["", "https://app.example/" + "a" * 2048, "https://app.example/\0", "https://app.example/\ud800"])
def test_no_text_of_a_url(url: str) -> None:
    with pytest.raises(InvalidInput):
        return_url(url, CONFIGURED, ORIGINS, "successUrl")


def test_the_configured_one_when_left_out() -> None:
    assert return_url(None, CONFIGURED, ORIGINS, "successUrl") == CONFIGURED


@given(st.text())
def test_no_text_breaks_it_or_gets_past_it(text: str) -> None:
    assert origin_of(text) is None or text.lower().startswith(("http://", "https://"))
    found = origin_of(f"https://app.example{text}")
    if found == ("https", "app.example", 443):
        assert text == "" or text[0] in "/?#:"
