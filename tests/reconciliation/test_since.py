"""How far back people may say."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.backfill import events_since
from services.errors import InvalidInput
from services.since import EARLIEST, parse_since
from tests.setup.command import billgraph

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90m", datetime(2026, 11, 21, 10, 30, tzinfo=UTC)),
        ("12h", datetime(2026, 11, 21, tzinfo=UTC)),
        ("3d", datetime(2026, 11, 18, 12, tzinfo=UTC)),
        ("2w", datetime(2026, 11, 7, 12, tzinfo=UTC)),
        ("999999w", EARLIEST),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T06:00:00+02:00", datetime(2026, 11, 1, 4, tzinfo=UTC)),
        ("2026-11-01 06:00", datetime(2026, 11, 1, 6, tzinfo=UTC)),
    ],
)
def test_times_that_are_understood(text: str, moment: datetime) -> None:
    assert parse_since(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "3", "0d", "-3d", "3 d", "3y", "d", "2026-13-01", "1999-01-01", "2026-11-22", "\u0663d", "3d\n"])
def test_times_that_are_not(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_since(text, NOW)


def test_events_are_kept_for_thirty_days() -> None:
    assert events_since("30d", NOW) == NOW - timedelta(days=30)
    with pytest.raises(InvalidInput, match="30 days"):
        events_since("31d", NOW)


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (
            ("webhooks", "backfill", "--since", "40d"),
            "Stripe lists the events of 30 days: give --since 30d at most; what is older, `billgraph reconcile` finds.",
        ),
        (("reconcile", "--since", "yesterday"), "--since 'yesterday' is no time: give for example 12h, 3d, 2w or 2026-11-01."),
    ],
)
async def test_a_time_that_cannot_be_is_refused_in_one_line(command: tuple[str, ...], line: str, tmp_path: Path) -> None:
    assert await billgraph(*command, var=tmp_path, STRIPE_SECRET_KEY="sk_test_x", STRIPE_WEBHOOK_SECRET="whsec_x") == (
        1,
        "",
        f"billgraph: {line}\n",
    )
