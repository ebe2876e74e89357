"""Pages: walking a list by any sizes, in either direction, gives each row once, in order."""

import base64
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models import Customer
from tests.resolvers.asking import Asking
from tests.resolvers.world import payment

PAGE = """query($first: Int, $after: String, $last: Int, $before: String, $filter: PaymentFilter) {
  payments(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
    edges { cursor node { id } } nodes { id } totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""


STATUSES = ["SUCCEEDED", "FAILED", "PENDING"]

ASKED: list[tuple[str, dict[str, Any] | None]] = [
    ("owner", None),
    ("owner", {"status": STATUSES}),
    ("support", None),
    ("support", {"status": STATUSES}),
    ("support", {"currency": "USD", "status": STATUSES}),
    ("support", {"search": "alice@example.test"}),
]
"""Ways to ask for the same rows, each by another index."""


@pytest.fixture
async def ids(database: str) -> list[str]:
    """Ids of 23 payments of one customer, newest first; some of the same millisecond."""
    customer = await Customer.create(external_id="alice", email="alice@example.test")
    made = [await payment(customer, minutes // 3, status=STATUSES[minutes % 3]) for minutes in range(23)]
    return sorted((row.id for row in made), reverse=True)


async def walk(asking: Asking, asked: tuple[str, dict[str, Any] | None], sizes: list[int], *, forward: bool) -> list[list[str]]:
    pages: list[list[str]] = []
    cursor: str | None = None
    more, turn = True, 0
    while more:
        size = sizes[turn % len(sizes)]
        chosen: dict[str, Any] = {"first": size, "after": cursor} if forward else {"last": size, "before": cursor}
        page = (await asking.ask(asked[0], PAGE, **chosen, filter=asked[1]))["payments"]
        found = [edge["node"]["id"] for edge in page["edges"]]
        assert found == [node["id"] for node in page["nodes"]]
        info = page["pageInfo"]
        assert (info["startCursor"], info["endCursor"]) == (page["edges"][0]["cursor"], page["edges"][-1]["cursor"])
        assert info["hasPreviousPage" if forward else "hasNextPage"] is (turn > 0)
        assert page["totalCount"] == 23
        pages.append(found)
        more, cursor = (info["hasNextPage"], info["endCursor"]) if forward else (info["hasPreviousPage"], info["startCursor"])
        turn += 1
    return pages


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=st.sampled_from(ASKED), sizes=st.lists(st.integers(1, 100), min_size=1, max_size=4))
async def test_walking_forward_gives_each_row_once(
    asking: Asking, ids: list[str], asked: tuple[str, dict[str, Any] | None], sizes: list[int]
) -> None:
    pages = await walk(asking, asked, sizes, forward=True)
    assert [row for page in pages for row in page] == ids


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=st.sampled_from(ASKED), sizes=st.lists(st.integers(1, 100), min_size=1, max_size=4))
async def test_walking_backward_gives_each_row_once(
    asking: Asking, ids: list[str], asked: tuple[str, dict[str, Any] | None], sizes: list[int]
) -> None:
    pages = await walk(asking, asked, sizes, forward=False)
    assert [row for page in reversed(pages) for row in page] == ids


async def test_a_page_is_of_twenty(asking: Asking, ids: list[str]) -> None:
    page = (await asking.ask("owner", PAGE))["payments"]
    assert [node["id"] for node in page["nodes"]] == ids[:20]
    assert page["pageInfo"]["hasNextPage"] is True


async def test_between_two_cursors(asking: Asking, ids: list[str]) -> None:
    def cursor(row_id: str) -> str:
        return base64.urlsafe_b64encode(row_id.encode()).decode().rstrip("=")

    page = (await asking.ask("owner", PAGE, first=2, after=cursor(ids[3]), before=cursor(ids[6])))["payments"]
    assert [node["id"] for node in page["nodes"]] == ids[4:6]
    assert (page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["hasNextPage"]) == (True, True)
    page = (await asking.ask("owner", PAGE, last=1, after=cursor(ids[3]), before=cursor(ids[6])))["payments"]
    assert [node["id"] for node in page["nodes"]] == [ids[5]]
    assert (page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["hasNextPage"]) == (True, True)


async def test_an_empty_list(asking: Asking, ids: list[str]) -> None:
    page = (await asking.ask("other", PAGE))["payments"]
    assert page == {
        "edges": [],
        "nodes": [],
        "totalCount": 0,
        "pageInfo": {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None},
    }


@pytest.mark.parametrize(
    "arguments",
    [
        {"first": 0},
        {"first": 101},
        {"last": 0},
        {"last": -1},
        {"first": 1, "last": 1},
        {"after": ""},
        {"after": "not a cursor"},
        {"after": "ä"},
        {"before": base64.urlsafe_b64encode(b"rfd_" + b"0" * 26).decode().rstrip("=")},
        {"after": base64.urlsafe_b64encode(b"pay_" + b"0" * 26).decode() + "===="},
        {"after": base64.urlsafe_b64encode(b"pay_\x00").decode()},
    ],
)
async def test_arguments_that_mean_nothing(asking: Asking, arguments: dict[str, Any]) -> None:
    assert await asking.codes("owner", PAGE, **arguments) == ["BAD_USER_INPUT"]
    nested = """query($first: Int, $after: String, $last: Int, $before: String) { viewer { customer {
      payments(first: $first, after: $after, last: $last, before: $before) { totalCount } } } }"""
    await Customer.create(external_id="alice")
    assert await asking.codes("owner", nested, **arguments) == ["BAD_USER_INPUT"]
