"""The log: one line an event, JSON in production, and nothing secret or personal in it."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from services.structured_logging import MASK, MAX_TEXT, configure, hide, masked
from settings import Settings

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def written(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_production_writes_json_with_what_is_bound(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings(environment="production"))
    with structlog.contextvars.bound_contextvars(request_id="request-1"):
        structlog.get_logger("test").info("paid", amount=500)
    (line,) = written(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "paid", "amount": 500, "request_id": "request-1", "level": "info"}


def test_libraries_write_through_the_same_chain(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings(environment="production"))
    logging.getLogger("some.library").warning("asked with %s", "Bearer abcdefghijkl")
    logging.getLogger("httpx").info("GET https://api.stripe.com/v1/customers/cus_1")
    logging.getLogger("fontTools.subset").info("glyf pruned")
    (line,) = written(capsys)
    assert line["event"] == f"asked with {MASK}"


def test_tracebacks_are_one_line_and_masked(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings(environment="production"))
    try:
        int("key sk_live_abc123 of ada@example.com")
    except ValueError:
        structlog.get_logger("test").exception("failed")
    (line,) = written(capsys)
    assert f"'key {MASK} of {MASK}'" in line["exception"]


def test_development_is_readable(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings(environment="development"))
    structlog.get_logger("test").warning("retrying", attempt=2, secret="abc")
    text = capsys.readouterr().err
    assert "retrying" in text
    assert "attempt=2" in text
    assert "abc" not in text


def test_severity_is_a_setting(capsys: pytest.CaptureFixture[str]) -> None:
    configure(Settings(environment="production", log_level="WARNING"))
    structlog.get_logger("test").info("nothing")
    structlog.get_logger("test").warning("something")
    assert [line["event"] for line in written(capsys)] == ["something"]


@pytest.mark.parametrize(
    "text",
    [
        "sk_test_51abc",
        "rk_live_51abc",
        "whsec_abc",
        "whsec_ab+cd/efWhsecRest==",
        "pi_3abc_secret_def",
        TOKEN,
        "Bearer abcdefghijkl",
        "authorization: bearer abcdefghijkl",
        "postgres://user:password@host/x",
        "ada.lovelace+x@example.co.uk",
        "development-only-0123abc",
    ],
)
def test_secrets_and_people_are_masked_in_any_text(text: str) -> None:
    for value in (f"before {text} after", {"a": [text]}, (text,), RuntimeError(text)):
        assert not any(
            part in str(masked(value))
            for part in ("51abc", "secret_def", "whsec_abc", "WhsecRest", "eyJ", "abcdefgh", "password", "ada", "0123abc")
        )
    assert masked("before sk_test_51abc after") == f"before {MASK} after"


@pytest.mark.parametrize("part", ["a", "eyJ", "a.", "_secret", "a:", "://a", "Bearer ", "x_secret_", "a@", "sk_test_"])
def test_what_a_caller_makes_long_is_cut_and_masked_in_no_time(part: str) -> None:
    text = masked(part * 1_000_000)
    assert len(text) <= MAX_TEXT + len("[cut]")
    assert text.endswith("[cut]")


def test_named_secrets_are_masked_whatever_they_hold() -> None:
    event = {
        "event": "x",
        "Authorization": "q",
        "client_secret": "q",
        "token": None,
        "email": "q",
        "count": 3,
        "nested": {"password": "q", "ok": True},
    }
    assert hide(None, "info", event) == {
        "event": "x",
        "Authorization": MASK,
        "client_secret": MASK,
        "token": None,
        "email": MASK,
        "count": 3,
        "nested": {"password": MASK, "ok": True},
    }


def test_ids_and_figures_stay() -> None:
    for text in ("cus_abc", "pay_01h2", "evt_1", "cs_test_a1b2", "/graphql", "2026-11-20T10:00:00Z", "billgraph.sqlite3"):
        assert masked(text) == text
    assert masked([1, None, True, 2.5]) == [1, None, True, 2.5]
