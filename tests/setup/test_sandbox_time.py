"""`billgraph sandbox advance` against a served process: time moves, what falls due is told, and refusals are one line."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from models import Subscription
from models.database import connect, disconnect
from services.errors import InvalidInput
from services.sandbox_time import parse_span
from tests.served import Served, free_port
from tests.setup.command import Ended, billgraph


class Running:
    """A served process with its sandbox, and the command beside it."""

    def __init__(self, environment: dict[str, str], var: Path) -> None:
        self._environment, self._var = environment, var

    async def command(self, *arguments: str) -> Ended:
        return await billgraph(*arguments, var=self._var, **self._environment)


@pytest_asyncio.fixture
async def running(database_url: str, tmp_path: Path) -> AsyncIterator[Running]:
    port = free_port()
    served = Served(tmp_path / "var", port, DATABASE_URL=database_url)
    try:
        await asyncio.to_thread(served.wait)
        await connect(database_url)
        yield Running({"DATABASE_URL": database_url, "PORT": str(port)}, tmp_path / "var")
        await disconnect()
    finally:
        served.process.kill()
        await asyncio.to_thread(served.process.wait)


async def test_a_subscription_is_renewed_by_the_command(running: Running) -> None:
    assert (await running.command("webhooks", "trigger", "customer.subscription.created")).code == 0
    before = await Subscription.get()
    ended = await running.command("sandbox", "advance", "400d")
    told = re.fullmatch(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC  (\d+) events\n", ended.out)
    assert (ended.code, told is not None) == (0, True), ended
    assert told is not None
    moved = datetime.fromisoformat(told[1]).replace(tzinfo=UTC) - datetime.now(UTC)
    assert timedelta(days=399, hours=23) < moved <= timedelta(days=400)
    assert int(told[2]) >= 5
    after = await Subscription.get()
    assert (after.id, after.status, after.current_period_start) == (before.id, "ACTIVE", before.current_period_end)


@pytest.mark.parametrize("span", ["", "1mo", "31", "0d", "-1d", "d", "1.5h", "3661d", "999999999w", "1d 2h"])
def test_a_span_that_is_none(span: str) -> None:
    with pytest.raises(InvalidInput):
        parse_span(span)


def test_spans() -> None:
    spans = {"90s": 90, "45m": 2700, "12h": 43200, "31d": 31 * 86400, "2w": 14 * 86400, "3660d": 3660 * 86400}
    assert {text: int(parse_span(text).total_seconds()) for text in spans} == spans


async def test_a_wrong_span_is_told_in_one_line(tmp_path: Path) -> None:
    ended = await billgraph("sandbox", "advance", "1mo", var=tmp_path)
    assert ended == (2, "", "billgraph: '1mo' is no span of time: give for example 45m, 12h, 31d or 2w.\n")


@pytest.mark.parametrize("environment", [{"STRIPE_SECRET_KEY": "sk_test_x"}, {"STRIPE_ENABLED": "false"}])
async def test_time_is_moved_in_the_sandbox_alone(environment: dict[str, str], tmp_path: Path) -> None:
    ended = await billgraph("sandbox", "advance", "1d", var=tmp_path, **environment)
    line = "billgraph: Time is moved in the sandbox alone: leave STRIPE_SECRET_KEY out and run billgraph serve.\n"
    assert ended == (2, "", line)


async def test_a_sandbox_that_does_not_run_is_told_in_one_line(tmp_path: Path) -> None:
    ended = await billgraph("sandbox", "advance", "1d", var=tmp_path, PORT=str(free_port()))
    assert ended == (1, "", "billgraph: The sandbox does not answer: run billgraph serve with the same settings.\n")
