"""`billgraph statistics` and `billgraph statistics rebuild` as an operator runs them."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from models import Checkpoint, Seller, StatisticsDelta, StatisticsRollup
from services.statistics.folding import fold
from services.time_zones import zone_of
from tests.statistics.test_sums import paid, written
from tests.test_cli import billgraph

MOMENT = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
"""In Berlin the 29th, when the clocks go forward."""

RANGE = ("--since", "2026-03-28", "--until", "2026-04-01")
CHART = f"""\
2026-03-28 to 2026-03-31, Europe/Berlin

USD
  gross                      150.00   succeeded             2
  refunded                     0.00   failed                0
  lost to disputes             0.00   success rate     100.0%
  net                        150.00   refund rate        0.0%
  monthly recurring            0.00   paid after       90.0 s

  2026-03-28  {"█" * 20}{" " * 20}  50.00
  2026-03-29  {"█" * 40}  100.00

subscriptions: 0 active, 0 new, 0 ended, churn -
webhooks: 0 received, 0 processed, 0 failed, 0 ignored, 0 stale, 95 of 100 in -
"""


@pytest.fixture
def command(database: None, database_url: str, tmp_path: Path) -> Any:
    surroundings = {"DATABASE_URL": database_url, "SANDBOX": "true", "LOG_LEVEL": "ERROR", "PYTHONUTF8": "1"}

    async def run(*arguments: str, zone: str = "Europe/Berlin") -> tuple[int, str, str]:
        asked = ("statistics", *arguments)
        ended = await asyncio.to_thread(lambda: billgraph(*asked, var=tmp_path, STATISTICS_TIME_ZONE=zone, **surroundings))
        return ended.returncode, ended.stdout, ended.stderr

    return run


async def test_a_recount_takes_in_what_was_there_and_finds_nothing_the_second_time(command: Any) -> None:
    seller = await Seller.create(external_id="carol", name="Carol")
    for amount, hours, seller_id in ((5_000, -1, None), (10_000, 0, seller.id)):
        moment = MOMENT + timedelta(hours=hours)
        row = paid(moment, amount=amount, succeeded_at=moment + timedelta(seconds=90), seller_id=seller_id)
        await row.save(force_create=True)
    listed = [
        "2026-03-28 SUCCEEDED USD all sales: kept 0 and 0, counted 1 and 5000",
        "2026-03-29 SUCCEEDED USD all sales: kept 0 and 0, counted 1 and 10000",
        "2026-03-28 WAITED USD all sales: kept 0 and 0, counted 1 and 90000",
        "2026-03-29 WAITED USD all sales: kept 0 and 0, counted 1 and 90000",
        f"2026-03-29 SUCCEEDED USD {seller.id}: kept 0 and 0, counted 1 and 10000",
        f"2026-03-29 WAITED USD {seller.id}: kept 0 and 0, counted 1 and 90000",
    ]
    found = "".join(f"{line}\n" for line in listed)
    told = "billgraph: 2 rows counted, 6 sums differed\nbillgraph: nothing was changed: without --dry-run they are mended\n"
    assert await command("rebuild", "--dry-run") == (1, found, told)
    assert await StatisticsDelta.all().count() + await StatisticsRollup.all().count() == 0
    code, out, said = await command(*RANGE)
    assert (code, out.count("USD")) == (0, 0)
    assert said == "billgraph: not all was counted in this time zone yet: the worker will, or billgraph statistics rebuild\n"
    told = "billgraph: 2 rows counted, 6 sums differed\nbillgraph: they are as counted now\n"
    assert await command("rebuild") == (1, found, told)
    assert await command("rebuild") == (0, "", "billgraph: 2 rows counted, 0 sums differed\n")
    assert await command("rebuild", "--dry-run") == (0, "", "billgraph: 2 rows counted, 0 sums differed\n")
    assert await command(*RANGE) == (0, CHART, "")
    await fold(zone_of("Europe/Berlin"), 100)
    assert await command(*RANGE) == (0, CHART, "")
    for name in (seller.id, "carol"):
        code, out, said = await command(*RANGE, "--seller", name, "--json")
        assert (code, said) == (0, "")
        assert [(one["gross"], one["series"][0]["date"]) for one in json.loads(out)["currencies"]] == [(10_000, "2026-03-29")]


async def test_in_json_the_words_are_those_of_graphql(command: Any) -> None:
    await written(paid(MOMENT))
    await Checkpoint.create(name="statistics", position={"time_zone": "UTC"}, updated_at=MOMENT)
    code, out, said = await command(*RANGE, "--json", zone="UTC")
    numbers = {"gross": 4900, "refunded": 0, "lostToDisputes": 0, "succeeded": 1, "failed": 0}
    rates = {"successRate": 1.0, "refundRate": 0.0, "averageSecondsToPay": 90.0}
    dollars = {"currency": "USD", **numbers, "net": 4900, "monthlyRecurringRevenue": 0, **rates}
    assert (code, said) == (0, "")
    assert json.loads(out) == {
        "since": "2026-03-28",
        "until": "2026-03-31",
        "currencies": [{**dollars, "series": [{"date": "2026-03-28", **numbers}]}],
        "activeSubscriptions": 0,
        "newSubscriptions": 0,
        "canceledSubscriptions": 0,
        "churnRate": None,
        "webhookDelivery": {"received": 0, "processed": 0, "failed": 0, "ignored": 0, "stale": 0, "p95Milliseconds": None},
        "failureReasons": [],
    }


async def test_what_cannot_be_is_one_line(command: Any) -> None:
    for arguments, said in (
        (("--since", "soon"), "--since 'soon' is no time: give for example 12h, 3d, 2w or 2026-11-01."),
        (("--since", "2026-03-02", "--until", "2026-03-01"), "The range ends before it begins."),
        (("--since", "2001-01-01"), "A range has 3660 days at most."),
        (("--seller", "nobody"), "There is no such seller."),
    ):
        assert await command(*arguments) == (1, "", f"billgraph: {said}\n")
    for zone in ("Berlin", "../../etc/passwd", "Europe"):
        code, out, said = await command(zone=zone)
        known = "billgraph: Set STATISTICS_TIME_ZONE to the IANA name of a time zone that this machine knows, such as Europe/Berlin."
        assert (code, out, said.startswith(known)) == (2, "", True)
