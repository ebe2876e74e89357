import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.negotiation import MediaType, accepts_html, is_json, preferred
from tests.schema.served import Client

G, J = MediaType.GRAPHQL, MediaType.JSON


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, J), ("", J), ("*/*", J), ("application/*", J), ("application/json", J), (G, G),
        ("application/graphql-response+json,application/json;q=0.9", G),
        ("application/json;q=0.9,application/graphql-response+json", G),
        ("application/graphql-response+json;q=0.5, application/json", J),
        ("application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed", G),
        ("application/json, text/plain, */*", J), ("application/graphql-response+json, */*", G), ("*/*, application/json;q=0.1", G),
        ("application/json;q=0, */*", G), ("APPLICATION/GRAPHQL-RESPONSE+JSON", G), ("application/json; charset=utf-8", J),
        ("application/json; charset=latin-1", None), ("text/html", None), ("text/event-stream", None), ("*/*;q=0", None),
        ("application/json;q=high", None), ("application/json;q=nan", None), ("image/png, */*;q=0.1", J), (",,;;q", None),
        ("application/json" + " " * 3000, J),
    ],
)  # fmt: skip
def test_preferred(accept: str | None, expected: MediaType | None) -> None:
    assert preferred(accept) == expected


@given(st.text(max_size=80))
def test_any_header_is_read(text: str) -> None:
    assert preferred(text) in {G, J, None}
    assert accepts_html(text) in {True, False}
    assert is_json(text) in {True, False}


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [("application/json", True), ("Application/JSON; Charset=UTF-8", True), ('application/json; charset="utf-8"', True), (None, False),
     ("application/json-seq", False), ("application/json; charset=utf-16", False), ("text/plain; application/json", False)],
)  # fmt: skip
def test_is_json(content_type: str | None, expected: bool) -> None:
    assert is_json(content_type) is expected


async def test_neither_is_acceptable(client: Client) -> None:
    answer = await client.ask("{ __typename }", accept="text/event-stream")
    assert (answer.status_code, answer.headers["content-type"]) == (406, "application/json; charset=utf-8")
